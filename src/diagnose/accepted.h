/* Findings that somebody has accepted, with a reason: accepted.conf of the user's configuration,
 * and SYSCONFDIR/pganchor/accepted.conf and accepted.d of the system's. One line each:
 *
 *     accepted id="service-weak" object="legacy" reason="gone in May" user="joe"
 *         since="2026-11-28T15:00:00Z" until="2027-05-01T00:00:00Z"
 *
 * in a line of its own, with the values written as those of policy/record.h; object and until may
 * be missing. online="yes" is one that is found by asking servers alone. */
#ifndef PGA_DIAGNOSE_ACCEPTED_H
#define PGA_DIAGNOSE_ACCEPTED_H

#include "base/error.h"
#include "policy/system_files.h"
#include "report/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PGA_ACCEPTED_FILE "accepted.conf"

enum pga_acceptance_word {
	PGA_ACCEPTED_ID,
	PGA_ACCEPTED_OBJECT,
	PGA_ACCEPTED_REASON,
	PGA_ACCEPTED_USER,
	PGA_ACCEPTED_SINCE,
	PGA_ACCEPTED_UNTIL,
	PGA_ACCEPTED_ONLINE,
	PGA_ACCEPTED_WORDS,
};

struct pga_acceptance {
	char *words[PGA_ACCEPTED_WORDS]; /* NULL: the line does not say */
	time_t until;                    /* 0: for ever */
	bool system;                     /* of a file of the system's */
};

struct pga_accepted {
	struct pga_acceptance *list; /* the system's, then the user's */
	size_t count;
};

/* Reads all of them; no file is none. Returns -1 for a line that is none, and for a file that
 * cannot be read or is not to be trusted; to be freed in either case. */
int pga_accepted_load(struct pga_accepted *accepted, struct pga_error *error);

/* The same of the bytes of the user's file; path is for messages. */
int pga_accepted_parse(struct pga_accepted *accepted, const char *path, const char *bytes,
		       size_t length, struct pga_error *error);

void pga_accepted_free(struct pga_accepted *accepted);

/* The line by which this very finding is accepted at that time; NULL where none is. */
const struct pga_acceptance *pga_accepted_for(const struct pga_accepted *accepted,
					      const struct pga_finding *finding, time_t now);

/* Adds what waits to be told of the lines themselves: that what one accepts is not found any more
 * (those of servers only where they were asked), or that its time is over. */
void pga_accepted_judge(const struct pga_accepted *accepted, time_t now, bool online,
			struct pga_findings *findings);

/* Writes such a line into the user's file, in the place of one for the same finding. until NULL:
 * for ever. Returns -1 with nothing changed. */
struct pga_accepting {
	const char *id;
	const char *object; /* NULL: none */
	const char *reason;
	const char *until; /* 2027-05-01 or 2027-05-01T00:00:00Z; NULL: for ever */
	bool online;
	bool dry_run;
};
int pga_accept(const struct pga_accepting *accepting, struct pga_error *error);

/* Takes the user's line for it out; *found says whether there was one. */
int pga_unaccept(const char *id, const char *object, bool dry_run, bool *found,
		 struct pga_error *error);

/* Seconds since the epoch of such a date; 0 where it is none. */
time_t pga_accepted_date(const char *text);

#endif
