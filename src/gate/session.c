/* What the connection really is: its socket, its encryption, the root that its verified chain ends
 * in. */
#include "gate/session.h"

#include "base/printable.h"
#include "gate/continuity.h"
#include "gate/libpq.h"
#include "gate/openssl.h"
#include "gate/passfile.h"
#include "gate/rules.h"
#include "gate/twin.h"
#include "policy/record.h"
#include "policy/trust.h"
#include "policy/verdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TLS_1_2 0x0303 /* what SSL_version() calls them: the numbers of RFC 5246 and RFC 8446 */
#define TLS_1_3 0x0304

static void begin_refusal(struct pga_text *refusal, const char *host)
{
	pga_text_add(refusal, PGA_RECORD_REFUSED);
	pga_text_add_printable(refusal, host, "");
	pga_text_add(refusal, ": ");
}

bool gate_certificate_pin(const struct gate_libpq *libpq, const void *certificate,
			  char pin[PGA_PIN_LENGTH + 1])
{
	unsigned char digest[64]; /* EVP_MAX_MD_SIZE */
	unsigned length = 0;

	if (libpq->X509_digest(certificate, libpq->EVP_sha256(), digest, &length) == 0 ||
	    length != PGA_PIN_LENGTH / 2)
		return false;
	pga_hex(digest, length, pin);
	return true;
}

/* The pin of the root: the last certificate of the chain that OpenSSL verified. */
static bool root_pin(const struct gate_libpq *libpq, const void *ssl, char pin[PGA_PIN_LENGTH + 1])
{
	const void *chain;
	int count;

	if (libpq->SSL_get0_verified_chain == NULL || libpq->OPENSSL_sk_num == NULL ||
	    libpq->OPENSSL_sk_value == NULL || libpq->X509_digest == NULL ||
	    libpq->EVP_sha256 == NULL)
		return false;
	chain = libpq->SSL_get0_verified_chain(ssl);
	count = chain != NULL ? libpq->OPENSSL_sk_num(chain) : 0;
	return count > 0 &&
	       gate_certificate_pin(libpq, libpq->OPENSSL_sk_value(chain, count - 1), pin);
}

/* Who can pin a root, or change what one is valid for. */
static void add_unpinned(const struct gate_rules *rules, const char *pin, struct pga_text *refusal)
{
	pga_text_addf(refusal,
		      "its certificate chain ends in a root that is not pinned (SHA-256 %s)\n"
		      "    if it should not be, somebody may be between you and the server; ",
		      pin);
	if (rules->policy.user_anchors != PGA_ALLOW)
		pga_text_add(refusal, "the policy takes\n    none but the system's anchors "
				      "(user-anchors = refuse): ask who runs this machine");
	else
		pga_text_add(refusal,
			     "a new root is pinned by the\n    fingerprint that you get from who "
			     "runs the CA: pganchor bootstrap --ca-url URL --fingerprint HEX;\n"
			     "    pganchor bootstrap --pin-existing shows those of root.crt that "
			     "are not");
}

static void add_other_host(const struct pga_pin *anchor, struct pga_text *refusal)
{
	pga_text_addf(refusal,
		      "its certificate chain ends in anchor %s, which is not valid for this host "
		      "(hosts = %s)\n    if it should: ",
		      anchor->name, anchor->hosts);
	if (anchor->system)
		pga_text_addf(refusal, "%s is for who runs this machine to change", anchor->path);
	else
		pga_text_addf(refusal,
			      "pganchor bootstrap --ca-url URL --fingerprint HEX --name %s "
			      "--hosts PATTERNS --replace",
			      anchor->name);
}

/* strict: the pins count whatever the policy says. */
static bool root_holds(const struct gate_libpq *libpq, const struct gate_rules *rules, bool strict,
		       const void *ssl, const char *host, struct pga_text *refusal)
{
	char pin[PGA_PIN_LENGTH + 1];
	const struct pga_pin *anchor;

	if (!strict && !pga_trust_by_pins(&rules->policy, &rules->pins))
		return true;
	if (!root_pin(libpq, ssl, pin)) {
		begin_refusal(refusal, host);
		pga_text_add(refusal, "the root of its certificate chain cannot be seen");
		return false;
	}
	if (pga_root_is_valid_for(&rules->pins, pin, host) ||
	    gate_twin(libpq, rules, ssl, host) != NULL)
		return true;
	anchor = pga_root_refused(&rules->pins, pin, host);
	begin_refusal(refusal, host);
	if (anchor == NULL)
		add_unpinned(rules, pin, refusal);
	else
		add_other_host(anchor, refusal);
	return false;
}

/* OpenSSL can be told to take ciphers that encrypt nothing (eNULL; in TLS 1.3, those of RFC 9150):
 * by its configuration file, whatever libpq is told. */
static bool cipher_holds(const struct gate_libpq *libpq, const void *ssl, const char *host,
			 struct pga_text *refusal)
{
	const void *cipher;

	if (libpq->SSL_get_current_cipher == NULL || libpq->SSL_CIPHER_get_bits == NULL)
		return true;
	cipher = libpq->SSL_get_current_cipher(ssl);
	if (cipher != NULL && libpq->SSL_CIPHER_get_bits(cipher, NULL) > 0)
		return true;
	begin_refusal(refusal, host);
	pga_text_addf(refusal, "its TLS session is not encrypted (cipher %s)",
		      cipher != NULL && libpq->SSL_CIPHER_get_name != NULL
			  ? libpq->SSL_CIPHER_get_name(cipher)
			  : "none");
	return false;
}

static bool tls_holds(struct gate_libpq *libpq, const struct gate_rules *rules, bool strict,
		      PGconn *conn, const char *host, struct pga_text *refusal)
{
	const int least = rules->policy.min_tls == PGA_TLS_1_3 ? TLS_1_3 : TLS_1_2;
	const void *ssl = libpq->PQsslStruct(conn, "OpenSSL");
	long result;

	if (ssl == NULL || !gate_libpq_openssl(libpq) || libpq->SSL_get_verify_result == NULL ||
	    libpq->SSL_version == NULL) {
		begin_refusal(refusal, host);
		pga_text_add(refusal, "this libpq's TLS session cannot be looked at: ");
		pga_text_add(refusal,
			     ssl == NULL ? "it does not use OpenSSL" : "OpenSSL is linked into it");
		return false;
	}
	result = libpq->SSL_get_verify_result(ssl);
	if (result != 0) { /* X509_V_OK */
		begin_refusal(refusal, host);
		pga_text_addf(refusal,
			      "its certificate was not verified (OpenSSL's verify error %ld)",
			      result);
		return false;
	}
	if (libpq->SSL_version(ssl) < least) {
		begin_refusal(refusal, host);
		pga_text_addf(refusal, "its TLS is older than %s, the least that the policy takes",
			      pga_verdict_min_tls(&rules->policy));
		return false;
	}
	return cipher_holds(libpq, ssl, host, refusal) &&
	       root_holds(libpq, rules, strict, ssl, host, refusal) &&
	       gate_continuity_holds(libpq, rules, conn, ssl, host, refusal);
}

static bool is_local(int connection)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;

	return getsockname(connection, (struct sockaddr *)&address, &length) == 0 &&
	       address.ss_family == AF_UNIX;
}

bool gate_session_holds(struct gate_libpq *libpq, const struct gate_rules *rules, PGconn *conn,
			const struct pga_effective *effective, struct pga_text *refusal)
{
	const char *host = libpq->PQhost(conn);
	const char *sslmode = pga_effective_value(effective, "sslmode");
	/* With a password of the keyring, it is to be what that was given for: no socket and no
	 * exempt host may have come into the place of the one that was judged, and no other policy.
	 */
	const bool strict = gate_passfile_is_in(effective);

	if (host == NULL)
		host = "";
	/* What speaks TLS is no local connection, whatever has come into the descriptor since. */
	if (!strict && libpq->PQsslInUse(conn) == 0 && is_local(libpq->PQsocket(conn))) {
		if (rules->policy.unix_socket == PGA_ALLOW)
			return true;
		begin_refusal(refusal, host);
		pga_text_add(refusal, "the policy refuses Unix-domain sockets");
		return false;
	}
	if (!strict && pga_host_is_exempt(effective, &rules->policy, host))
		return true;
	if (libpq->PQgssEncInUse != NULL && libpq->PQgssEncInUse(conn) != 0) {
		if (!strict && rules->policy.gss_encryption == PGA_ALLOW)
			return true;
		begin_refusal(refusal, host);
		pga_text_add(refusal, "the session has GSSAPI encryption instead of TLS\n"
				      "    set gssencmode=disable");
		return false;
	}
	if (libpq->PQsslInUse(conn) != 0)
		return tls_holds(libpq, rules, strict, conn, host, refusal);
	/* Not yet encrypted: with verify-full, all that libpq sends now is its request for TLS. */
	if (libpq->calls.PQstatus(conn) == CONNECTION_MADE && sslmode != NULL &&
	    strcmp(sslmode, "verify-full") == 0)
		return true;
	begin_refusal(refusal, host);
	pga_text_add(refusal, "the connection is not encrypted\n    set sslmode=verify-full");
	return false;
}
