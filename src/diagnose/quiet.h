/* How long nothing has been weak: the sign that mode = enforce would refuse nobody. */
#ifndef PGA_DIAGNOSE_QUIET_H
#define PGA_DIAGNOSE_QUIET_H

#include "base/error.h"
#include "base/text.h"
#include "diagnose/audit_log.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <time.h>

/* So many days without a weak connection are the sign. */
#define PGA_QUIET_DAYS 30

struct pga_quiet {
	time_t last;  /* of the last weak connection that the log tells of; 0: of none */
	time_t since; /* from when on it would tell of one: the log goes back to then, and the files
			 of the policy are as old; 0: not known */
	long days;    /* whole ones without a weak connection, as far as the log tells; -1: not
			 known */
	bool ready;   /* PGA_QUIET_DAYS or more */
	char *command; /* what sets mode = enforce, in the user's own policy.conf where that has
			  mode = audit, else in one of the machine's; NULL where none is found */
};

/* What these records come to, which were read of the log at this path and of since then (0: of
 * all), as pga_records_read() takes them. Returns false where the policy refuses what is weak, so
 * that there is nothing to tell, or cannot be read. To be freed in either case. */
bool pga_quiet_judge(struct pga_quiet *quiet, const struct pga_records *records, const char *path,
		     time_t since);

/* Reads the machine's own log for it, where this policy is in mode = audit; *tells: whether it is.
 * Runs journalctl twice where there is a journal: some tens of milliseconds. Returns -1 where the
 * log cannot be read. To be freed in either case. */
int pga_quiet_look(struct pga_quiet *quiet, const struct pga_policy *policy, bool *tells,
		   struct pga_error *error);

/* Adds it in words: "no weak connection in 41 days", "the last weak connection was 3 days ago". */
void pga_quiet_add(struct pga_text *text, const struct pga_quiet *quiet);

void pga_quiet_free(struct pga_quiet *quiet);

#endif
