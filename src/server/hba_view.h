/* What the server says of its pg_hba.conf: it reads the files as they are now, also before it loads
 * them. */
#ifndef PGA_SERVER_HBA_VIEW_H
#define PGA_SERVER_HBA_VIEW_H

#include "base/error.h"
#include "server/hba_tree.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* The question whose rows pga_hba_view_check() takes. */
const char *pga_hba_view_question(int version);

/* Returns -1 where the rows of pg_hba_file_rules have an error, or are other rules than those of
 * the tree; required: than those it has when TLS is required (hba_edit.h). */
int pga_hba_view_check(const struct pga_hba_tree *tree, const PGresult *rows, bool required,
		       struct pga_error *error);

#endif
