/* The connection string of an entry of pgbouncer's [databases], which is not libpq's. */
#ifndef PGA_AUDIT_PGBOUNCER_DATABASE_H
#define PGA_AUDIT_PGBOUNCER_DATABASE_H

#include "audit/pgbouncer_file.h"

/* Takes what the string says into the database. Returns what is wrong with it, and NULL where
 * nothing is; nothing of the string is in that. *failed becomes true where memory runs out. */
const char *pga_pgbouncer_take_database(struct pga_pgbouncer_database *database, const char *string,
					size_t length, bool *failed);

void pga_pgbouncer_free_database(struct pga_pgbouncer_database *database);

#endif
