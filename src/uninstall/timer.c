/* The timers of systemd: the user's that refreshes anchors, and those that renew certificates,
 * root's of the machine's systemd, too. */
#include "uninstall/plan.h"

#include "anchor/refresh_timer.h"
#include "base/terminal.h"
#include "cert/record.h"
#include "cert/timer.h"
#include "preload/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add(struct pga_uninstall *plan, const char *path, const char *what,
	       struct pga_error *error)
{
	struct stat status;

	return lstat(path, &status) == 0
		   ? pga_leave_add_step(plan, PGA_LEAVE_REMOVE, path, what, error)
		   : 0;
}

/* Those of one certificate; what is for all of them goes with the last one. */
static int plan_renewal(struct pga_uninstall *plan, const struct pga_cert_timer *timer, bool last,
			struct pga_error *error)
{
	if (add(plan, timer->link, "", error) != 0)
		return -1;
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		const bool shared = i < PGA_CERT_TIMER_SHARED;

		if ((!shared || last) &&
		    add(plan, timer->paths[i], i == 0 ? "the timers that renew certificates" : "",
			error) != 0)
			return -1;
	}
	return 0;
}

static int stop_renewal(struct pga_uninstall *plan, const struct pga_cert_timer *timer,
			struct pga_error *error)
{
	const bool runs =
	    timer->system ? access("/run/systemd/system", F_OK) == 0 : pga_user_session_runs();
	char *why = NULL;
	int result = pga_cert_timer_disable(timer, runs, &why, error);

	if (result == 0)
		plan->changed = true;
	if (why != NULL)
		pga_print_warning("the timer runs until %s: %s",
				  timer->system ? "the next boot" : "your session ends", why);
	free(why);
	return result;
}

/* A certs.conf that cannot be read names none: systemd says of what is left that it is not found.
 */
static void read_records(struct pga_cert_records *records)
{
	struct pga_error ignored;

	if (pga_cert_records_read(records, &ignored) != 0)
		records->count = 0;
}

/* Looks at the timer of the certificate: whether there is one that is to go. */
static int find(const struct pga_cert_record *record, bool system, struct pga_cert_timer *timer,
		bool *found, struct pga_error *error)
{
	const struct pga_cert_state nothing = {.from = 0};

	memset(timer, 0, sizeof *timer);
	*found = pga_cert_timer_is_enabled(record->name, system);
	if (!*found)
		return 0;
	if (pga_cert_timer_look(record, &nothing, system, timer, error) != 0)
		return -1;
	return system ? pga_cert_timer_is_ours(timer, found, error) : 0;
}

/* The timers of one systemd: planned, or stopped and taken away. */
static int renewals(struct pga_uninstall *plan, bool system, bool stop, struct pga_error *error)
{
	struct pga_cert_records records;
	size_t planned = 0;
	int result = 0;

	read_records(&records);
	for (size_t i = 0; i < records.count && result == 0; i++) {
		struct pga_cert_timer timer;
		bool found;

		result = find(&records.records[i], system, &timer, &found, error);
		if (result == 0 && found && stop)
			result = stop_renewal(plan, &timer, error);
		else if (result == 0 && found)
			result = plan_renewal(plan, &timer, timer.others == planned++, error);
		pga_cert_timer_free(&timer);
	}
	pga_cert_records_free(&records);
	return result;
}

/* Those of the user's systemd, and root's of the machine's. */
static int all_renewals(struct pga_uninstall *plan, bool stop, struct pga_error *error)
{
	if (renewals(plan, false, stop, error) != 0)
		return -1;
	return geteuid() == 0 ? renewals(plan, true, stop, error) : 0;
}

int pga_uninstall_plan_timer(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_refresh_timer timer;
	int result = pga_refresh_timer_look(&timer, error);

	if (result == 0 &&
	    (add(plan, timer.link, "", error) != 0 ||
	     add(plan, timer.timer, "the timer that refreshes the anchors", error) != 0 ||
	     add(plan, timer.service, "", error) != 0))
		result = -1;
	pga_refresh_timer_free(&timer);
	return result == 0 ? all_renewals(plan, false, error) : -1;
}

int pga_uninstall_stop_timer(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_refresh_timer timer;
	char *why = NULL;
	bool there;
	int result = pga_refresh_timer_look(&timer, error);

	there = result == 0 && (timer.installed || timer.enabled);
	if (there)
		result = pga_refresh_timer_disable(&timer, pga_user_session_runs(), &why, error);
	if (there && result == 0)
		plan->changed = true;
	if (why != NULL)
		pga_print_warning("the timer runs until your session ends: %s", why);
	free(why);
	pga_refresh_timer_free(&timer);
	return result == 0 ? all_renewals(plan, true, error) : -1;
}
