/* The timer of systemd that has one certificate renewed: two templates for all of them,
 * pganchor-renew@.timer and .service, and for each a link by which it is started, and what is its
 * own: how often it is looked at, and which directories it may write. */
#ifndef PGA_CERT_TIMER_H
#define PGA_CERT_TIMER_H

#include "base/error.h"
#include "cert/record.h"
#include "cert/state.h"

#include <stdbool.h>

/* The first of them are for all certificates. */
enum { PGA_CERT_TIMER_SHARED = 2, PGA_CERT_TIMER_FILES = 4 };

struct pga_cert_timer {
	bool system;                        /* the machine's systemd; else the user's */
	char *unit;                         /* pganchor-renew@NAME.timer */
	char *link;                         /* in timers.target.wants */
	char *paths[PGA_CERT_TIMER_FILES];  /* of the timer, the service, and what is this one's of
					     * each
					     */
	char *wanted[PGA_CERT_TIMER_FILES]; /* what is to stand there */
	bool current;                       /* all of it does */
	bool enabled;                       /* the link is there */
	size_t others;                      /* so many links of other certificates are, too */
};

/* state: of the certificate, whose life says how often it is looked at. Returns -1 where it cannot
 * be told. To be freed in either case. */
int pga_cert_timer_look(const struct pga_cert_record *record, const struct pga_cert_state *state,
			bool system, struct pga_cert_timer *timer, struct pga_error *error);
void pga_cert_timer_free(struct pga_cert_timer *timer);

/* Writes the units and the link, and with `runs` has systemd, which runs, start the timer now:
 * *started. Where systemctl fails, *why (which the caller frees; NULL: it did not) says so, and the
 * timer is started with the next session, or boot. */
int pga_cert_timer_enable(const struct pga_cert_timer *timer, bool runs, bool *started, char **why,
			  struct pga_error *error);

/* Stops it, and takes link and units away; the templates with the last of them. */
int pga_cert_timer_disable(const struct pga_cert_timer *timer, bool runs, char **why,
			   struct pga_error *error);

/* Whether what it may write is this user's certs.conf: on the machine's systemd, a timer of this
 * name can be that of another one. Returns -1 where that cannot be told. */
int pga_cert_timer_is_ours(const struct pga_cert_timer *timer, bool *ours, struct pga_error *error);

/* Whether the link of this name is there. */
bool pga_cert_timer_is_enabled(const char *name, bool system);

/* How many seconds lie between two looks at a certificate that is valid for so many. */
long pga_cert_timer_pause(long life);

#endif
