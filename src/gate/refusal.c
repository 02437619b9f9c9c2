/* Why a connection object was refused. libpq keeps its message inside the object, where nobody else
 * can write: so the gate keeps it beside, and PQerrorMessage tells it. */
#include "gate/doors.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct refusal {
	struct refusal *next;
	const PGconn *conn;
	char *message;
	bool unstarted; /* libpq has chosen no host of the list yet; so these answer: */
	char *host;
	char *hostaddr;
	char *port;
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

static void destroy(struct refusal *refusal)
{
	if (refusal == NULL)
		return;
	free(refusal->message);
	free(refusal->host);
	free(refusal->hostaddr);
	free(refusal->port);
	free(refusal);
}

void gate_forget(const PGconn *conn)
{
	struct refusal *refusal;

	if (atomic_load(&count) == 0)
		return;
	gate_lock();
	refusal = take(conn);
	gate_unlock();
	destroy(refusal);
}

/* PQencryptPasswordConn() quotes an algorithm that it does not know in the object's own message,
 * and does nothing else: the one way of libpq's API to put a text there. */
void gate_tell(const struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	if (libpq->encryptPasswordConn != NULL)
		(void)libpq->encryptPasswordConn(conn, "", "", message);
}

static void put(struct refusal *refusal, const PGconn *conn, const char *message)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	/* As all messages of libpq, it ends in a newline. */
	pga_text_addf(&text, "%s\n", message);
	refusal->conn = conn;
	refusal->message = pga_text_take(&text);
	gate_lock();
	refusal->next = refusals;
	refusals = refusal;
	atomic_fetch_add(&count, 1);
	gate_unlock();
}

void gate_refuse(const struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	struct refusal *refusal = calloc(1, sizeof *refusal);

	gate_tell(libpq, conn, message);
	gate_forget(conn);
	if (refusal != NULL)
		put(refusal, conn, message);
}

/* The first element of one of libpq's lists. */
static char *first_of(const struct pga_effective *effective, const char *keyword)
{
	const char *list = pga_effective_value(effective, keyword);

	return list != NULL ? strndup(list, strcspn(list, ",")) : NULL;
}

void gate_refuse_unstarted(const struct gate_libpq *libpq, PGconn *conn,
			   const struct pga_effective *effective, const char *message)
{
	struct refusal *refusal = calloc(1, sizeof *refusal);

	gate_tell(libpq, conn, message);
	gate_forget(conn);
	if (refusal == NULL)
		return;
	refusal->unstarted = true;
	refusal->host = first_of(effective, "host");
	refusal->hostaddr = first_of(effective, "hostaddr");
	refusal->port = first_of(effective, "port");
	put(refusal, conn, message);
}

/* The refusal of a connection; NULL where it was not refused. It stays until the object is
 * finished, begins again or is refused again, none of which a program may do while it asks
 * something of it. */
static const struct refusal *refusal_of(const PGconn *conn)
{
	const struct refusal *found = NULL;

	if (atomic_load(&count) == 0)
		return NULL;
	gate_lock();
	for (const struct refusal *refusal = refusals; refusal != NULL && found == NULL;
	     refusal = refusal->next)
		if (refusal->conn == conn)
			found = refusal;
	gate_unlock();
	return found;
}

char *gate_PQerrorMessage(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	static char none[] = "";
	const struct refusal *refusal;

	(void)internal;
	if (libpq == NULL)
		return none;
	refusal = refusal_of(conn);
	/* An object at the same address may be another one, made and finished behind the gate's
	 * back. */
	if (refusal != NULL && refusal->message != NULL &&
	    libpq->calls.status(conn) == CONNECTION_BAD)
		return refusal->message;
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

/* What PQhost() and its like say of a connection that has no host yet. */
static char *answer(const PGconn *conn, char *(*ask)(const PGconn *), size_t offset)
{
	static char none[] = "";
	const struct refusal *refusal = refusal_of(conn);
	char *text;

	if (refusal == NULL || !refusal->unstarted)
		return ask != NULL ? ask(conn) : none;
	memcpy(&text, (const char *)refusal + offset, sizeof text);
	return text != NULL ? text : none;
}

char *gate_PQhost(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	char *address;

	(void)internal;
	if (libpq == NULL)
		return NULL;
	address = answer(conn, libpq->host, offsetof(struct refusal, host));
	/* As PQhost() does: the address in lack of a name. */
	if (conn != NULL && address != NULL && address[0] == '\0' && refusal_of(conn) != NULL)
		return answer(conn, libpq->host, offsetof(struct refusal, hostaddr));
	return address;
}

char *gate_PQhostaddr(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	(void)internal;
	return libpq != NULL ? answer(conn, libpq->hostaddr, offsetof(struct refusal, hostaddr))
			     : NULL;
}

char *gate_PQport(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	(void)internal;
	return libpq != NULL ? answer(conn, libpq->port, offsetof(struct refusal, port)) : NULL;
}

char *gate_PQpass(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	static char none[] = "";
	const struct refusal *refusal = refusal_of(conn);

	(void)internal;
	if (libpq == NULL)
		return NULL;
	return refusal != NULL && refusal->unstarted ? none : libpq->pass(conn);
}
