/* Why a connection object was refused. libpq keeps its message inside the object, where nobody else
 * can write: so the gate keeps it beside, and PQerrorMessage tells it. */
#include "gate/doors.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct refusal {
	struct refusal *next;
	const PGconn *conn;
	char *message;
};

static struct refusal *refusals;
/* So that a program none of whose connections was ever refused takes no lock. */
static atomic_size_t count;

/* Takes the refusal of this connection out of the list; the lock is held. */
static struct refusal *take(const PGconn *conn)
{
	for (struct refusal **at = &refusals; *at != NULL; at = &(*at)->next)
		if ((*at)->conn == conn) {
			struct refusal *refusal = *at;

			*at = refusal->next;
			atomic_fetch_sub(&count, 1);
			return refusal;
		}
	return NULL;
}

void gate_forget(const PGconn *conn)
{
	struct refusal *refusal;

	if (atomic_load(&count) == 0)
		return;
	gate_lock();
	refusal = take(conn);
	gate_unlock();
	if (refusal != NULL)
		free(refusal->message);
	free(refusal);
}

/* PQencryptPasswordConn() quotes an algorithm that it does not know in the object's own message,
 * and does nothing else: the one way of libpq's API to put a text there. */
static void write_into_object(const struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	if (libpq->encryptPasswordConn != NULL)
		(void)libpq->encryptPasswordConn(conn, "", "", message);
}

void gate_refuse(const struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	struct refusal *refusal = calloc(1, sizeof *refusal);
	struct pga_text text = PGA_TEXT_EMPTY;

	write_into_object(libpq, conn, message);
	gate_forget(conn);
	/* As all messages of libpq, it ends in a newline. */
	pga_text_addf(&text, "%s\n", message);
	if (refusal == NULL || text.failed) {
		pga_text_free(&text);
		free(refusal);
		return;
	}
	refusal->conn = conn;
	refusal->message = pga_text_take(&text);
	gate_lock();
	refusal->next = refusals;
	refusals = refusal;
	atomic_fetch_add(&count, 1);
	gate_unlock();
}

/* The message of a refused connection; NULL where it was not refused. It stays until the object is
 * finished, begins again or is refused again, none of which a program may do while it reads the
 * message. */
static char *message_of(const PGconn *conn)
{
	char *message = NULL;

	if (atomic_load(&count) == 0)
		return NULL;
	gate_lock();
	for (const struct refusal *refusal = refusals; refusal != NULL && message == NULL;
	     refusal = refusal->next)
		if (refusal->conn == conn)
			message = refusal->message;
	gate_unlock();
	return message;
}

char *gate_PQerrorMessage(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	static char none[] = "";
	char *message;

	(void)internal;
	if (libpq == NULL)
		return none;
	message = message_of(conn);
	/* An object at the same address may be another one, made and finished behind the gate's
	 * back. */
	if (message != NULL && libpq->calls.status(conn) == CONNECTION_BAD)
		return message;
	return libpq->calls.errorMessage(conn);
}

void gate_PQfinish(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	(void)internal;
	if (conn != NULL)
		gate_forget(conn);
	if (libpq != NULL)
		libpq->calls.finish(conn);
}
