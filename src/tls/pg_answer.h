/* Answers of a PostgreSQL server that may be anybody's: in a bounded time, and of a bounded size.
 */
#ifndef PGA_TLS_PG_ANSWER_H
#define PGA_TLS_PG_ANSWER_H

#include <libpq-fe.h>
#include <stdbool.h>

/* The next part of the answer to PQsendQuery(), as PQgetResult(); NULL at its end, and where there
 * is none to come before this moment (pga_dial_now()): then *lost is true, and the connection is of
 * no use any more. So it is where the server answers with COPY, which nobody has asked for and
 * libpq would say again and again, and where it has sent more than any server has to say. */
PGresult *pga_pg_answer(PGconn *connection, long long deadline, bool *lost);

/* Whether the server has sent more than that: then libpq has no words for it. */
bool pga_pg_has_flooded(const PGconn *connection);

/* A field, "" where there is none or it is null: a server can answer with fewer rows and columns
 * than it was asked for. Belongs to the result. */
const char *pga_pg_value(const PGresult *result, int row, int column);

#endif
