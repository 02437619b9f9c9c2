/* The timers of the user's systemd: that refreshes anchors, and those that renew certificates. */
#include "uninstall/plan.h"

#include "anchor/refresh_timer.h"
#include "base/terminal.h"
#include "cert/record.h"
#include "cert/timer.h"
#include "preload/session.h"

#include <stdlib.h>
#include <sys/stat.h>

static int add(struct pga_uninstall *plan, const char *path, const char *what,
	       struct pga_error *error)
{
	struct stat status;

	return lstat(path, &status) == 0
		   ? pga_leave_add_step(plan, PGA_LEAVE_REMOVE, path, what, error)
		   : 0;
}

/* Those of one certificate; what is for all of them is named once. */
static int plan_renewal(struct pga_uninstall *plan, const struct pga_cert_timer *timer, bool first,
			struct pga_error *error)
{
	if (add(plan, timer->link, "", error) != 0)
		return -1;
	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++) {
		const bool shared = i < PGA_CERT_TIMER_SHARED;

		if ((!shared || first) &&
		    add(plan, timer->paths[i], i == 0 ? "the timers that renew certificates" : "",
			error) != 0)
			return -1;
	}
	return 0;
}

/* A certs.conf that cannot be read names none: systemd says of what is left that it is not found.
 */
static void read_records(struct pga_cert_records *records)
{
	struct pga_error ignored;

	if (pga_cert_records_read(records, &ignored) != 0)
		records->count = 0;
}

static int plan_renewals(struct pga_uninstall *plan, struct pga_error *error)
{
	const struct pga_cert_state nothing = {.from = 0};
	struct pga_cert_records records;
	bool first = true;
	int result = 0;

	read_records(&records);
	for (size_t i = 0; i < records.count && result == 0; i++) {
		struct pga_cert_timer timer;

		if (!pga_cert_timer_is_enabled(records.records[i].name, false))
			continue;
		result = pga_cert_timer_look(&records.records[i], &nothing, false, &timer, error);
		if (result == 0)
			result = plan_renewal(plan, &timer, first, error);
		first = false;
		pga_cert_timer_free(&timer);
	}
	pga_cert_records_free(&records);
	return result;
}

static int stop_renewal(struct pga_uninstall *plan, const struct pga_cert_record *record,
			struct pga_error *error)
{
	const struct pga_cert_state nothing = {.from = 0};
	struct pga_cert_timer timer;
	char *why = NULL;
	int result = pga_cert_timer_look(record, &nothing, false, &timer, error);

	if (result == 0)
		result = pga_cert_timer_disable(&timer, pga_user_session_runs(), &why, error);
	if (result == 0)
		plan->changed = true;
	if (why != NULL)
		pga_print_warning("the timer runs until your session ends: %s", why);
	free(why);
	pga_cert_timer_free(&timer);
	return result;
}

static int stop_renewals(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_cert_records records;
	int result = 0;

	read_records(&records);
	for (size_t i = 0; i < records.count && result == 0; i++)
		if (pga_cert_timer_is_enabled(records.records[i].name, false))
			result = stop_renewal(plan, &records.records[i], error);
	pga_cert_records_free(&records);
	return result;
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
	return result == 0 ? plan_renewals(plan, error) : -1;
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
	return result == 0 ? stop_renewals(plan, error) : -1;
}
