/* Files of rules that somebody, or a pganchor that was killed, has changed since the server has
 * loaded them. No view shows which rules are loaded: times alone tell. */
#ifndef PGA_SERVER_UNLOADED_H
#define PGA_SERVER_UNLOADED_H

#include "base/error.h"
#include "cert/cluster_sql.h"
#include "server/hba_tree.h"

#include <stdbool.h>

/* Notes each part of the tree that was changed since (unloaded). *stale: one may have been, as far
 * as the clock tells such times apart. */
int pga_unloaded_look(struct pga_cluster_session *session, struct pga_hba_tree *tree, bool *stale,
		      struct pga_error *error);

/* Likewise over SQL, where it is told to the second: what was changed in the one in which the
 * server has loaded it, is not noted. */
int pga_unloaded_look_by_sql(struct pga_cluster_session *session, struct pga_hba_tree *tree,
			     struct pga_error *error);

/* After a failure, which *error tells of, and a reload: the files are as they were, but what was
 * not loaded before is by now. Adds that to the hint, if there is such a file. */
void pga_unloaded_explain(const struct pga_hba_tree *tree, struct pga_error *error);

#endif
