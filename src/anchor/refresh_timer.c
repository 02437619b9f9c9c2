#include "anchor/refresh_timer.h"

#include "anchor/units.h"
#include "base/file.h"
#include "base/text.h"
#include "base/transaction.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SERVICE "pganchor-refresh.service"

static const char timer_unit[] =
    "# Written by pganchor; \"pganchor anchor timer disable\" takes it away.\n"
    "[Unit]\n"
    "Description=Looks whether a source of pganchor's anchors is to be asked again\n"
    "\n"
    "# A look costs nothing: each source is asked when its own week is up.\n"
    "[Timer]\n"
    "OnCalendar=hourly\n"
    "RandomizedDelaySec=30min\n"
    "Persistent=true\n"
    "\n"
    "[Install]\n"
    "WantedBy=timers.target\n";

/* What a manager without privileges can do: no capability is dropped, and where it can make no
 * namespace, systemd goes on without that. */
static const char service_begin[] =
    "# Written by pganchor; \"pganchor anchor timer disable\" takes it away.\n"
    "[Unit]\n"
    "Description=Refreshes the roots and CRLs that are trusted for PostgreSQL\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n";
static const char service_end[] =
    "# 3: something waits for a person; 1: a source could not be asked, as without a network.\n"
    "SuccessExitStatus=1 3\n"
    "TimeoutStartSec=30min\n"
    "Nice=10\n"
    "UMask=0077\n"
    "NoNewPrivileges=true\n"
    "ProtectSystem=strict\n"
    "ReadWritePaths=%h\n"
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
    "RestrictNamespaces=true\n"
    "RestrictRealtime=true\n"
    "RestrictSUIDSGID=true\n"
    "LockPersonality=true\n"
    "MemoryDenyWriteExecute=true\n"
    "SystemCallArchitectures=native\n"
    "SystemCallFilter=@system-service\n"
    "SystemCallErrorNumber=EPERM\n";

static int compose_service(struct pga_text *unit, struct pga_error *error)
{
	char *program = pga_unit_program();

	if (program == NULL)
		return pga_fail_errno(error, NULL, "could not find out the path of pganchor");
	pga_text_add(unit, service_begin);
	pga_text_add(unit, "ExecStart=");
	pga_unit_add_word(unit, program, true);
	pga_text_add(unit, " anchor refresh --due\n");
	pga_unit_add_environment(unit);
	pga_text_add(unit, service_end);
	free(program);
	return unit->failed ? pga_fail_memory(error) : 0;
}

/* *found: it is there; *same: and has these bytes. */
static int look_at(const char *path, const char *wanted, bool *found, bool *same,
		   struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	const int result = pga_file_read(path, &content, found, error);

	*same = result == 0 && *found && strcmp(pga_text_string(&content), wanted) == 0;
	pga_text_free(&content);
	return result;
}

int pga_refresh_timer_look(struct pga_refresh_timer *timer, struct pga_error *error)
{
	struct pga_text service = PGA_TEXT_EMPTY;
	bool service_found = false;
	bool timer_found = false;
	bool service_same = false;
	bool timer_same = false;
	struct stat status;
	int result = -1;

	memset(timer, 0, sizeof *timer);
	timer->service = pga_unit_path(false, SERVICE, error);
	timer->timer = pga_unit_path(false, PGA_REFRESH_TIMER, error);
	timer->link = pga_unit_path(false, "timers.target.wants/" PGA_REFRESH_TIMER, error);
	if (timer->service != NULL && timer->timer != NULL && timer->link != NULL &&
	    compose_service(&service, error) == 0 &&
	    look_at(timer->service, pga_text_string(&service), &service_found, &service_same,
		    error) == 0 &&
	    look_at(timer->timer, timer_unit, &timer_found, &timer_same, error) == 0)
		result = 0;
	timer->installed = service_found && timer_found;
	timer->current = service_same && timer_same;
	timer->enabled = timer->link != NULL && lstat(timer->link, &status) == 0;
	pga_text_free(&service);
	return result;
}

void pga_refresh_timer_free(struct pga_refresh_timer *timer)
{
	free(timer->service);
	free(timer->timer);
	free(timer->link);
	memset(timer, 0, sizeof *timer);
}

/* Both units, written together or not at all; with remove, taken away. */
static int write_units(const struct pga_refresh_timer *timer, bool away, struct pga_error *error)
{
	struct pga_transaction_file files[2] = {{.change = PGA_UNCHANGED},
						{.change = PGA_UNCHANGED}};
	struct pga_transaction_file *const order[] = {&files[0], &files[1]};
	const char *const paths[] = {timer->service, timer->timer};
	int result = compose_service(&files[0].after, error);

	pga_text_add(&files[1].after, timer_unit);
	for (size_t i = 0; i < 2 && result == 0; i++) {
		result = pga_edit_begin_in(&files[i].edit, paths[i], 0644, 0755, error);
		if (result != 0)
			break;
		if (away)
			files[i].change = files[i].edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
		else if (!files[i].edit.existed || strcmp(pga_text_string(&files[i].edit.before),
							  pga_text_string(&files[i].after)) != 0)
			result = pga_transaction_put(&files[i], error);
	}
	if (result == 0)
		result = pga_transaction_write(order, 2, error);
	for (size_t i = 2; i-- > 0;)
		pga_transaction_end(&files[i]);
	return result;
}

int pga_refresh_timer_enable(const struct pga_refresh_timer *timer, bool session, bool *started,
			     char **why, struct pga_error *error)
{
	*started = false;
	*why = NULL;
	if (write_units(timer, false, error) != 0 ||
	    pga_unit_link(timer->timer, timer->link, error) != 0)
		return -1;
	if (session)
		*why = pga_systemctl(false, "daemon-reload", NULL);
	if (session && *why == NULL)
		*why = pga_systemctl(false, "start", PGA_REFRESH_TIMER);
	*started = session && *why == NULL;
	return 0;
}

int pga_refresh_timer_disable(const struct pga_refresh_timer *timer, bool session, char **why,
			      struct pga_error *error)
{
	*why = NULL;
	if (session && timer->installed)
		*why = pga_systemctl(false, "stop", PGA_REFRESH_TIMER);
	if (pga_unit_unlink(timer->link, error) != 0 || write_units(timer, true, error) != 0)
		return -1;
	if (session && *why == NULL)
		*why = pga_systemctl(false, "daemon-reload", NULL);
	return 0;
}
