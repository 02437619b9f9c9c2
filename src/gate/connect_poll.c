/* PQconnectPoll, which every connection passes. Most libpqs call their own exported one through
 * their PLT, and so the gate's, for every way of connecting and resetting, however the program
 * found its entry point. The others are held by what they call in other libraries (imports.h). */
#include "gate/connect_poll.h"

#include "gate/audit_log.h"
#include "gate/call.h"
#include "gate/cut.h"
#include "gate/hand_over.h"
#include "gate/imports.h"
#include "gate/judge.h"
#include "gate/libpq.h"
#include "gate/passfile.h"
#include "gate/refusal.h"
#include "gate/rules.h"
#include "gate/session.h"
#include "gate/verify_error.h"
#include "gate/wrappers.h"

#include <string.h>

/* CONNECTION_NEEDED: no name has been looked up and no socket opened. Here PQconninfo() is
 * authoritative. */
static bool may_begin(struct gate_call *call, PGconn *conn)
{
	struct gate_libpq *libpq = call->libpq;
	const struct gate_rules *rules = gate_rules_acquire();
	struct gate_judgement judgement = {0};

	/* For want of memory, the settings are not known, and that refuses. What leads to nowhere
	 * is no connection, whoever asks so. */
	if (pga_effective_of(&libpq->calls, conn, &judgement.effective) == 0 &&
	    pga_effective_is_question(&judgement.effective))
		judgement.admitted = true;
	else if (judgement.effective.options != NULL)
		gate_judge(libpq, rules, NULL, GATE_BEGUN, &judgement);
	else
		pga_text_add(&judgement.refusal, "pganchor refused this connection: out of memory");
	if (judgement.admitted && judgement.verdict.reasons > 0 && !call->judged)
		gate_audit_log(rules, &judgement.effective, call->ambiguous,
			       pga_text_string(&judgement.refusal));
	gate_call_forget_begun(call);
	if (judgement.verdict.allowed) {
		call->begun = conn;
		call->begun_rules = rules;
		call->effective = judgement.effective;
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

/* By which a session is judged. A connection that has a password of the keyring is held to what it
 * got it for, whatever the policy says by now. */
static enum pga_mode mode_of(const struct gate_rules *rules, const struct pga_effective *effective)
{
	return rules == NULL || rules->broken || gate_passfile_is_in(effective)
		   ? PGA_MODE_ENFORCE
		   : rules->policy.mode;
}

/* The session of a connection whose settings are allowed. Weak settings that audit mode let through
 * were logged when the connection began. */
static enum pga_mode judge_session(struct gate_libpq *libpq, const struct gate_rules *rules,
				   PGconn *conn, const struct pga_effective *effective, bool *holds,
				   struct pga_text *refusal)
{
	const struct gate_call *call = gate_call_current();
	const enum pga_mode mode = mode_of(rules, effective);

	*holds = gate_session_holds(libpq, rules, conn, effective, refusal);
	if (refusal->length > 0 && (*holds || mode == PGA_MODE_AUDIT))
		gate_audit_log(rules, effective, call != NULL && call->ambiguous,
			       pga_text_string(refusal));
	if (*holds)
		pga_text_free(refusal);
	return mode;
}

/* The call in which this object has begun to connect; NULL where none is known. */
static const struct gate_call *begun_in(const struct gate_libpq *libpq, const PGconn *conn)
{
	const struct gate_call *call = gate_call_current();

	return call != NULL && call->begun == conn && call->libpq == libpq ? call : NULL;
}

enum pga_mode gate_conn_judge(struct gate_libpq *libpq, PGconn *conn, bool *holds,
			      struct pga_text *refusal)
{
	const struct gate_call *call = begun_in(libpq, conn);
	const struct gate_rules *rules;
	struct gate_judgement judgement = {0};
	enum pga_mode mode;

	*holds = false;
	if (call != NULL)
		return judge_session(libpq, call->begun_rules, conn, &call->effective, holds,
				     refusal);
	rules = gate_rules_acquire();
	if (pga_effective_of(&libpq->calls, conn, &judgement.effective) != 0) {
		pga_text_add(refusal, "pganchor refused this connection: out of memory");
		mode = PGA_MODE_ENFORCE;
	} else {
		mode = mode_of(rules, &judgement.effective);
		gate_judge(libpq, rules, NULL, GATE_SESSION, &judgement);
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

/* CONNECTION_MADE: the socket is connected, and either nothing was said yet or the handshake is
 * done; the next thing that libpq sends is the request for encryption or, once encrypted, the
 * startup packet. That is looked at when it is written, where the gate can. */
static bool may_send(struct gate_libpq *libpq, PGconn *conn)
{
	struct pga_text refusal = PGA_TEXT_EMPTY;
	bool may = atomic_load(&libpq->writes_seen) && libpq->PQsslInUse(conn) != 0;

	if (may)
		return true;
	may = gate_conn_holds(libpq, conn, &refusal);
	if (!may) {
		gate_poll_to_the_end(libpq, conn, gate_cut(libpq, conn));
		gate_refuse(libpq, conn, pga_text_string(&refusal));
	}
	pga_text_free(&refusal);
	return may;
}

/* libpq's own step, and what the gate's other parts have noticed in it. */
static PostgresPollingStatusType step(struct gate_call *call,
				      PostgresPollingStatusType (*poll)(PGconn *conn), PGconn *conn)
{
	PostgresPollingStatusType result = poll(conn);

	gate_handshake_tell(call, conn);
	if (call->refused != conn)
		return result;
	/* It is over now, and not when the program has waited for a socket that is another. */
	gate_poll_to_the_end(call->libpq, conn, call->dead);
	call->refused = NULL;
	return PGRES_POLLING_FAILED;
}

/* An attempt that the gate makes to find out whether it sees it. */
static __thread const struct gate_libpq *trying __attribute__((tls_model("initial-exec")));

bool gate_sees_polls(struct gate_libpq *libpq)
{
	/* Where the gate does not stop it, libpq finds that this is no directory. */
	static const char *const keywords[] = {"host", "port", "user", "dbname", NULL};
	static const char *const values[] = {"/dev/null/pganchor", "1", "pganchor", "pganchor",
					     NULL};
	PGconn *conn;

	if (atomic_load(&libpq->poll_seen) || atomic_load(&libpq->poll_asked))
		return atomic_load(&libpq->poll_seen);
	trying = libpq;
	conn = libpq->calls.PQconnectStartParams(keywords, values, 0);
	trying = NULL;
	if (conn != NULL)
		libpq->calls.PQfinish(conn);
	atomic_store(&libpq->poll_asked, true);
	return atomic_load(&libpq->poll_seen);
}

static PostgresPollingStatusType poll_within(struct gate_call *call, PGconn *conn)
{
	struct gate_libpq *libpq = call->libpq;
	bool may_go_on = true;

	switch (libpq->calls.PQstatus(conn)) {
	case CONNECTION_NEEDED:
		gate_forget(libpq, conn);
		may_go_on = may_begin(call, conn);
		break;
	case CONNECTION_MADE:
		may_go_on = may_send(libpq, conn);
		break;
	default:
		break;
	}
	return may_go_on ? step(call, libpq->PQconnectPoll, conn) : PGRES_POLLING_FAILED;
}

PostgresPollingStatusType gate_PQconnectPoll(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	struct gate_call *call = gate_call_current();
	PostgresPollingStatusType result;

	if (libpq == NULL)
		return PGRES_POLLING_FAILED;
	if (internal)
		atomic_store(&libpq->poll_seen, true);
	if (internal && trying == libpq)
		return PGRES_POLLING_FAILED;
	if (internal && call != NULL && call->libpq == libpq)
		return poll_within(call, conn);
	call = gate_call_begin(libpq);
	if (call == NULL)
		return PGRES_POLLING_FAILED;
	result = poll_within(call, conn);
	gate_call_end(call);
	if (result == PGRES_POLLING_FAILED)
		gate_passwords_look_back(libpq, conn);
	return result;
}

/* The settings of an object that begins again are final. Where libpq's own calls of PQconnectPoll
 * are seen, they are judged there; elsewhere here. Refused, the object is left as libpq leaves one
 * whose server has gone. */
static bool may_reset(struct gate_libpq *libpq, PGconn *conn)
{
	struct gate_judgement judgement = {0};
	const struct gate_rules *rules;
	bool may;

	if (conn == NULL || gate_sees_polls(libpq))
		return true;
	gate_forget(libpq, conn);
	if (pga_effective_of(&libpq->calls, conn, &judgement.effective) != 0)
		return false;
	rules = gate_rules_acquire();
	gate_judge(libpq, rules, NULL, GATE_BEGUN, &judgement);
	may = judgement.admitted;
	if (may && judgement.verdict.reasons > 0)
		gate_audit_log(rules, &judgement.effective, false,
			       pga_text_string(&judgement.refusal));
	gate_rules_release(rules);
	if (!may) {
		if (gate_cut(libpq, conn) != 0)
			(void)libpq->PQconsumeInput(conn);
		gate_refuse(libpq, conn, pga_text_string(&judgement.refusal));
	}
	gate_judgement_free(libpq, &judgement);
	return may;
}

void gate_PQreset(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	struct gate_call *call;

	(void)internal;
	call = libpq != NULL && may_reset(libpq, conn) ? gate_call_begin(libpq) : NULL;
	if (call == NULL)
		return;
	libpq->PQreset(conn);
	gate_handshake_tell(call, conn);
	gate_call_end(call);
	gate_passwords_look_back(libpq, conn);
}

int gate_PQresetStart(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	struct gate_call *call;
	int begun;

	(void)internal;
	call = libpq != NULL && may_reset(libpq, conn) ? gate_call_begin(libpq) : NULL;
	if (call == NULL)
		return 0;
	begun = libpq->PQresetStart(conn);
	gate_call_end(call);
	return begun;
}

PostgresPollingStatusType gate_PQresetPoll(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	struct gate_call *call = libpq != NULL ? gate_call_begin(libpq) : NULL;
	PostgresPollingStatusType result;

	(void)internal;
	if (call == NULL)
		return PGRES_POLLING_FAILED;
	result = step(call, libpq->PQresetPoll, conn);
	gate_call_end(call);
	if (result == PGRES_POLLING_FAILED)
		gate_passwords_look_back(libpq, conn);
	return result;
}
