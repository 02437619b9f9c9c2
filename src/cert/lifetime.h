/* Spans of time as people write them: "90d", "12h", "1d12h", "30m"; and as step does, "24h0m0s". */
#ifndef PGA_CERT_LIFETIME_H
#define PGA_CERT_LIFETIME_H

#include "base/text.h"

#include <stdbool.h>

/* Reads one, in seconds, which is more than nothing: numbers, each with w, d, h, m or s behind it.
 * Returns false for anything else. */
bool pga_lifetime_read(const char *word, long *seconds);

/* Adds it in the same form, rounded down to the largest two units that say something. */
void pga_lifetime_tell(long seconds, struct pga_text *text);

#endif
