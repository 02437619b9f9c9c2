/* Patterns of host names: which hosts an anchor may vouch for, which hosts a policy exempts. */
#ifndef PGA_BASE_HOST_H
#define PGA_BASE_HOST_H

#include <stdbool.h>

/* Whether the host is one that a pattern of the list means; blanks or commas stand between them.
 * "*" is every host, "*.example.com" every host below example.com (at any depth, not example.com
 * itself), all else is one name or address. Letters' case does not count (RFC 4343), nor does one
 * dot at the end. */
bool pga_host_matches_any(const char *patterns, const char *host);

#endif
