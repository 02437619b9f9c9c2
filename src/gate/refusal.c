/* Why a connection object was refused, and what there is to note of its failure. libpq keeps its
 * message inside the object, where nobody else can write. So the gate hangs its own on the object,
 * as libpq's event procedures may (libpq-events.h), and PQerrorMessage tells it. libpq itself says
 * when the object is destroyed, by whomever and however: so nothing outlives its object or is taken
 * for that of the next one at the same address, and there is no list to lock or to search. */
#include "gate/refusal.h"

#include "base/text.h"
#include "gate/libpq.h"
#include "gate/wrappers.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct refusal {
	char *message;  /* NULL where it was not the gate that refused; then there is a note */
	char *own;      /* libpq's own message, as it was when the note was added */
	char *told;     /* what is told in its place, that and the note; NULL where own is */
	bool unstarted; /* libpq has chosen no host of the list yet; so these answer: */
	char *host;
	char *hostaddr;
	char *port;
};

static void destroy(struct refusal *refusal)
{
	if (refusal == NULL)
		return;
	free(refusal->message);
	free(refusal->own);
	free(refusal->told);
	free(refusal->host);
	free(refusal->hostaddr);
	free(refusal->port);
	free(refusal);
}

static int on_event(PGEventId event, void *about, void *libpq)
{
	if (event == PGEVT_CONNDESTROY)
		gate_forget(libpq, ((PGEventConnDestroy *)about)->conn);
	return 1;
}

/* The refusal of a connection; NULL where it was not refused. It stays until the object is
 * destroyed, begins again or is refused again, none of which a program may do while it asks
 * something of it. */
static struct refusal *refusal_of(const struct gate_libpq *libpq, const PGconn *conn)
{
	return libpq->PQinstanceData(conn, on_event);
}

void gate_forget(const struct gate_libpq *libpq, PGconn *conn)
{
	struct refusal *refusal = refusal_of(libpq, conn);

	if (refusal == NULL)
		return;
	(void)libpq->PQsetInstanceData(conn, on_event, NULL);
	destroy(refusal);
}

/* PQencryptPasswordConn() quotes an algorithm that it does not know in the object's own message,
 * and does nothing else: the one way of libpq's API to put a text there. */
void gate_tell(const struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	if (libpq->PQencryptPasswordConn != NULL)
		(void)libpq->PQencryptPasswordConn(conn, "", "", message);
}

static bool hang(struct gate_libpq *libpq, struct refusal *refusal, PGconn *conn)
{
	/* One that was refused before is registered already. */
	(void)libpq->PQregisterEventProc(conn, on_event, "pganchor", libpq);
	if (libpq->PQsetInstanceData(conn, on_event, refusal) != 0)
		return true;
	destroy(refusal);
	return false;
}

static void put(struct gate_libpq *libpq, struct refusal *refusal, PGconn *conn,
		const char *message)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	gate_tell(libpq, conn, message);
	gate_forget(libpq, conn);
	if (refusal == NULL)
		return;
	/* As all messages of libpq, it ends in a newline. */
	pga_text_addf(&text, "%s\n", message);
	refusal->message = pga_text_take(&text);
	(void)hang(libpq, refusal, conn);
}

/* Both texts are made here, since PQerrorMessage() changes nothing: two threads may read the
 * message of one connection at a time, and what it has given out stays where it is. */
void gate_add_note(struct gate_libpq *libpq, PGconn *conn, const char *line)
{
	struct refusal *refusal = refusal_of(libpq, conn);
	const char *own = libpq->calls.PQerrorMessage(conn);
	struct pga_text told = PGA_TEXT_EMPTY;
	bool again;

	if (refusal == NULL) {
		refusal = calloc(1, sizeof *refusal);
		if (refusal == NULL || !hang(libpq, refusal, conn))
			return;
	}
	again = refusal->told != NULL && strcmp(own, refusal->own) == 0;
	pga_text_addf(&told, "%s%s", again ? refusal->told : own, line);
	free(refusal->own);
	free(refusal->told);
	refusal->own = strdup(own);
	refusal->told = refusal->own != NULL ? pga_text_take(&told) : NULL;
	pga_text_free(&told);
}

void gate_refuse(struct gate_libpq *libpq, PGconn *conn, const char *message)
{
	put(libpq, calloc(1, sizeof(struct refusal)), conn, message);
}

/* The first element of one of libpq's lists. */
static char *first_of(const struct pga_effective *effective, const char *keyword)
{
	const char *list = pga_effective_value(effective, keyword);

	return list != NULL ? strndup(list, strcspn(list, ",")) : NULL;
}

void gate_refuse_unstarted(struct gate_libpq *libpq, PGconn *conn,
			   const struct pga_effective *effective, const char *message)
{
	struct refusal *refusal = calloc(1, sizeof *refusal);

	if (refusal != NULL) {
		refusal->unstarted = true;
		refusal->host = first_of(effective, "host");
		refusal->hostaddr = first_of(effective, "hostaddr");
		refusal->port = first_of(effective, "port");
	}
	put(libpq, refusal, conn, message);
}

/* The cancel that this thread was refused last, and what libpq's own message was then. The text
 * alone would tell nothing: a server can say the same. Nor does it hang on the object, as refusals
 * do: another thread may be in the middle of the query that this one wanted to cancel. */
static __thread const PGconn *not_cancelled __attribute__((tls_model("initial-exec")));
static __thread uint64_t not_cancelled_text __attribute__((tls_model("initial-exec")));

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

void gate_refuse_cancel(const struct gate_libpq *libpq, PGconn *conn)
{
	gate_tell(libpq, conn, GATE_NO_CANCEL);
	not_cancelled = conn;
	not_cancelled_text = hash_of(libpq->calls.PQerrorMessage(conn));
}

#define TEXT_OF(number)   #number
#define DIGITS_OF(number) TEXT_OF(number)

char *gate_PQerrorMessage(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	/* Where relocations are: with a page of .data each start of any program would be slower. */
	static char no_cancel[] __attribute__((section(".data.rel.ro"))) = GATE_NO_CANCEL "\n";
	static char beyond[] __attribute__((section(".data.rel.ro"))) =
	    "pganchor refused this connection: it is of no libpq that the gate can wrap\n"
	    "    a process may have " DIGITS_OF(GATE_LIBPQS) " of them, of version 10 or later\n";
	const struct refusal *refusal;
	char *own;

	(void)internal;
	if (libpq == NULL)
		return beyond;
	refusal = refusal_of(libpq, conn);
	if (refusal != NULL && refusal->message != NULL)
		return refusal->message;
	own = libpq->calls.PQerrorMessage(conn);
	if (conn != NULL && conn == not_cancelled && hash_of(own) == not_cancelled_text)
		return no_cancel;
	/* The note is of one message. What failed since has another. */
	if (refusal != NULL && refusal->told != NULL && strcmp(own, refusal->own) == 0)
		return refusal->told;
	return own;
}

/* What PQhost() and its like say of a connection that has no host yet. */
static char *answer(const struct gate_libpq *libpq, const PGconn *conn,
		    char *(*ask)(const PGconn *), size_t offset)
{
	static char none[] = "";
	const struct refusal *refusal = refusal_of(libpq, conn);
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
	address = answer(libpq, conn, libpq->PQhost, offsetof(struct refusal, host));
	/* As PQhost() does: the address in lack of a name. */
	if (address != NULL && address[0] == '\0' && refusal_of(libpq, conn) != NULL)
		return answer(libpq, conn, libpq->PQhost, offsetof(struct refusal, hostaddr));
	return address;
}

char *gate_PQhostaddr(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	(void)internal;
	return libpq != NULL
		   ? answer(libpq, conn, libpq->PQhostaddr, offsetof(struct refusal, hostaddr))
		   : NULL;
}

char *gate_PQport(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	(void)internal;
	return libpq != NULL ? answer(libpq, conn, libpq->PQport, offsetof(struct refusal, port))
			     : NULL;
}

char *gate_PQpass(struct gate_libpq *libpq, bool internal, const PGconn *conn)
{
	static char none[] = "";
	const struct refusal *refusal;

	(void)internal;
	if (libpq == NULL)
		return NULL;
	refusal = refusal_of(libpq, conn);
	return refusal != NULL && refusal->unstarted ? none : libpq->PQpass(conn);
}
