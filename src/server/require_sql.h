/* TLS made required over SQL alone, where nobody can write the files: by a session of a superuser
 * to a server that is verified. */
#ifndef PGA_SERVER_REQUIRE_SQL_H
#define PGA_SERVER_REQUIRE_SQL_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "server/hba_tree.h"
#include "server/require.h"
#include "server/service_login.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_require_by_sql {
	struct pga_service_login login; /* kept: the way back */
	struct pga_hba_tree tree;
	struct pga_text *afters; /* of each part: what it becomes */
	size_t changes;
	struct pga_locked_out locked_out;
	struct pga_shut_out shut_out;
	bool undoes;   /* lines become what they were: nobody is kept out by that */
	bool put_back; /* after a failure: the files are as they were before */
	bool proved;   /* a new connection with TLS was let in, and one without it was not */
};

/* Verifies the server as the service and the pins say, logs in, and reads its pg_hba.conf, with
 * what that includes. Changes nothing. Returns -1 with the reason. To be ended in either case. */
int pga_require_sql_plan(struct pga_require_by_sql *by, const char *service,
			 const struct pga_policy *policy, const struct pga_pins *pins,
			 struct pga_error *error);

/* Writes the files by lo_export, one after the other and in place: owners and modes stay, and it is
 * not atomic. The server looks at them, and loads them; then a new connection has to get in, and a
 * plain one not; else, or where one of them cannot be written, all are written back. With nothing
 * to write, they are loaded all the same, and it is proved. */
int pga_require_sql_apply(struct pga_require_by_sql *by, struct pga_error *error);

/* Reads the files, of a login. */
int pga_require_sql_read(const struct pga_service_login *login, struct pga_hba_tree *tree,
			 struct pga_error *error);

/* Writes the lines back that are planned to be, in the same order, where a new connection has to
 * get in. */
struct pga_unrequiring;
int pga_require_sql_undo(const struct pga_unrequiring *rules, const struct pga_service_login *login,
			 struct pga_error *error);
void pga_require_sql_end(struct pga_require_by_sql *by);

#endif
