/* Policy and pins, read once and again when they change. */
#ifndef PGA_GATE_RULES_H
#define PGA_GATE_RULES_H

#include "policy/known_servers.h"
#include "policy/passwords.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdbool.h>

/* Policy and pins at one moment. Shared between threads and never changed. */
struct gate_rules {
	struct pga_policy policy;
	struct pga_pins pins;
	bool broken; /* they could not be read: everything is refused */
	struct pga_error error;
	struct pga_known_servers known; /* read where the policy asks for continuity */
	bool known_broken;              /* they could not be */
	struct pga_error known_error;
	struct pga_passwords passwords; /* of the keyring: gate_rules_acquire_to_log_in() */
	bool passwords_broken;          /* which they are could not be read */
	struct pga_error passwords_error;
	struct snapshot *snapshot; /* which these are a part of: rules.c's own */
};

/* The rules as the files are now; NULL for want of memory. In a process that has another root
 * directory than when it read them, they are what they were. Give them back with
 * gate_rules_release. */
const struct gate_rules *gate_rules_acquire(void);
void gate_rules_release(const struct gate_rules *rules);

/* The same, where it is also to be known which passwords the keyring has by now: a connection asks
 * for the rules several times, and for those once. */
const struct gate_rules *gate_rules_acquire_to_log_in(void);

/* Whether the process has another root directory by now than when it read them. */
bool gate_rules_are_of_another_root(const struct gate_rules *rules);

/* Whether the policy lets a cancel key go in clear, as of the last connection. For a signal handler
 * too: reads one number. Before the first connection there is nothing to cancel. */
bool gate_may_cancel(void);

#endif
