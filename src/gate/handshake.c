/* Why a server's certificate was not verified. libpq says "certificate verify failed" of an unknown
 * CA, an expired certificate and a revoked one alike, and frees the session that knows more, often
 * in the step in which it made it. OpenSSL tells when a session is freed
 * (CRYPTO_get_ex_new_index(3)), and then the gate asks it. */
#include "gate/gate.h"

#define EX_INDEX_SSL 0 /* CRYPTO_EX_INDEX_SSL of openssl/crypto.h */
#define VERIFY_PEER  1 /* SSL_VERIFY_PEER of openssl/ssl.h */

/* The libpq that goes on with a handshake in this thread, and the verify error of the session that
 * it has freed. */
static __thread const struct gate_libpq *at_work __attribute__((tls_model("initial-exec")));
static __thread long verify_error __attribute__((tls_model("initial-exec")));

/* Of every TLS session of the process, whoever made it. */
static void on_free(void *session, void *data, void *all_data, int index, long number, void *libpq)
{
	(void)data;
	(void)all_data;
	(void)index;
	(void)number;
	if (session == NULL || libpq != at_work || at_work == NULL)
		return;
	/* Of a host that is exempt, the certificate may not count: then it is not what failed. */
	if ((at_work->verifyMode(session) & VERIFY_PEER) != 0)
		verify_error = at_work->verifyResult(session);
}

static bool can_ask(struct gate_libpq *libpq)
{
	if (!gate_libpq_openssl(libpq) || libpq->verifyResult == NULL ||
	    libpq->verifyMode == NULL || libpq->verifyErrorText == NULL || libpq->newExData == NULL)
		return false;
	if (!atomic_exchange(&libpq->listens, true))
		(void)libpq->newExData(EX_INDEX_SSL, 0, libpq, NULL, NULL, on_free);
	return true;
}

/* audit lets a program see what it would see without the gate. */
static bool may_tell(void)
{
	const struct gate_rules *rules = gate_rules_acquire();
	const bool audit = rules != NULL && !rules->broken && rules->policy.mode == PGA_MODE_AUDIT;

	gate_rules_release(rules);
	return !audit;
}

PostgresPollingStatusType gate_handshake_poll(struct gate_libpq *libpq, PGconn *conn)
{
	PostgresPollingStatusType result;

	if (!can_ask(libpq))
		return libpq->connectPoll(conn);
	verify_error = 0; /* X509_V_OK */
	at_work = libpq;
	result = libpq->connectPoll(conn);
	at_work = NULL;
	/* No libpq goes on to the next host of a list after this. */
	if (verify_error != 0 && may_tell()) {
		struct pga_text note = PGA_TEXT_EMPTY;

		pga_text_addf(&note, "    pganchor: the certificate of %s: %s\n", libpq->host(conn),
			      libpq->verifyErrorText(verify_error));
		gate_add_note(libpq, conn, pga_text_string(&note));
		pga_text_free(&note);
	}
	return result;
}
