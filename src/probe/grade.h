/* What a server is worth to a PostgreSQL client, and why. */
#ifndef PGA_PROBE_GRADE_H
#define PGA_PROBE_GRADE_H

#include "base/text.h"
#include "probe/probe.h"

#include <stdbool.h>
#include <stddef.h>

enum { PGA_GRADE_REASONS = 24 }; /* no server has more */

struct pga_grade_reason {
	const char *id; /* stays: "plain-text-accepted" */
	char grade;     /* the best that is left with it: 'A' to 'F' */
	char text[160]; /* for people, printable */
};

struct pga_grade {
	char letter; /* 'A' to 'F'; '-' where the server does not answer */
	struct pga_grade_reason reasons[PGA_GRADE_REASONS]; /* the heaviest first; 'A': a note */
	size_t count;
};

void pga_grade_make(const struct pga_probe *probe, const struct pga_probe_target *target,
		    struct pga_grade *grade);

#endif
