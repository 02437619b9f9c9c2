/* PQconnectPoll, which every connection passes: libpq calls its own exported one through its PLT,
 * and so the gate's, for every way of connecting and resetting, however the program found its entry
 * point. */
#include "gate/doors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* CONNECTION_NEEDED: no name has been looked up and no socket opened. Here PQconninfo() is
 * authoritative. */
static bool may_begin(const struct gate_libpq *libpq, PGconn *conn)
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
	gate_rules_release(rules);
	if (!judgement.admitted)
		gate_refuse_unstarted(libpq, conn, &judgement.effective,
				      pga_text_string(&judgement.refusal));
	gate_judgement_free(libpq, &judgement);
	return judgement.admitted;
}

enum pga_mode gate_conn_judge(const struct gate_libpq *libpq, PGconn *conn, bool *holds,
			      struct pga_text *refusal)
{
	const struct gate_rules *rules = gate_rules_acquire();
	struct gate_judgement judgement = {0};
	enum pga_mode mode =
	    rules != NULL && !rules->broken ? rules->policy.mode : PGA_MODE_ENFORCE;

	*holds = false;
	if (pga_effective_of(&libpq->calls, conn, &judgement.effective) != 0) {
		pga_text_add(refusal, "pganchor refused this connection: out of memory");
		mode = PGA_MODE_ENFORCE;
	} else {
		gate_judge(libpq, rules, NULL, true, &judgement);
		if (judgement.verdict.allowed)
			*holds =
			    gate_session_holds(libpq, rules, conn, &judgement.effective, refusal);
		else
			pga_text_add(refusal, pga_text_string(&judgement.refusal));
		/* Weak settings that audit mode let through were journaled when the connection
		 * began. */
		if (judgement.verdict.allowed && !*holds && mode == PGA_MODE_AUDIT)
			gate_journal(rules, &judgement.effective, pga_text_string(refusal));
	}
	gate_judgement_free(libpq, &judgement);
	gate_rules_release(rules);
	return mode;
}

bool gate_conn_holds(const struct gate_libpq *libpq, PGconn *conn, struct pga_text *refusal)
{
	bool holds;

	return gate_conn_judge(libpq, conn, &holds, refusal) == PGA_MODE_AUDIT || holds;
}

/* Puts a dead socket in the place of the connection's: from here on libpq can neither send nor
 * receive, and finds out for itself. Its state is then what it is for a server that hung up,
 * whatever the version. */
static void cut_wire(int connection)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		(void)shutdown(connection, SHUT_RDWR);
		return;
	}
	(void)close(pair[1]);
	if (dup3(pair[0], connection, O_CLOEXEC) < 0)
		(void)shutdown(connection, SHUT_RDWR);
	(void)close(pair[0]);
}

/* Ends an attempt whose socket is open. libpq writes the startup packet to nowhere, reads the end
 * of the stream and makes the object CONNECTION_BAD: two polls. */
static void end_attempt(const struct gate_libpq *libpq, PGconn *conn)
{
	int connection = libpq->socket(conn);

	if (connection < 0)
		return;
	cut_wire(connection);
	for (int poll = 0; poll < 8 && libpq->calls.status(conn) != CONNECTION_BAD; poll++) {
		if (libpq->socket(conn) != connection)
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
		gate_forget(conn);
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
	default:
		break;
	}
	pga_text_free(&refusal);
	return holds ? libpq->connectPoll(conn) : PGRES_POLLING_FAILED;
}
