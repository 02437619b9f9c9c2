#include "diagnose/overview.h"

#include "anchor/crls.h"
#include "anchor/known_roots.h"
#include "base/paths.h"
#include "diagnose/coverage.h"
#include "password/ask_keyring.h"
#include "preload/session.h"
#include "tls/at_time.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECONDS_AN_HOUR 3600

static void take_end(struct pga_overview *overview, const char *kind, const char *name, time_t end)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (end <= 0 || (overview->next != NULL && overview->next_end <= end))
		return;
	pga_text_addf(&text, "%s %s", kind, name);
	free(overview->next);
	overview->next = pga_text_take(&text);
	overview->next_end = end;
}

static void find_end(struct pga_overview *overview)
{
	const struct pga_pins *pins = &overview->doctor.pins;
	struct pga_error ignored;
	struct pga_crls crls;

	for (size_t i = 0; i < pins->count; i++) {
		struct pga_certificate certificate;

		if (!pga_known_root_read(&pins->pins[i], NULL, &certificate))
			continue;
		take_end(overview, "anchor", pins->pins[i].name,
			 pga_time_of(X509_get0_notAfter(certificate.x509)));
		pga_certificate_free(&certificate);
	}
	/* One that cannot be read is among the findings. */
	if (pga_crls_read(&crls, &ignored) == 0)
		for (size_t i = 0; i < crls.count; i++) {
			bool there = false;

			if (pga_crl_is_there(&crls.records[i], &there, &ignored) != 0 || there)
				take_end(overview, "CRL", crls.records[i].name,
					 pga_crl_time(crls.records[i].next_update));
		}
	pga_crls_free(&crls);
}

static void count_passwords(struct pga_overview *overview)
{
	struct pga_passwords passwords;
	struct pga_error ignored;

	overview->keyring = pga_ask_keyring_is_possible();
	overview->passwords_unread = pga_passwords_reload(&passwords, NULL, &ignored) != 0;
	for (size_t i = 0; i < passwords.count && !overview->passwords_unread; i++)
		if (passwords.entries[i].kind == PGA_SECRET_PASSWORD)
			overview->passwords++;
		else
			overview->passphrases++;
	pga_passwords_free(&passwords);
}

/* systemd notes when a persistent timer has run last in the time of a file (systemd.timer(5)). */
static time_t last_run(void)
{
	const char *data = getenv("XDG_DATA_HOME");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_home();
	struct stat status;
	time_t last = 0;

	if (data != NULL && data[0] == '/')
		pga_text_add(&path, data);
	else if (home != NULL)
		pga_text_addf(&path, "%s/.local/share", home);
	pga_text_add(&path, "/systemd/timers/stamp-" PGA_REFRESH_TIMER);
	if (stat(pga_text_string(&path), &status) == 0)
		last = status.st_mtim.tv_sec;
	pga_text_free(&path);
	free(home);
	return last;
}

/* The timer runs at each full hour, or up to half an hour behind. */
static void look_at_timer(struct pga_overview *overview)
{
	struct pga_error ignored;

	overview->timer_unread = pga_refresh_timer_look(&overview->timer, &ignored) != 0;
	overview->session = pga_user_session_runs();
	if (overview->timer_unread || !overview->timer.enabled || !overview->timer.installed)
		return;
	overview->last_run = last_run();
	if (overview->session)
		overview->next_run = (overview->doctor.now / SECONDS_AN_HOUR + 1) * SECONDS_AN_HOUR;
}

static void count(struct pga_overview *overview)
{
	const struct pga_processes *processes = &overview->doctor.status.processes;
	const struct pga_service_list *services = &overview->doctor.services;

	for (size_t i = 0; i < services->count; i++)
		overview->allowed += services->entries[i].evaluation.state == PGA_ENTRY_ALLOWED;
	for (size_t i = 0; i < processes->count; i++) {
		const struct pga_process *process = &processes->list[i];

		overview->libpqs += process->libpq_count > 0 || process->inside != NULL;
		overview->uncovered += pga_process_is_bare(process);
	}
	pga_doctor_count(&overview->doctor, &overview->counts);
}

/* All of the checks, and what doctor asks of none of them (pga_doctor_run(), doctor_upkeep.c). */
static void find_more(struct pga_overview *overview)
{
	const struct pga_doctor *doctor = &overview->doctor;

	for (size_t i = 0; pga_checks[i].run != NULL; i++)
		if (pga_checks[i].more != NULL)
			overview->more[overview->more_count++] = pga_checks[i].more;
	if (doctor->accepted.count > 0)
		overview->more[overview->more_count++] = "accepted";
	if (!doctor->broken && doctor->policy.mode == PGA_MODE_AUDIT)
		overview->more[overview->more_count++] = "audit log";
}

int pga_overview_look(struct pga_overview *overview, struct pga_error *error)
{
	memset(overview, 0, sizeof *overview);
	overview->doctor.quick = true;
	if (pga_doctor_begin(&overview->doctor, error) != 0 ||
	    pga_doctor_run(&overview->doctor, &overview->checkup, error) != 0)
		return -1;
	find_end(overview);
	count_passwords(overview);
	look_at_timer(overview);
	count(overview);
	find_more(overview);
	return 0;
}

void pga_overview_free(struct pga_overview *overview)
{
	free(overview->next);
	pga_refresh_timer_free(&overview->timer);
	pga_doctor_free(&overview->doctor);
}
