/* Verifies a chain as libpq would at another time: what has ended by then, and what has not begun.
 */
#ifndef PGA_TLS_AT_TIME_H
#define PGA_TLS_AT_TIME_H

#include "base/error.h"
#include "policy/pins.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* One thing that is wrong then. */
struct pga_fault {
	int code;                    /* X509_V_ERR_ */
	int depth;                   /* of the certificate that it is about; 0: the server's own */
	X509 *certificate;           /* that one; NULL: none */
	X509_CRL *crl;               /* where it is about a CRL that is there; else NULL */
	char id[PGA_PIN_LENGTH + 1]; /* SHA-256 of the CRL, or else of the certificate; or "" */
};

/* All that is wrong, each thing once: OpenSSL goes on behind each. Nothing is where it verifies. */
struct pga_verified {
	struct pga_fault *faults;
	size_t count;
	STACK_OF(X509) * chain; /* as OpenSSL has built it, up to the root where it found one */
	bool failed;            /* memory ran out */
};

/* Verifies the chain that a server showed, its own certificate first, with the roots, the CRLs and
 * the flags of this SSL_CTX's store, as libssl does in a client's handshake
 * (ssl_verify_cert_chain() of ssl_cert.c), as if it were that time. With as_server false, the first
 * certificate may be for anything: a root by itself. Returns -1 for want of memory. To be freed in
 * either case. */
int pga_verify_at(STACK_OF(X509) * chain, SSL_CTX *tls, bool as_server, time_t at,
		  struct pga_verified *verified, struct pga_error *error);
void pga_verified_free(struct pga_verified *verified);

/* Whether such a fault comes and goes with the time alone. */
bool pga_fault_is_of_time(const struct pga_fault *fault);

/* Whether it is about a CRL, or the lack of one. */
bool pga_fault_is_of_crl(const struct pga_fault *fault);

/* Whether it says that the chain ends in no root that is trusted. */
bool pga_fault_is_no_root(const struct pga_fault *fault);

/* Since when the certificate or CRL has been out of its time, or until when: its own date. 0 where
 * it is of another kind, or has no such date. */
time_t pga_fault_date(const struct pga_fault *fault);

/* A date of a certificate or CRL; 0 where it cannot be read. */
time_t pga_time_of(const ASN1_TIME *date);

#endif
