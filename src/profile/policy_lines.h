/* The lines of [policy] of a profile. */
#ifndef PGA_PROFILE_POLICY_LINES_H
#define PGA_PROFILE_POLICY_LINES_H

/* What is wrong with a key and its value, behind which an error shows the one or the other; NULL
 * for a line that is none the weaker for what it says. */
const char *pga_profile_policy_wrong(const char *key, const char *value);

#endif
