/* One certificate out of PEM text, its pin, and whether it can be an anchor. */
#ifndef PGA_TLS_CERTIFICATE_H
#define PGA_TLS_CERTIFICATE_H

#include "base/error.h"
#include "policy/pins.h"
#include "tls/x509_text.h"

#include <openssl/x509.h>

#include <stddef.h>

#define PGA_CERTIFICATE_DATE PGA_X509_DATE

struct pga_certificate {
	X509 *x509;
	char pin[PGA_PIN_LENGTH + 1];
	char *pem;     /* of this certificate alone, ends in a newline */
	char *subject; /* RFC 2253, made printable, cut where it is very long */
	char *issuer;
	char not_before[PGA_CERTIFICATE_DATE]; /* 2026-11-22T06:00:00Z */
	char not_after[PGA_CERTIFICATE_DATE];
};

/* Reads PEM text that holds exactly one certificate and nothing else but white space; whose names
 * the source in messages. Returns -1 with the reason where there is none, more than one, or
 * anything beside it; then nothing is left to free. */
int pga_certificate_read(struct pga_certificate *certificate, const char *whose, const char *pem,
			 size_t length, struct pga_error *error);

/* The same of the DER form of one certificate, and no more than that. */
int pga_certificate_of_der(struct pga_certificate *certificate, const char *whose,
			   const unsigned char *der, long length, struct pga_error *error);

/* The same of a certificate that OpenSSL has read. Returns -1 for want of memory. */
int pga_certificate_of(struct pga_certificate *certificate, X509 *x509, struct pga_error *error);

/* The pin of a certificate: SHA-256 of its DER form. Returns -1 for want of memory. */
int pga_certificate_pin(const X509 *x509, char pin[PGA_PIN_LENGTH + 1]);

/* The same of its public key: SHA-256 of the SubjectPublicKeyInfo (RFC 7469, 2.4). */
int pga_certificate_key(const X509 *x509, char key[PGA_PIN_LENGTH + 1]);

/* Whether it can be an anchor for libpq: a self-signed CA certificate, in date, with a strong key.
 * Returns -1 with everything that is wrong. */
int pga_certificate_check_anchor(const struct pga_certificate *certificate, const char *whose,
				 struct pga_error *error);

/* Frees what it holds; safe on one that is all zero. */
void pga_certificate_free(struct pga_certificate *certificate);

#endif
