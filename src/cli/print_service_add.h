/* What `pganchor service add` was asked, what came of it, and how it says so. */
#ifndef PGA_CLI_PRINT_SERVICE_ADD_H
#define PGA_CLI_PRINT_SERVICE_ADD_H

#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "report/finding.h"
#include "service/check.h"
#include "service/compose.h"
#include "service/write.h"

#include <stdbool.h>

struct pga_addition {
	struct pga_wish wish;
	struct pga_change change;
	bool check;
	bool json;
};

struct pga_added {
	struct pga_policy policy;
	struct pga_pins pins;
	struct pga_composition composition;
	struct pga_evaluation here; /* with what the shell's environment adds */
	struct pga_check check;
	struct pga_changed changed;
	struct pga_findings findings; /* of the check: why nothing is written */
	struct pga_text warnings; /* those of the composition, and what the files say; one a line */
};

/* Says that the entry was refused, with every reason. Returns PGA_EXIT_WEAK. */
int pga_addition_refused(const struct pga_addition *asked, const struct pga_added *added);

/* Prints everything as one JSON object. Returns the status, or PGA_EXIT_FAILED where it cannot be
 * printed. */
int pga_addition_json(const struct pga_addition *asked, const struct pga_added *added, bool written,
		      int status);

/* Prints what the servers showed. */
void pga_addition_checked(const struct pga_check *check);

/* Prints the entry, where it stands, what it replaced, and the next command. */
void pga_addition_written(const struct pga_addition *asked, const struct pga_added *added);

/* Prints the warnings to standard error, each on a line of its own. */
void pga_addition_warnings(const struct pga_text *warnings);

#endif
