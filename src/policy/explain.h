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

/* Adds the verdict, which is the first word, its reasons and what to change, a newline at the end
 * of each line. effective has been traced. but: why libpq will not connect by settings that the
 * policy allows; NULL for nothing. */
void pga_explain_verdict(const struct pga_effective *effective, const struct pga_policy *policy,
			 const struct pga_verdict *verdict, const char *but, struct pga_text *text);

/* Adds one line for each setting that has a value, in columns (keyword, value, origin): first those
 * that are judged, then those that somebody has set, and then, with all, libpq's defaults; without
 * it, how many they are. effective has been traced. Values are made printable: none can pass for a
 * line of ours. */
void pga_explain_settings(const struct pga_effective *effective, bool all, struct pga_text *text);

/* Adds what to change for it to be allowed, one line for each reason, no newline at the end. */
void pga_explain_changes(const struct pga_effective *effective, const struct pga_verdict *verdict,
			 struct pga_text *text);

/* Adds what else there is to say, a newline at the end of each line: why settings are not shown,
 * and each option of this libpq that nobody has reviewed. */
void pga_explain_notes(const struct pga_effective *effective, struct pga_text *text);

#endif
