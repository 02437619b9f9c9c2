/* One's own certificates. */
#include "diagnose/doctor_checks.h"

#include "base/terminal.h"
#include "cert/record.h"
#include "cert/state.h"
#include "cert/timer.h"
#include "preload/session.h"

#include <stdlib.h>

#define ABOUT_CERTIFICATES "certificates"

static int look_at(const struct pga_cert_record *record, time_t now, struct pga_cert_state *state,
		   struct pga_error *error)
{
	const struct pga_cert_files files = {record->certificate, record->key, record->server};

	return pga_cert_look(&files, now, state, error);
}

static int enable_timer(const struct pga_cert_record *record, bool dry_run, struct pga_text *done,
			struct pga_error *error)
{
	struct pga_cert_state state = {.from = 0};
	struct pga_cert_timer timer = {.system = false};
	char *why = NULL;
	bool started;
	int result = look_at(record, time(NULL), &state, error);

	if (result == 0)
		result = pga_cert_timer_look(record, &state, false, &timer, error);
	if (result == 0 && !timer.enabled) {
		pga_text_addf(done, "enable the timer %s\n", timer.unit);
		if (!dry_run)
			result = pga_cert_timer_enable(&timer, pga_user_session_runs(), &started,
						       &why, error);
	}
	if (why != NULL)
		pga_print_warning("%s; the timer starts with your next session", why);
	free(why);
	pga_cert_timer_free(&timer);
	pga_cert_state_free(&state);
	return result;
}

static int fix_timer(const char *object, bool dry_run, struct pga_text *done,
		     struct pga_error *error)
{
	struct pga_cert_records records;
	const struct pga_cert_record *record;
	int result = pga_cert_records_read(&records, error);

	record = result == 0 ? pga_cert_record_named(&records, object) : NULL;
	if (record != NULL)
		result = enable_timer(record, dry_run, done, error);
	pga_cert_records_free(&records);
	return result;
}

static void judge_timer(const struct pga_cert_record *record, const struct pga_cert_state *state,
			struct pga_findings *findings)
{
	if (record->way[0] == '\0' || pga_cert_timer_is_enabled(record->name, false) ||
	    pga_cert_timer_is_enabled(record->name, true) || !pga_user_session_runs())
		return;
	pga_findings_add(findings, PGA_CERT_NO_TIMER, PGA_SEVERITY_NOTE, ABOUT_CERTIFICATES,
			 "nothing renews the certificate %s by itself", record->name);
	pga_findings_detail(findings, "it is to be renewed %s, and ends %s", state->due_date,
			    state->not_after);
	pga_findings_hint(findings, "pganchor cert timer enable %s", record->name);
	pga_findings_object(findings, "%s", record->name);
	pga_findings_fix(findings, fix_timer);
}

static void judge(const struct pga_cert_record *record, const struct pga_cert_state *state,
		  struct pga_findings *findings)
{
	const bool revoked = pga_cert_record_revoked(record, pga_cert_leaf(state));

	if (revoked || state->standing == PGA_CERT_BROKEN) {
		pga_findings_add(findings, PGA_CERT_BROKEN_FOUND, PGA_SEVERITY_ERROR,
				 ABOUT_CERTIFICATES, "the certificate %s cannot be used",
				 record->name);
		if (revoked)
			pga_findings_detail(findings, "it was revoked %s", record->revoked);
		else
			pga_findings_detail(findings, "%s", state->fault);
		pga_findings_hint(findings, "pganchor cert status %s", record->name);
		pga_findings_object(findings, "%s", record->name);
		return;
	}
	if (record->failures > 0) {
		pga_findings_add(findings, PGA_CERT_NOT_RENEWED, PGA_SEVERITY_WARNING,
				 ABOUT_CERTIFICATES,
				 "the certificate %s was not renewed, and ends %s", record->name,
				 state->not_after);
		pga_findings_detail(findings, "%s", record->why);
		pga_findings_hint(findings, "pganchor cert renew %s --force", record->name);
		pga_findings_object(findings, "%s", record->name);
	}
	judge_timer(record, state, findings);
}

int pga_check_certs(const struct pga_doctor *doctor, struct pga_findings *findings,
		    struct pga_error *error)
{
	struct pga_cert_records records;
	struct pga_error unread;
	int result = 0;

	if (pga_cert_records_read(&records, &unread) != 0)
		pga_check_failed(findings, ABOUT_CERTIFICATES, PGA_CERTS_FILE, &unread);
	for (size_t i = 0; i < records.count && result == 0; i++) {
		struct pga_cert_state state;

		result = look_at(&records.records[i], doctor->now, &state, error);
		if (result == 0)
			judge(&records.records[i], &state, findings);
		pga_cert_state_free(&state);
	}
	pga_cert_records_free(&records);
	if (result != 0)
		return -1;
	return findings->failed ? pga_fail_memory(error) : 0;
}
