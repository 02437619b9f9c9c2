/* The gate's module as ld.so finds it, and whether it does. */
#ifndef PGA_PRELOAD_MODULE_H
#define PGA_PRELOAD_MODULE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The installed module. */
#define PGA_MODULE PKGLIBDIR "/pganchor-gate.so"

/* Whether ld.so has loaded the gate into this very process, and finds there what the gate alone
 * has: the installed one, or with any, that of another installation too. */
bool pga_module_is_bound(bool any);

/* Starts this tool again with this LD_PRELOAD, and asks it pga_module_is_bound(): ld.so alone knows
 * what it loads. Returns 0 where the installed module is in it; -1, with what ld.so says, where
 * not. With quiet, ld.so must not complain of anything either. */
int pga_module_loads(const char *preload, bool quiet, struct pga_error *error);

/* How to name the module to ld.so: with $LIB in the path where that leads to the same file, so that
 * ld.so looks for a 32-bit program's module among the 32-bit libraries; the plain path otherwise.
 * It has been seen to load. The caller frees it; NULL, with the error filled, for a module that
 * does not. */
char *pga_module_entry(struct pga_error *error);

/* How to name the module to the ld.so of a 32-bit program, which is a way that a 64-bit one takes
 * too; NULL where no module for 32-bit programs is installed, or memory ran out. The caller frees
 * it. */
char *pga_module_entry_32(void);

/* The first entry of a value of LD_PRELOAD, or of the content of an ld.so.preload, and its length;
 * NULL where there is none. */
const char *pga_module_next_entry(const char *preload, size_t *length);

/* Whether this entry is the module's path, or that with $LIB in it as pga_module_entry() may have
 * made it. What ld.so finds there is not said. */
bool pga_module_is_named(const char *entry, size_t length);

/* Whether a value of LD_PRELOAD names the module so. Blanks and colons separate the entries
 * (ld.so(8)). */
bool pga_module_is_in(const char *preload);

/* Returns -1 unless nobody but root, and `other` (a user's number), can change the module or a
 * directory that it is in: what every program of the machine loads must be as safe as the programs
 * are. */
int pga_module_check_guarded(uid_t other, struct pga_error *error);

/* Returns -1 unless every user can read the module: who cannot has programs without a gate. */
int pga_module_check_readable(struct pga_error *error);

#endif
