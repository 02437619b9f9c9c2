/* How things are here, in figures: what status shows on one screen. */
#ifndef PGA_DIAGNOSE_OVERVIEW_H
#define PGA_DIAGNOSE_OVERVIEW_H

#include "anchor/refresh_timer.h"
#include "base/error.h"
#include "diagnose/doctor.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct pga_overview {
	struct pga_doctor doctor; /* its quick checks */
	struct pga_checkup checkup;
	struct pga_doctor_counts counts;

	/* What doctor looks at and status does not, each in a word or two: so that its counts may
	 * be higher. */
	const char *more[PGA_CHECKS_MOST + 2];
	size_t more_count;

	/* What ends next of anchors and CRLs: "anchor company"; NULL where nothing does. */
	char *next;
	time_t next_end;

	bool keyring; /* pganchor-secret is installed, and there is a bus to ask by */
	bool passwords_unread;
	size_t passwords; /* that the index has */
	size_t passphrases;

	struct pga_refresh_timer timer;
	bool timer_unread;
	bool session;     /* a systemd of the user runs */
	time_t last_run;  /* of the timer; 0: not known */
	time_t next_run;  /* the earliest; 0: it does not run */
	size_t allowed;   /* of the services */
	size_t libpqs;    /* programs with a libpq or a driver */
	size_t uncovered; /* and of these without the gate */
};

/* Looks at all of it: no server, no bus and no other program is asked. Returns -1 where it cannot
 * be told; to be freed in either case. */
int pga_overview_look(struct pga_overview *overview, struct pga_error *error);
void pga_overview_free(struct pga_overview *overview);

#endif
