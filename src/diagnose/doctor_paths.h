/* Where libpq's own files are, and modes that are mended. */
#ifndef PGA_DIAGNOSE_DOCTOR_PATHS_H
#define PGA_DIAGNOSE_DOCTOR_PATHS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* The path of this file in ~/.postgresql, where libpq looks. The caller frees it; NULL, with the
 * reason, where it cannot be told. */
char *pga_libpq_file(const char *name, struct pga_error *error);

/* Takes from everybody but the owner all that they may do with the file, or the right to write it:
 * a pga_fix. Only of a file of one's own. */
int pga_fix_private(const char *path, bool dry_run, struct pga_text *done, struct pga_error *error);
int pga_fix_writable(const char *path, bool dry_run, struct pga_text *done,
		     struct pga_error *error);

#endif
