/* Why a connection object was refused, readable through PQerrorMessage. */
#ifndef PGA_GATE_REFUSAL_H
#define PGA_GATE_REFUSAL_H

#include "gate/libpq.h"
#include "policy/effective.h"

/* Hangs the message on a refused connection, which PQerrorMessage then tells, until the object is
 * destroyed or begins again; and writes it into the object as far as libpq lets us, for callers
 * that reach libpq's own function. */
void gate_refuse(struct gate_libpq *libpq, PGconn *conn, const char *message);
void gate_forget(const struct gate_libpq *libpq, PGconn *conn);

/* The same for an attempt that was refused before libpq chose a host: until it has, PQhost() and
 * its like read in front of the list of hosts. For such an object the gate answers in their place.
 */
void gate_refuse_unstarted(struct gate_libpq *libpq, PGconn *conn,
			   const struct pga_effective *effective, const char *message);

/* Adds a line that PQerrorMessage tells behind libpq's own words, as long as they are those that
 * they are now and the object is not forgotten. */
void gate_add_note(struct gate_libpq *libpq, PGconn *conn, const char *line);

/* Has PQerrorMessage tell this thread GATE_NO_CANCEL, without libpq's words around it, until the
 * connection has something else to say. */
void gate_refuse_cancel(const struct gate_libpq *libpq, PGconn *conn);

/* Writes a message into the object as far as libpq lets us, for callers that reach libpq's own
 * PQerrorMessage. */
void gate_tell(const struct gate_libpq *libpq, PGconn *conn, const char *message);

/* What a refused cancel says. */
#define GATE_NO_CANCEL \
	"pganchor refused to cancel: the policy (cancel = refuse) lets no cancel key go in clear"

#endif
