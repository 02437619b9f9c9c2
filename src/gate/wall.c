/* PQconnectPoll, which every connection passes: libpq calls its own exported one through its PLT,
 * and so the gate's, for every way of connecting and resetting, however the program found its entry
 * point. */
#include "gate/doors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The object that has begun to connect within this thread's call of an entry point, and what was
 * found out then. It comes by twice more in that call, with the same settings: a question to libpq
 * and to the file system each time would tell nothing new. An object that begins elsewhere is never
 * the one that is noted here, since each that begins within a call takes the place of the one
 * before, and the call ends by gate_wall_leave(). (Where a program leaves libpq by longjmp(), the
 * object is lost to it, and its address is nobody else's.) */
struct begun {
	const PGconn *conn; /* NULL: none */
	const struct gate_libpq *libpq;
	const struct gate_rules *rules;
	struct pga_effective effective;
};

static __thread struct begun begun __attribute__((tls_model("initial-exec")));

void gate_wall_leave(void)
{
	if (begun.conn == NULL)
		return;
	gate_rules_release(begun.rules);
	pga_effective_free(&begun.libpq->calls, &begun.effective);
	memset(&begun, 0, sizeof begun);
}

/* CONNECTION_NEEDED: no name has been looked up and no socket opened. Here PQconninfo() is
 * authoritative. */
static bool may_begin(struct gate_libpq *libpq, PGconn *conn)
{
	const struct gate_rules *rules = gate_rules_acquire();
	struct gate_judgement judgement = {0};

	/* For want of memory, the settings are not known, and that refuses. */
	if (pga_effective_of(&libpq->calls, conn, &judgement.effective) == 0)
		gate_judge(libpq, rules, NULL, false, &judgement);
	else
		pga_text_add(&judgement.refusal, "pganchor refused this connection: out of memory");
	if (judgement.admitted && judgement.verdict.reasons > 0 && !gate_entered)
		gate_journal(rules, &judgement.effective, pga_text_string(&judgement.refusal));
	gate_wall_leave();
	if (gate_entered && judgement.verdict.allowed) {
		begun = (struct begun){conn, libpq, rules, judgement.effective};
		judgement.effective = (struct pga_effective){0};
		rules = NULL;
	}
	gate_rules_release(rules);
	if (!judgement.admitted)
		gate_refuse_unstarted(libpq, conn, &judgement.effective,
				      pga_text_string(&judgement.refusal));
	gate_judgement_free(libpq, &judgement);
	return judgement.admitted;
}

/* The session of a connection whose settings are allowed. Weak settings that audit mode let through
 * were journaled when the connection began. */
static enum pga_mode judge_session(struct gate_libpq *libpq, const struct gate_rules *rules,
				   PGconn *conn, const struct pga_effective *effective, bool *holds,
				   struct pga_text *refusal)
{
	*holds = gate_session_holds(libpq, rules, conn, effective, refusal);
	if (!*holds && rules->policy.mode == PGA_MODE_AUDIT)
		gate_journal(rules, effective, pga_text_string(refusal));
	return rules->policy.mode;
}

enum pga_mode gate_conn_judge(struct gate_libpq *libpq, PGconn *conn, bool *holds,
			      struct pga_text *refusal)
{
	const struct gate_rules *rules;
	struct gate_judgement judgement = {0};
	enum pga_mode mode;

	*holds = false;
	if (begun.rules != NULL && begun.conn == conn && begun.libpq == libpq)
		return judge_session(libpq, begun.rules, conn, &begun.effective, holds, refusal);
	rules = gate_rules_acquire();
	mode = rules != NULL && !rules->broken ? rules->policy.mode : PGA_MODE_ENFORCE;
	if (pga_effective_of(&libpq->calls, conn, &judgement.effective) != 0) {
		pga_text_add(refusal, "pganchor refused this connection: out of memory");
		mode = PGA_MODE_ENFORCE;
	} else {
		gate_judge(libpq, rules, NULL, true, &judgement);
		if (rules != NULL && judgement.verdict.allowed)
			mode =
			    judge_session(libpq, rules, conn, &judgement.effective, holds, refusal);
		else
			pga_text_add(refusal, pga_text_string(&judgement.refusal));
	}
	gate_judgement_free(libpq, &judgement);
	gate_rules_release(rules);
	return mode;
}

bool gate_conn_holds(struct gate_libpq *libpq, PGconn *conn, struct pga_text *refusal)
{
	bool holds;

	return gate_conn_judge(libpq, conn, &holds, refusal) == PGA_MODE_AUDIT || holds;
}

static bool leads_to(const struct sockaddr_storage *peer, const char *address, int port)
{
	unsigned char wanted[sizeof(struct in6_addr)];
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (inet_pton(peer->ss_family, address, wanted) != 1)
		return false;
	memcpy(&four, peer, sizeof four);
	memcpy(&six, peer, sizeof six);
	if (peer->ss_family == AF_INET)
		return memcmp(&four.sin_addr, wanted, sizeof four.sin_addr) == 0 &&
		       (port == 0 || ntohs(four.sin_port) == port);
	return memcmp(&six.sin6_addr, wanted, sizeof six.sin6_addr) == 0 &&
	       (port == 0 || ntohs(six.sin6_port) == port);
}

/* Whether the descriptor is still the connection's: a program may have closed it behind libpq's
 * back, and the number may be that of a file of its own by now. A connection is told by where it
 * leads to; libpq knows the number of the address since version 12. */
static bool is_own(const struct gate_libpq *libpq, PGconn *conn, int connection)
{
	struct sockaddr_storage peer = {0};
	socklen_t length = sizeof peer - 1;
	const char *address = libpq->hostaddr != NULL ? libpq->hostaddr(conn) : NULL;
	const char *port = libpq->port(conn);

	if (getpeername(connection, (struct sockaddr *)&peer, &length) != 0)
		return false;
	if (peer.ss_family == AF_UNIX)
		return (address == NULL || address[0] == '\0') &&
		       strstr(((const struct sockaddr_un *)&peer)->sun_path, "/.s.PGSQL.") != NULL;
	return address == NULL ||
	       leads_to(&peer, address, port != NULL ? (int)strtol(port, NULL, 10) : 0);
}

/* Puts a dead socket in the place of the connection's: from here on libpq can neither send nor
 * receive, and finds out for itself. Its state is then what it is for a server that hung up,
 * whatever the version. Returns the dead socket's inode; 0 where there is none. */
static ino_t cut_wire(int connection)
{
	struct stat dead = {0};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		(void)shutdown(connection, SHUT_RDWR);
		return 0;
	}
	(void)close(pair[1]);
	if (dup3(pair[0], connection, O_CLOEXEC) < 0)
		(void)shutdown(connection, SHUT_RDWR);
	else
		(void)fstat(connection, &dead);
	(void)close(pair[0]);
	return dead.st_ino;
}

static bool is_dead(int connection, ino_t dead)
{
	struct stat now;

	return connection >= 0 && fstat(connection, &now) == 0 && now.st_ino == dead &&
	       S_ISSOCK(now.st_mode);
}

/* Ends an attempt whose socket is open. libpq writes the startup packet to nowhere, reads the end
 * of the stream and makes the object CONNECTION_BAD: two polls. Not one more once it has another
 * socket, perhaps of the same number: these polls do not pass the wall. Where the descriptor is not
 * the connection's, nothing is done to it; the object stays where it is, and whoever polls it is
 * refused again. */
static void end_attempt(const struct gate_libpq *libpq, PGconn *conn)
{
	int connection = libpq->socket(conn);
	ino_t dead;

	if (connection < 0 || !is_own(libpq, conn, connection))
		return;
	dead = cut_wire(connection);
	for (int poll = 0; poll < 8 && dead != 0; poll++) {
		if (libpq->calls.status(conn) == CONNECTION_BAD ||
		    !is_dead(libpq->socket(conn), dead))
			break;
		(void)libpq->connectPoll(conn);
	}
}

PostgresPollingStatusType gate_PQconnectPoll(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	struct pga_text refusal = PGA_TEXT_EMPTY;
	bool holds = true;

	if (libpq == NULL)
		return PGRES_POLLING_FAILED;
	if (internal && !libpq->wall_seen)
		libpq->wall_seen = true;
	switch (libpq->calls.status(conn)) {
	case CONNECTION_NEEDED:
		gate_forget(libpq, conn);
		holds = may_begin(libpq, conn);
		break;
	case CONNECTION_MADE:
		/* The socket is connected, and either nothing was said yet or the handshake is
		 * done; the next thing that libpq sends is the request for encryption or, once
		 * encrypted, the startup packet. */
		holds = gate_conn_holds(libpq, conn, &refusal);
		if (!holds) {
			end_attempt(libpq, conn);
			gate_refuse(libpq, conn, pga_text_string(&refusal));
		}
		break;
	case CONNECTION_SSL_STARTUP:
		return gate_handshake_poll(libpq, conn);
	default:
		break;
	}
	pga_text_free(&refusal);
	return holds ? libpq->connectPoll(conn) : PGRES_POLLING_FAILED;
}
