/* A connection for questions: in a bounded time, and of bounded answers. */
#ifndef PGA_AUDIT_CONNECT_H
#define PGA_AUDIT_CONNECT_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/verdict.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct pga_audit_connection {
	PGconn *connection;
	long long deadline; /* pga_dial_now() */
	char sqlstate[6];   /* of the last question that was refused; "" */
	bool cut;           /* the last answer had more rows than were taken */
};

/* Takes a row of an answer: what PQgetvalue(row, 0, column) tells of it. */
typedef void pga_audit_row(void *context, const PGresult *row);

/* A column of it, "" where there is none or it is null; and as a number. A server can answer with
 * fewer columns than were asked for. */
const char *pga_audit_value(const PGresult *row, int column);
long pga_audit_number(const PGresult *row, int column);

/* Connects with the service, and what the verdict on its settings wants locked; gives up after this
 * time, as do all questions together. May run in several threads. Returns -1 with libpq's
 * words; to be left in either case. */
int pga_audit_connect(struct pga_audit_connection *connection, const char *service,
		      const struct pga_policy *policy, const struct pga_pins *pins,
		      const struct pga_verdict *verdict, long long milliseconds,
		      struct pga_error *error);

/* Asks, in a transaction that changes nothing, and hands over each row, up to `most` of them.
 * Returns 0; 1 with the server's words where it refuses the question, and another can be asked; -1
 * where the connection is of no use any more.
 */
int pga_audit_ask(struct pga_audit_connection *connection, const char *question, size_t most,
		  pga_audit_row *take, void *context, struct pga_error *error);

void pga_audit_leave(struct pga_audit_connection *connection);

#endif
