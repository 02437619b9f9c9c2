/* The timer of the user's systemd that refreshes anchors. */
#include "uninstall/plan.h"

#include "anchor/refresh_timer.h"
#include "base/terminal.h"
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
	return result;
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
	return result;
}
