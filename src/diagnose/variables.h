/* Variables of the environment that weaken connections to PostgreSQL, hold a password, or send them
 * elsewhere; in this process, or in a line of a file that sets them. */
#ifndef PGA_DIAGNOSE_VARIABLES_H
#define PGA_DIAGNOSE_VARIABLES_H

#include "base/text.h"
#include "policy/policy.h"

#include <stddef.h>

enum pga_variable_effect {
	PGA_VARIABLE_FINE,
	PGA_VARIABLE_WEAKENS,
	PGA_VARIABLE_PASSWORD,
	PGA_VARIABLE_CHANGES, /* what libpq reads, or how it connects: good to know */
};

struct pga_variable {
	const char *name;
	const char *strong; /* a value that does no harm; "" does none where there is no other */
	const char *why;    /* it matters */
	enum pga_variable_effect (*effect)(const char *value, const struct pga_policy *policy);
};

/* All of them; name is NULL behind the last. */
extern const struct pga_variable pga_variables[];

/* The one of this name; NULL where there is none. */
const struct pga_variable *pga_variable_named(const char *name);

/* Where a line gives the variable a value. */
struct pga_assignment {
	size_t start; /* of the value, without its quotes: offsets in the line */
	size_t end;
};

/* Finds the first such place at or behind `from`, in a line of a shell's start file, of
 * environment.d, of a systemd unit, or of pam_env's: NAME=VALUE, set -x NAME VALUE, NAME
 * DEFAULT=VALUE. Nothing is expanded: a value that a shell makes of something else is passed over.
 * Returns false where there is none. */
bool pga_assignment_find(const char *line, size_t length, const char *name, size_t from,
			 struct pga_assignment *found);

#endif
