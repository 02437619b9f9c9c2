/* Whether the gate is active here, by which way, under which policy, and in which running programs:
 * all that there is to know, and what is to be said of it. */
#ifndef PGA_DIAGNOSE_STATUS_H
#define PGA_DIAGNOSE_STATUS_H

#include "base/error.h"
#include "diagnose/processes.h"
#include "policy/known_servers.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "preload/enable.h"
#include "report/finding.h"

#include <stdbool.h>
#include <stddef.h>

/* The subjects of what is found, beside PGA_ABOUT_PROGRAMS. */
#define PGA_ABOUT_GATE       "gate"
#define PGA_ABOUT_ACTIVATION "activation"
#define PGA_ABOUT_POLICY     "policy"

struct pga_status {
	bool active;      /* the gate is in this very process, as in what the shell starts next */
	bool in_variable; /* by LD_PRELOAD */
	bool dropped_in;  /* by the drop-in, in what uses the machine's libpq */
	struct pga_activation *ways; /* the files that enable it; of units those alone that do */
	size_t way_count;
	struct pga_policy policy;
	struct pga_pins pins;
	struct pga_known_servers known; /* read where the policy asks for continuity */
	bool broken;                    /* policy or pins: the gate refuses everything */
	struct pga_error problem;
	struct pga_processes processes;
	struct pga_findings findings;
};

/* Looks at all of it. Returns -1 where it cannot be told, and for want of memory; what was found of
 * files that cannot be read is among the findings even then. To be freed in either case. */
int pga_status_look(struct pga_status *status, struct pga_error *error);
void pga_status_free(struct pga_status *status);

#endif
