#include "server/alone.h"

#include "tls/pg_answer.h"

#include <libpq-fe.h>

#include <poll.h>
#include <string.h>

/* Whoever is done goes on holding its lock until its session has ended: that is waited for, with
 * 100 ms between. */
#define TRIES 20

int pga_server_alone_begin(struct pga_server_alone *alone, const struct pga_cluster *cluster,
			   struct pga_error *error)
{
	struct pga_made made = {.count = 0};

	memset(alone, 0, sizeof *alone);
	if (cluster->directory == NULL)
		return 0;
	if (pga_directory_open(&alone->directory, &made, cluster->directory, 0700, error) != 0)
		return -1;
	return pga_lock_take(&alone->lock, &alone->directory, error);
}

void pga_server_alone_end(struct pga_server_alone *alone)
{
	pga_lock_release(alone->lock);
	if (alone->directory.path != NULL)
		pga_directory_close(&alone->directory);
	memset(alone, 0, sizeof *alone);
}

static int is_true(struct pga_cluster_session *session, const char *question,
		   struct pga_error *error)
{
	PGresult *row = pga_cluster_ask(session, question, error);
	const int result = row == NULL ? -1
			   : PQntuples(row) == 1 && PQnfields(row) == 1 &&
				   strcmp(pga_pg_value(row, 0, 0), "t") == 0
			       ? 1
			       : 0;

	PQclear(row);
	return result;
}

/* An advisory lock is of a database: those of the others are looked for once this one is held, so
 * that of two runs at least one sees the other. The key's halves are in pg_locks. */
static int try(struct pga_cluster_session *session, struct pga_error *error)
{
	const int held =
	    is_true(session, "SELECT pg_catalog.pg_try_advisory_lock(7377830441)", error);

	return held != 1
		   ? held
		   : is_true(session,
			     "SELECT pg_catalog.count(DISTINCT pid) OPERATOR(pg_catalog.=) 1 FROM "
			     "pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' "
			     "AND classid OPERATOR(pg_catalog.=) 1 AND objid "
			     "OPERATOR(pg_catalog.=) 3082863145 AND objsubid "
			     "OPERATOR(pg_catalog.=) 1 AND granted",
			     error);
}

int pga_server_alone_at(struct pga_cluster_session *session, const char *server,
			struct pga_error *error)
{
	for (int tries = 0;; tries++) {
		const int alone = try(session, error);

		if (alone != 0)
			return alone == 1 ? 0 : -1;
		if (tries == TRIES)
			return pga_fail(error, "try again when it is done; nothing was changed",
					"another pganchor changes the server of %s just now",
					server);
		(void)poll(NULL, 0, 100);
	}
}
