/* The timer of the user's systemd that has the anchors refreshed: two units in
 * $XDG_CONFIG_HOME/systemd/user, and a link by which it is started with the session. */
#ifndef PGA_ANCHOR_REFRESH_TIMER_H
#define PGA_ANCHOR_REFRESH_TIMER_H

#include "base/error.h"

#include <stdbool.h>

#define PGA_REFRESH_TIMER "pganchor-refresh.timer"

struct pga_refresh_timer {
	char *service; /* the paths of the units, */
	char *timer;
	char *link;     /* and of the link in timers.target.wants */
	bool installed; /* both units are there */
	bool current;   /* and are what this pganchor writes */
	bool enabled;   /* the link is there */
};

/* Returns -1 where it cannot be told. To be freed in either case. */
int pga_refresh_timer_look(struct pga_refresh_timer *timer, struct pga_error *error);
void pga_refresh_timer_free(struct pga_refresh_timer *timer);

/* Writes the units and the link, and with `session` has the user's systemd, which runs, start the
 * timer now: *started. Where systemctl fails, *why (which the caller frees; NULL: it did not) says
 * so, and the timer is started with the next session. */
int pga_refresh_timer_enable(const struct pga_refresh_timer *timer, bool session, bool *started,
			     char **why, struct pga_error *error);

/* Stops it, and takes link and units away. *why as above: it goes on until the session ends. */
int pga_refresh_timer_disable(const struct pga_refresh_timer *timer, bool session, char **why,
			      struct pga_error *error);

#endif
