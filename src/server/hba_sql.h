/* Files of a server read and written over SQL alone, as its superuser. */
#ifndef PGA_SERVER_HBA_SQL_H
#define PGA_SERVER_HBA_SQL_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster_sql.h"
#include "server/hba_tree.h"

/* Belongs to the session. */
struct pga_hba_source pga_hba_by_sql(struct pga_cluster_session *session);

/* Writes a file in place, which is not atomic: its owner and mode stay, and a new one is readable
 * by all who get there. Where it does not have the bytes before (NULL: whatever it has) any more,
 * it stays as it is, and that is an error. */
int pga_hba_sql_write(struct pga_cluster_session *session, const char *path,
		      const struct pga_text *before, const struct pga_text *after,
		      struct pga_error *error);

#endif
