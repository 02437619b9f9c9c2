/* What the environment of this shell adds to an entry: libpq asks it for all that the entry leaves
 * out. */
#ifndef PGA_SERVICE_SURROUNDINGS_H
#define PGA_SERVICE_SURROUNDINGS_H

#include "base/error.h"
#include "base/text.h"
#include "service/evaluate.h"

/* Judges the settings as an entry of a service that is used here, with the environment as it is.
 * Returns -1 for want of memory. */
int pga_evaluate_here(const struct pga_settings *settings, const struct pga_policy *policy,
		      struct pga_evaluation *evaluation, struct pga_error *error);

/* Adds a line for each variable that decides who is reached or how the connection is protected, and
 * for what libpq or the policy would refuse because of them. Says nothing of who the user is. */
void pga_surroundings_tell(const struct pga_evaluation *evaluation, struct pga_text *text);

#endif
