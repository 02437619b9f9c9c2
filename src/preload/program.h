/* Whether the gate can stand before a program's connections: looked up before it is started. */
#ifndef PGA_PRELOAD_PROGRAM_H
#define PGA_PRELOAD_PROGRAM_H

#include "base/error.h"

enum pga_cover {
	PGA_COVERED,    /* as far as its file tells */
	PGA_COVERED_32, /* the same, by the gate for 32-bit programs (pga_module_entry_32) */
	PGA_UNCOVERED,  /* its connections are not seen */
	PGA_HINDERED,   /* it will not start with the gate in it */
	PGA_UNLOADABLE, /* its connections are not seen, and it must be started without the gate:
			   its ld.so cannot load that, and would end it */
};

/* Looks at the program that execvp(3) would start for this name; for a script, at its interpreter.
 * All but covered: the error says what is not covered, why, and what to do instead. A
 * program that cannot be found or read counts as covered: starting it says what is wrong. */
enum pga_cover pga_program_look(const char *name, struct pga_error *error);

#endif
