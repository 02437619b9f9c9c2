/* Three ways to one: what a profile had said, what is there now, and what it says. */
#ifndef PGA_PROFILE_MERGE_H
#define PGA_PROFILE_MERGE_H

#include "base/error.h"
#include "base/text.h"
#include "service/settings.h"

#include <stdbool.h>

/* What has come of it. Starts all zero. */
struct pga_merged {
	struct pga_settings settings; /* as they are to be, in the profile's order; what is there
					 besides stands behind */
	struct pga_text difference; /* to what is there, a line each: "+port=5433", "-port=5432" */
	struct pga_text kept;       /* the keywords whose values are the user's, with ", " */
	struct pga_text overruled;  /* those of them for which the profile has another value */
};

/* before: as it was applied; NULL: nothing of it was. What the user has changed since stays. A
 * value that is the wanted one already is nobody's change. */
int pga_merge(const struct pga_settings *before, const struct pga_settings *now,
	      const struct pga_settings *wanted, struct pga_merged *merged,
	      struct pga_error *error);

/* Whether they say the same, in whatever order. */
bool pga_settings_are_same(const struct pga_settings *one, const struct pga_settings *other);

void pga_merged_free(struct pga_merged *merged);

#endif
