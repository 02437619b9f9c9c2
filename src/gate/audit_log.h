/* What mode = audit lets through, to syslog. */
#ifndef PGA_GATE_AUDIT_LOG_H
#define PGA_GATE_AUDIT_LOG_H

#include "gate/rules.h"
#include "policy/effective.h"

#include <stdbool.h>

/* One line to syslog (authpriv.warning): what a policy in audit mode would have refused, and why.
 * effective: of the connection; NULL where there is none. ambiguous: pga_is_ambiguous() of what it
 * was begun with. No password is in the line. */
void gate_audit_log(const struct gate_rules *rules, const struct pga_effective *effective,
		    bool ambiguous, const char *message);

#endif
