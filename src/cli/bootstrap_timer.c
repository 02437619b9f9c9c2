#include "cli/bootstrap_timer.h"

#include "anchor/refresh_timer.h"
#include "base/terminal.h"
#include "preload/session.h"

#include <stdio.h>
#include <stdlib.h>

void pga_bootstrap_timer(bool dry_run, bool quiet)
{
	struct pga_refresh_timer timer = {.service = NULL};
	struct pga_error error;
	bool started;
	char *why = NULL;

	if (!pga_user_session_runs())
		return;
	if (pga_refresh_timer_look(&timer, &error) != 0 ||
	    (!timer.enabled && !dry_run &&
	     pga_refresh_timer_enable(&timer, true, &started, &why, &error) != 0))
		pga_print_warning("the timer that refreshes anchors was not enabled: %s",
				  error.message);
	else if (!timer.enabled && !quiet)
		pga_print(stdout,
			  "%s asked for new roots once a week, by a timer of your systemd; "
			  "pganchor anchor timer disable ends that.\n",
			  dry_run ? "Its source would be" : "Its source is");
	if (why != NULL)
		pga_print_warning("%s; the timer starts with your next session", why);
	free(why);
	pga_refresh_timer_free(&timer);
}
