/* What the parts of pganchor doctor share. */
#ifndef PGA_CLI_CMD_DOCTOR_H
#define PGA_CLI_CMD_DOCTOR_H

#include "base/text.h"
#include "diagnose/doctor.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_doctor_asked {
	bool all;
	bool online;
	bool fix;
	bool dry_run;
	bool yes;
	bool json;
	const char *accept;
	const char *unaccept;
	const char *reason;
	const char *until;
	char *const *names; /* findings, by ID or ID:OBJECT; none: all */
	size_t count;
};

/* Whether the word of the command line names the finding: by its id, or by id and object, where the
 * home may be ~. */
bool pga_finding_is_named(const struct pga_finding *finding, const char *word);

/* Whether one of the words does, or there are none. */
bool pga_finding_is_asked(const struct pga_finding *finding, const struct pga_doctor_asked *asked);

/* One finding that is mended. */
struct pga_doctor_fix {
	char *name;           /* ID:OBJECT */
	struct pga_text does; /* what it does, a line each; what it has done once it is done */
	bool failed;
	struct pga_error error; /* why it could not be done */
};

struct pga_doctor_fixes {
	struct pga_doctor_fix *list;
	size_t count;
	size_t failed;
};

/* doctor --fix: mends what was found, as far as it is asked, and shows what, and what could not be;
 * with --json that is left to the report. Returns 0; or the exit status where nothing is to be
 * looked at again. To be freed in either case. */
int pga_doctor_fix(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked,
		   struct pga_doctor_fixes *fixes);
void pga_doctor_fixes_free(struct pga_doctor_fixes *fixes);

/* doctor --accept and --unaccept. Return the exit status. */
int pga_doctor_accept(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked);
int pga_doctor_unaccept(const struct pga_doctor_asked *asked);

#endif
