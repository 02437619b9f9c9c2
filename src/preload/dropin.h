/* The drop-in: pganchor's libpq.so.5, which ld.so finds before the machine's libpq by its cache, by
 * the name libpq.so too, and whether it does. No environment takes it out of a program, nor a
 * program's power out of itself. */
#ifndef PGA_PRELOAD_DROPIN_H
#define PGA_PRELOAD_DROPIN_H

#include "base/error.h"

#include <stdbool.h>

/* Where it is installed. The directory, which is what ld.so is told of, holds nothing else than
 * that and libpq.so, a link to it. */
#define PGA_DROPIN_DIRECTORY PKGLIBDIR "/libpq"
#define PGA_DROPIN           PGA_DROPIN_DIRECTORY "/libpq.so.5"

/* Whether this very process has it for a libpq: the installed one, or with any, that of another
 * installation too. */
bool pga_dropin_is_loaded(bool any);

/* The libpq of this process: behind the drop-in, where that is loaded; NULL where there is none. */
const char *pga_dropin_libpq(void);

/* Starts this tool again with the drop-in in LD_LIBRARY_PATH, and asks it pga_dropin_is_loaded():
 * whether it loads and finds the libpq that it needs, ld.so alone knows. Returns -1, with what
 * ld.so says, where not, and where ld.so finds another libpq for programs than that one. */
int pga_dropin_try(struct pga_error *error);

/* Has ld.so's cache made anew (ldconfig(8)), which is what ld.so looks into. */
int pga_dropin_refresh(struct pga_error *error);

/* Starts this tool again, with neither LD_PRELOAD nor LD_LIBRARY_PATH, and asks it
 * pga_dropin_is_loaded(): whether programs that are started from now on have the drop-in. Returns
 * -1, with the libpq that they have, where it is not as wanted. */
int pga_dropin_check(bool wanted, struct pga_error *error);

#endif
