/* Why a server's certificate was not verified, and which sessions were looked at. libpq says
 * "certificate verify failed" of an unknown CA, an expired certificate and a revoked one alike, and
 * frees the session that knows more, often in the step in which it made it. OpenSSL tells when a
 * session is freed, and keeps what others hang on it (CRYPTO_get_ex_new_index(3)). */
#include "gate/verify_error.h"

#include "gate/call.h"
#include "gate/imports.h"
#include "gate/judge.h"
#include "gate/libpq.h"
#include "gate/openssl.h"
#include "gate/refusal.h"
#include "gate/rules.h"
#include "gate/session.h"
#include "gate/wrappers.h"

#include "base/printable.h"

#include <string.h>

#define EX_INDEX_SSL 0 /* CRYPTO_EX_INDEX_SSL of openssl/crypto.h */
#define VERIFY_PEER  1 /* SSL_VERIFY_PEER of openssl/ssl.h */

/* Of every TLS session of the process, whoever made it. */
static void on_free(void *session, void *data, void *all_data, int index, long number, void *libpq)
{
	struct gate_call *call = gate_call_current();

	(void)data;
	(void)all_data;
	(void)index;
	(void)number;
	if (session == NULL || call == NULL || call->libpq != libpq)
		return;
	/* Of a host that is exempt, the certificate may not count: then it is not what failed. */
	if ((call->libpq->SSL_get_verify_mode(session) & VERIFY_PEER) != 0)
		call->verify_error = call->libpq->SSL_get_verify_result(session);
}

/* Asks OpenSSL for an index. Two threads that come here at once get two, of which the first one
 * counts. */
static void know_index(struct gate_libpq *libpq)
{
	int none = 0;
	int index;

	if (atomic_load(&libpq->session_index) != 0 || !gate_libpq_openssl(libpq) ||
	    libpq->SSL_get_verify_result == NULL || libpq->SSL_get_verify_mode == NULL ||
	    libpq->CRYPTO_get_ex_new_index == NULL)
		return;
	index = libpq->CRYPTO_get_ex_new_index(EX_INDEX_SSL, 0, libpq, NULL, NULL, on_free);
	/* 0 is the program's own, and libpq's (SSL_set_app_data()), and here means none. */
	if (index != -1)
		(void)atomic_compare_exchange_strong(&libpq->session_index, &none, index);
}

void gate_session_mark(struct gate_libpq *libpq, void *ssl)
{
	int index;

	know_index(libpq);
	index = atomic_load(&libpq->session_index);
	if (index != 0 && libpq->SSL_set_ex_data != NULL)
		(void)libpq->SSL_set_ex_data(ssl, index, libpq);
}

/* Where there is no index yet, 0 asks for libpq's own data: a connection. */
bool gate_session_is_marked(const struct gate_libpq *libpq, const void *ssl)
{
	return libpq->SSL_get_ex_data != NULL &&
	       libpq->SSL_get_ex_data(ssl, atomic_load(&libpq->session_index)) == libpq;
}

/* By its first handshake, a libpq that is bound function by function has called enough of them to
 * tell which OpenSSL is its own. */
int gate_tls_connect(struct gate_libpq *libpq, void *ssl)
{
	int (*connect)(void *ssl);

	if (libpq == NULL)
		return -1;
	know_index(libpq);
	connect = atomic_load(&libpq->import_SSL_connect);
	if (connect == NULL)
		connect = libpq->SSL_connect;
	return connect != NULL ? connect(ssl) : -1;
}

/* What libpq says where there is no root certificate ends in the advice to "change sslmode to
 * disable server certificate verification". In every language it names that keyword; nothing else
 * that it says of a connection with verify-full does. */
static bool is_advice(struct gate_libpq *libpq, PGconn *conn, const char *said)
{
	struct pga_effective effective = {0};
	const char *sslmode;
	bool against = false;

	if (said == NULL || strstr(said, "sslmode") == NULL)
		return false;
	if (pga_effective_of(&libpq->calls, conn, &effective) == 0) {
		sslmode = pga_effective_value(&effective, "sslmode");
		against = sslmode != NULL && strcmp(sslmode, "verify-full") == 0;
	}
	pga_effective_free(&libpq->calls, &effective);
	return against;
}

/* What libpq says of a login that the policy's channel-binding and auth do not let through names
 * settings that the user has not written. The names of the methods are libpq's in every language,
 * and so is NID, of a certificate that is signed with Ed25519 or Ed448. */
static void explain_login(const struct gate_rules *rules, const struct pga_effective *effective,
			  const char *said, struct pga_text *note)
{
	const char *binding = pga_effective_value(effective, "channel_binding");
	const char *methods = pga_effective_value(effective, "require_auth");
	const char *quoted = methods != NULL && methods[0] != '\0' ? strstr(said, methods) : NULL;

	if (strstr(said, " NID ") != NULL)
		pga_text_add(note,
			     "    pganchor: libpq cannot bind SCRAM to a certificate that is "
			     "signed with Ed25519 or Ed448: the\n    issuing CA needs an EC or "
			     "RSA key\n");
	else if (rules->policy.channel_binding == PGA_BINDING_REQUIRE && binding != NULL &&
		 strcmp(binding, "require") == 0 && strstr(said, "channel binding") != NULL)
		pga_text_add(note, "    pganchor: the policy (channel-binding = require) asks for "
				   "it; only SCRAM by TLS has it\n");
	/* Behind a quotation mark of whatever language. */
	else if (rules->policy.auth_refused != 0 && quoted != NULL && quoted > said &&
		 quoted[-1] != ' ')
		pga_text_addf(note,
			      "    pganchor: the policy's auth leaves the server no other method "
			      "than these: %s\n",
			      methods);
}

static void add_login_note(struct gate_libpq *libpq, PGconn *conn, const char *said)
{
	const struct gate_rules *rules = gate_rules_acquire();
	struct pga_effective effective = {0};
	struct pga_text note = PGA_TEXT_EMPTY;

	if (rules != NULL && !rules->broken &&
	    pga_effective_of(&libpq->calls, conn, &effective) == 0)
		explain_login(rules, &effective, said, &note);
	if (note.length > 0)
		gate_add_note(libpq, conn, pga_text_string(&note));
	pga_effective_free(&libpq->calls, &effective);
	pga_text_free(&note);
	gate_rules_release(rules);
}

/* Answers libpq's words, once: a step within a call comes by here, and then the call. */
static void answer(struct gate_libpq *libpq, PGconn *conn)
{
	const char *said = libpq->calls.PQerrorMessage(conn);

	if (said == NULL || gate_PQerrorMessage(libpq, true, conn) != said)
		return;
	if (is_advice(libpq, conn, said))
		gate_add_note(libpq, conn,
			      "    pganchor: leave sslmode as it is: without verification, anybody "
			      "could be the server. What is\n    missing is the root of its CA: "
			      "\"pganchor bootstrap\" fetches and pins it\n");
	else
		add_login_note(libpq, conn, said);
}

void gate_handshake_tell(struct gate_call *call, PGconn *conn)
{
	struct gate_libpq *libpq = call->libpq;
	const long error = call->verify_error;
	struct pga_text note = PGA_TEXT_EMPTY;

	call->verify_error = 0; /* X509_V_OK */
	/* No libpq goes on to the next host of a list after this. A program in audit mode sees what
	 * it would see without the gate. */
	if (conn == NULL || libpq->calls.PQstatus(conn) == CONNECTION_OK || gate_is_audit())
		return;
	if (error != 0 && libpq->X509_verify_cert_error_string != NULL) {
		pga_text_add(&note, "    pganchor: the certificate of ");
		pga_text_add_printable(&note, libpq->PQhost(conn), "");
		pga_text_addf(&note, ": %s\n", libpq->X509_verify_cert_error_string(error));
		gate_add_note(libpq, conn, pga_text_string(&note));
		pga_text_free(&note);
	} else if (libpq->calls.PQstatus(conn) == CONNECTION_BAD) {
		answer(libpq, conn);
	}
}
