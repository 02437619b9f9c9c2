/* What the server whose rules are judged knows, besides the rules. */
#ifndef PGA_SERVER_REQUIRE_WORLD_H
#define PGA_SERVER_REQUIRE_WORLD_H

#include "base/error.h"
#include "cert/cluster_sql.h"
#include "server/hba_match.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct pga_require_world {
	struct pga_hba_world world;
	struct pga_cluster_session *session; /* that is asked for roles and expressions */
	struct pga_hba_range *own;
	bool failed; /* a question was not answered: error has the reason */
	struct pga_error error;
};

/* here: the server runs on this machine; else of its addresses only that is known by which this
 * session has reached it. It must not move until its end. */
void pga_require_world_begin(struct pga_require_world *world, struct pga_cluster_session *session,
			     bool here);

/* Of each name, whether it is a member of the role, by however many others, or matches the regular
 * expression: in one question. Returns false where that was not answered. */
bool pga_require_world_ask_all(struct pga_require_world *world, bool role, const char *word,
			       const char *const *names, size_t count, bool *yes);

/* The names of roles that may log in, or of databases, of several thousands the first. The caller
 * clears them; NULL where that was not answered. */
PGresult *pga_require_world_list(struct pga_require_world *world, bool roles);

/* Returns -1 where a question was not answered meanwhile. */
int pga_require_world_end(struct pga_require_world *world, struct pga_error *error);

#endif
