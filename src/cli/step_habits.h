/* What people paste who have done the same with step: options of `step ca bootstrap` that are none
 * here, each with what to do in its place. */
#ifndef PGA_CLI_STEP_HABITS_H
#define PGA_CLI_STEP_HABITS_H

#include "cli/options.h"

extern const struct pga_habit pga_step_habits[];

#endif
