/* What a scripting language would open: a shared object that needs libpq and connects when it is
 * asked to. */
#include <libpq-fe.h>
#include <stdio.h>

#define ANSWER "%s %d %s"

/* "ok TLS" or "bad TLS MESSAGE", into answer. start: with PQconnectStart and polling. */
void attempt(const char *conninfo, int start, char *answer, size_t size);

void attempt(const char *conninfo, int start, char *answer, size_t size)
{
	PGconn *conn = start ? PQconnectStart(conninfo) : PQconnectdb(conninfo);

	if (start && PQstatus(conn) != CONNECTION_BAD)
		for (PostgresPollingStatusType next = PGRES_POLLING_WRITING;
		     next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED;)
			next = PQconnectPoll(conn);
	snprintf(answer, size, "%s %d %s", PQstatus(conn) == CONNECTION_OK ? "ok" : "bad",
		 PQsslInUse(conn), PQerrorMessage(conn));
	PQfinish(conn);
}
