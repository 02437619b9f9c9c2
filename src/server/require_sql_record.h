/* What require-tls has changed over SQL, kept in servers.json, and the way back to it. */
#ifndef PGA_SERVER_REQUIRE_SQL_RECORD_H
#define PGA_SERVER_REQUIRE_SQL_RECORD_H

#include "base/error.h"
#include "server/hba_tree.h"
#include "server/record.h"
#include "server/service_login.h"

/* All zero, nothing was written. */
struct pga_sql_record {
	char *system;
	char *directory;
	struct pga_server_record record;
	struct pga_served_file kept;
};

/* Keeps other runs by a service out, and adds the lines of this tree that are to change to the
 * record of the server. Returns -1 with the reason: nothing was written. To be freed in either
 * case. */
int pga_sql_record_write(struct pga_sql_record *record, const struct pga_service_login *login,
			 const struct pga_hba_tree *tree, struct pga_error *error);

/* After a failure, which *error tells of: takes that out again, or says that it stays. */
void pga_sql_record_take_back(struct pga_sql_record *record, struct pga_error *error);
void pga_sql_record_free(struct pga_sql_record *record);

#endif
