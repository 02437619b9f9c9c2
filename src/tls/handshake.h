/* Connects as far as the TLS handshake, and looks at what the server showed. */
#ifndef PGA_TLS_HANDSHAKE_H
#define PGA_TLS_HANDSHAKE_H

#include "base/error.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "tls/twins.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* Texts of the server's certificate are as the server sent them: print them through
 * pga_printable(). */
struct pga_handshake {
	bool answered; /* somebody has taken the connection, whatever came of it: also where the
			  handshake has failed */
	bool shown;    /* what follows is there: of a server that libpq refused, too */
	long verify_result; /* of one that it refused: OpenSSL's reason, an X509_V_ERR_; X509_V_OK
			       where it has none */
	char *protocol;     /* TLSv1.3 */
	char *cipher;       /* TLS_AES_256_GCM_SHA384 */
	char *subject;      /* of the server's certificate */
	char *issuer;       /* who has signed it, as it says */
	char *names;        /* its subject alternative names, with ", " between */
	char *valid_from;   /* 2026-11-22T06:00:00Z */
	char *valid_to;
	STACK_OF(X509) * chain; /* that the server showed, its own certificate first; NULL: none.
				   Of one that libpq refused it proves nothing */
	char *root; /* subject of the certificate that the verified chain ends in; NULL where libpq
		       verified none */
	char root_pin[PGA_PIN_LENGTH + 1]; /* its SHA-256; "" where libpq verified none */
	char key[PGA_PIN_LENGTH + 1];      /* SHA-256 of the server's public key, and of the one
					      that has signed its certificate, as
					      policy/known_servers.h has them; "" likewise */
	char issuer_key[PGA_PIN_LENGTH + 1];
	struct pga_twins twins; /* that it could end in as well */
	const char *no_digest;  /* what the server's certificate is signed with, "ED25519", where
				   libpq knows no digest for that; or NULL */
};

/* Connects with these parameters, which name one host and an sslmode that demands TLS (require and
 * up), and stops when TLS stands: before the startup packet, so that no user name and no password
 * goes out. GSSAPI encryption is left out. Gives up after this many seconds (looking up the name is
 * libpq's and is not counted). Returns -1 with libpq's message and OpenSSL's reason; the
 * certificate that libpq refused is then described for telling the user, and is what anybody can
 * show. To be freed in either case. */
int pga_handshake(const struct pga_parameters *parameters, int seconds,
		  struct pga_handshake *handshake, struct pga_error *error);

/* NULL where libpq finds the digest that SCRAM's channel binding of this certificate wants
 * (tls-server-end-point, RFC 5929), as its pgtls_get_peer_certificate_hash() looks for it: that of
 * the certificate's signature, and SHA-256 in the place of MD5 and SHA-1. Ed25519 and Ed448 have
 * none: then the signature's name, which belongs to nobody. */
const char *pga_signed_without_digest(X509 *certificate);

void pga_handshake_free(struct pga_handshake *handshake);

#endif
