/* The effective settings as a person reads them. */
#ifndef PGA_POLICY_EXPLAIN_H
#define PGA_POLICY_EXPLAIN_H

#include "base/text.h"
#include "policy/effective.h"
#include "policy/verdict.h"

#include <stdbool.h>

/* The value as it may be shown: "********" for a secret that is set, "" where it is not set
 * (policy/secrets.h). The caller frees it; NULL for want of memory. */
char *pga_setting_shown(const struct pga_effective *effective, const PQconninfoOption *option);

/* but: why libpq will not connect by settings that the policy allows; NULL for nothing.
 * Adds one line for each setting that has a value, in columns (keyword, value, origin), and behind
 * them the verdict with its reasons and what to change, a newline at the end of each line.
 * effective has been traced. Values are made printable: none can pass for a line of ours. */
void pga_explain(const struct pga_effective *effective, const struct pga_policy *policy,
		 const struct pga_verdict *verdict, const char *but, struct pga_text *text);

/* Adds what to change for it to be allowed, one line for each reason, no newline at the end. */
void pga_explain_changes(const struct pga_effective *effective, const struct pga_verdict *verdict,
			 struct pga_text *text);

/* Adds what else there is to say, a newline at the end of each line: why settings are not shown, and each
 * option of this libpq that nobody has reviewed. */
void pga_explain_notes(const struct pga_effective *effective, struct pga_text *text);

#endif
