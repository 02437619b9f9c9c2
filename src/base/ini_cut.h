/* Takes a section out of an INI file and leaves every other byte as it is. Pure: from bytes to
 * bytes. */
#ifndef PGA_BASE_INI_CUT_H
#define PGA_BASE_INI_CUT_H

#include "base/ini.h"
#include "base/text.h"

#include <stddef.h>

/* What was taken out. Starts all zero. */
struct pga_ini_cut {
	struct pga_text removed; /* the lines, as they were */
	size_t line;             /* of the first header */
	size_t sections;         /* how many of this name there were */
	size_t others;           /* and how many others */
};

/* Adds to after what stands in these bytes but for the headers and settings of every section of
 * this name, and one of the blank lines around each. Comments stay: who wrote them, and what about,
 * cannot be known. Want of memory is after->failed or removed.failed. */
void pga_ini_cut(const char *bytes, size_t length, enum pga_ini_dialect dialect, const char *name,
		 struct pga_text *after, struct pga_ini_cut *cut);

#endif
