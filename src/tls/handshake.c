#include "tls/handshake.h"

#include "base/printable.h"
#include "base/text.h"
#include "policy/linked.h"
#include "tls/certificate.h"
#include "tls/verification.h"
#include "tls/x509_text.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Milliseconds of a clock that nobody sets. */
static long long now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits until libpq's socket is ready. Returns 0 when the time is up. */
static int wait_for(PGconn *conn, PostgresPollingStatusType wanted, long long deadline)
{
	struct pollfd socket = {.fd = PQsocket(conn),
				.events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
	int ready;

	do {
		long long left = deadline - now();

		ready = poll(&socket, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	return ready;
}

/* What the gate adds to libpq's message, where it is on. */
#define GATE_NOTE "    pganchor: "

/* How much of libpq's message is of addresses of the host that were tried before this one, which
 * has taken the connection: they are not what there is to say of it. From libpq 14 on, the last
 * line, unfinished, is of this one. */
static size_t length_of_earlier(PGconn *conn)
{
	const char *said = PQerrorMessage(conn);
	const char *end = strrchr(said, '\n');

	return end != NULL ? (size_t)(end - said) + 1 : 0;
}

/* libpq's message from there on, its lines as one, and OpenSSL's reason, which the gate would tell,
 * too. */
static int fail_with_words_of(PGconn *conn, size_t earlier,
			      const struct pga_verification *verification, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	struct pga_text reason = PGA_TEXT_EMPTY;
	const char *said = PQerrorMessage(conn);
	const char *line;
	size_t length;

	if (strlen(said) > earlier)
		said += earlier;
	pga_verification_reason(verification, &reason);
	while (pga_next_line(&said, &line, &length)) {
		const size_t indent = strspn(line, "\t ");

		if (reason.length > 0 && strncmp(line, GATE_NOTE, strlen(GATE_NOTE)) == 0)
			continue;
		if (length > 0 && words.length > 0)
			pga_text_add(&words, "; ");
		pga_text_add_bytes(&words, line + indent, length - indent);
	}
	if (reason.length > 0)
		pga_text_addf(&words, " (%s)", pga_text_string(&reason));
	(void)pga_fail(error, NULL, "%s",
		       words.length > 0 ? pga_text_string(&words) : "libpq gave no reason");
	pga_text_free(&reason);
	pga_text_free(&words);
	return -1;
}

/* With an sslmode that demands TLS and no GSSAPI, libpq comes to CONNECTION_MADE twice: on the bare
 * connection, before it sends the SSLRequest, and when the handshake is done, before it sends the
 * startup packet (PQconnectPoll()). */
static int connect_until_tls(PGconn *conn, int seconds, bool *answered,
			     const struct pga_verification *verification, struct pga_error *error)
{
	long long deadline = now() + seconds * 1000LL;
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
	size_t earlier = 0;

	if (PQstatus(conn) == CONNECTION_BAD)
		return fail_with_words_of(conn, 0, verification, error);
	while (PQstatus(conn) != CONNECTION_MADE || PQsslInUse(conn) == 0) {
		int ready = wait_for(conn, wanted, deadline);

		if (ready < 0)
			return pga_fail_errno(error, NULL, "could not wait for the server");
		if (ready == 0)
			return pga_fail(error, NULL, "the server did not answer within %d seconds",
					seconds);
		wanted = PQconnectPoll(conn);
		*answered = *answered || PQstatus(conn) == CONNECTION_MADE ||
			    PQstatus(conn) == CONNECTION_SSL_STARTUP;
		if (PQstatus(conn) == CONNECTION_MADE)
			earlier = length_of_earlier(conn);
		if (wanted == PGRES_POLLING_FAILED)
			return fail_with_words_of(conn, earlier, verification, error);
		if (wanted == PGRES_POLLING_OK)
			return pga_fail(error, NULL, "libpq connected without TLS");
	}
	return 0;
}

static char *date_text(const ASN1_TIME *date)
{
	char text[PGA_X509_DATE];

	return strdup(pga_x509_date(date, text) ? text : "no date");
}

/* A certificate that nobody else has signed is its own issuer. */
static int look_at_keys(const STACK_OF(X509) * chain, struct pga_handshake *handshake)
{
	const int issuer = sk_X509_num(chain) > 1 ? 1 : 0;

	return pga_certificate_key(sk_X509_value(chain, 0), handshake->key) == 0
		   ? pga_certificate_key(sk_X509_value(chain, issuer), handshake->issuer_key)
		   : -1;
}

static int look_at_root(const SSL *ssl, struct pga_handshake *handshake, struct pga_error *error)
{
	/* Only a chain that libpq's OpenSSL verified counts, not what the server sent. */
	STACK_OF(X509) *chain =
	    SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get0_verified_chain(ssl) : NULL;
	X509 *root = sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;

	if (root == NULL)
		return 0;
	handshake->root = pga_x509_name(X509_get_subject_name(root));
	if (handshake->root == NULL || pga_certificate_pin(root, handshake->root_pin) != 0 ||
	    look_at_keys(chain, handshake) != 0)
		return pga_fail_memory(error);
	return pga_twins_find(ssl, &handshake->twins, error);
}

const char *pga_signed_without_digest(X509 *certificate)
{
	int digest = NID_undef;

	if (X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) == 1 &&
	    EVP_get_digestbynid(digest) != NULL)
		return NULL;
	return OBJ_nid2ln(X509_get_signature_nid(certificate));
}

static int describe(X509 *certificate, const char *protocol, const char *cipher,
		    STACK_OF(X509) * chain, struct pga_handshake *handshake)
{
	handshake->chain = chain != NULL ? X509_chain_up_ref(chain) : NULL;
	handshake->protocol = strdup(protocol);
	handshake->cipher = strdup(cipher);
	handshake->no_digest = pga_signed_without_digest(certificate);
	handshake->subject = pga_x509_name(X509_get_subject_name(certificate));
	handshake->issuer = pga_x509_name(X509_get_issuer_name(certificate));
	handshake->names = pga_x509_alternative_names(certificate);
	handshake->valid_from = date_text(X509_get0_notBefore(certificate));
	handshake->valid_to = date_text(X509_get0_notAfter(certificate));
	return handshake->protocol != NULL && handshake->cipher != NULL &&
		       handshake->subject != NULL && handshake->issuer != NULL &&
		       handshake->names != NULL && handshake->valid_from != NULL &&
		       handshake->valid_to != NULL && (chain == NULL || handshake->chain != NULL)
		   ? 0
		   : -1;
}

static int look_at_session(PGconn *conn, struct pga_handshake *handshake, struct pga_error *error)
{
	const SSL *ssl = PQsslStruct(conn, "OpenSSL");
	X509 *certificate = ssl != NULL ? SSL_get1_peer_certificate(ssl) : NULL;
	int result;

	if (certificate == NULL)
		return pga_fail(error, NULL,
				"TLS is established, but libpq shows no certificate of the server");
	result = describe(certificate, SSL_get_version(ssl), SSL_get_cipher_name(ssl),
			  SSL_get_peer_cert_chain(ssl), handshake);
	X509_free(certificate);
	return result == 0 ? look_at_root(ssl, handshake, error) : pga_fail_memory(error);
}

/* For telling the user whom libpq has refused. */
static void look_at_refused(const struct pga_verification *verification,
			    struct pga_handshake *handshake)
{
	pga_handshake_free(handshake);
	handshake->verify_result = verification->result;
	if (verification->certificate != NULL)
		handshake->shown =
		    describe(verification->certificate, verification->protocol,
			     verification->cipher, verification->chain, handshake) == 0;
}

/* By libpq's name for it, and so through the gate, where that is on. */
static PGconn *start(const struct pga_parameters *parameters)
{
	static const struct pga_libpq libpq = {.PQconnectStartParams = PQconnectStartParams};
	static const char *const without_gss[PGA_ADDED][2] = {{"gssencmode", "disable"}};
	static const char *const nothing[PGA_ADDED][2] = {{NULL}};

	return pga_effective_begin(&libpq, parameters,
				   pga_linked_libpq_knows("gssencmode") ? without_gss : nothing);
}

/* For the passphrase of a key that has no sslpassword OpenSSL would ask the terminal, past every
 * deadline. libpq's own hook, of 13 and later, has the sslpassword to say and asks nobody. */
static void ask_nobody(void)
{
	void *set = dlsym(RTLD_DEFAULT, "PQsetSSLKeyPassHook_OpenSSL");
	void *hook = dlsym(RTLD_DEFAULT, "PQdefaultSSLKeyPassHook_OpenSSL");
	void (*set_hook)(void *);

	if (set == NULL || hook == NULL)
		return;
	memcpy(&set_hook, &set, sizeof set_hook);
	set_hook(hook);
}

int pga_handshake(const struct pga_parameters *parameters, int seconds,
		  struct pga_handshake *handshake, struct pga_error *error)
{
	static pthread_once_t asks_nobody = PTHREAD_ONCE_INIT;
	struct pga_verification verification;
	bool answered = false;
	PGconn *conn;
	int result = -1;

	(void)pthread_once(&asks_nobody, ask_nobody);
	memset(handshake, 0, sizeof *handshake);
	pga_verification_watch(&verification);
	conn = start(parameters);
	if (conn == NULL)
		(void)pga_fail_memory(error);
	else if (connect_until_tls(conn, seconds, &answered, &verification, error) == 0)
		result = look_at_session(conn, handshake, error);
	PQfinish(conn);
	pga_verification_unwatch();
	if (result == 0)
		handshake->shown = true;
	else
		look_at_refused(&verification, handshake);
	handshake->answered = answered;
	pga_verification_free(&verification);
	return result;
}

void pga_handshake_free(struct pga_handshake *handshake)
{
	free(handshake->protocol);
	free(handshake->cipher);
	free(handshake->subject);
	free(handshake->issuer);
	free(handshake->names);
	free(handshake->valid_from);
	free(handshake->valid_to);
	sk_X509_pop_free(handshake->chain, X509_free);
	free(handshake->root);
	pga_twins_free(&handshake->twins);
	memset(handshake, 0, sizeof *handshake);
}
