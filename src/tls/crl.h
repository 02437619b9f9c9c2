/* Certificate revocation lists: read, described, and what of them libpq cannot use. */
#ifndef PGA_TLS_CRL_H
#define PGA_TLS_CRL_H

#include "base/error.h"
#include "policy/pins.h"
#include "tls/x509_text.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* As many as a file may have. */
#define PGA_CRL_LIMIT 64

struct pga_crl {
	X509_CRL *x509;
	char *pem;                       /* of this CRL alone, ends in a newline */
	char *issuer;                    /* RFC 2253, made printable, cut where it is very long */
	char digest[PGA_PIN_LENGTH + 1]; /* SHA-256 of its DER form */
	char scope[PGA_PIN_LENGTH + 1];  /* SHA-256 of what it is for: the names of its issuer and
					    of the issuer's key, and its distribution point */
	char *number;                    /* hex digits without zeros in front; "" where none */
	char this_update[PGA_X509_DATE];
	char next_update[PGA_X509_DATE]; /* "" where it does not say */
	long revoked;                    /* how many certificates */
	char *point;    /* the issuing distribution point's address, made printable; NULL: none */
	bool has_scope; /* has an issuing distribution point (RFC 5280, 5.2.5) */
	bool scope_is_critical; /* and OpenSSL has to heed it */
	bool only_authorities;  /* for certificates of CAs alone */
	bool only_users;        /* for all others alone */
	bool only_attributes;   /* for attribute certificates alone */
	bool only_some_reasons;
	bool indirect; /* has entries of other CAs */
	bool delta;    /* has but the changes since another one */
};

struct pga_crl_list {
	struct pga_crl *crls;
	size_t count;
};

/* Reads CRLs in DER form (one) or PEM (several, with text around them); whose names them in
 * messages. Returns 1 with the reason where there is none, or what is more than that, -1 for want
 * of memory. To be freed in either case. */
int pga_crl_list_read(struct pga_crl_list *list, const char *whose, const char *bytes,
		      size_t length, struct pga_error *error);

/* The CRLs among whatever else is in a file in PEM, as far as they can be read: as OpenSSL takes
 * them from libpq's file. Returns -1 for want of memory. */
int pga_crl_list_find(struct pga_crl_list *list, const char *bytes, size_t length,
		      struct pga_error *error);

/* Whether libpq could use it: of a kind that OpenSSL takes without being asked to, and in date.
 * Returns -1 with the reason. */
int pga_crl_check(const struct pga_crl *crl, const char *whose, struct pga_error *error);

/* Whether this certificate is of the CA that the CRL names, and its key has signed it. */
bool pga_crl_is_signed_by(const struct pga_crl *crl, X509 *issuer);

/* The same by a key alone, as pga_crl_key() gives it. */
bool pga_crl_is_signed_by_key(const struct pga_crl *crl, const char *key);

/* The certificate's public key in base64, one line; the caller frees it, NULL for want of memory.
 */
char *pga_crl_key(X509 *issuer);

/* Below 0 where number is an earlier one than other; 0 where they are alike or one has none. */
int pga_crl_number_compare(const char *number, const char *other);

void pga_crl_free(struct pga_crl *crl);
void pga_crl_list_free(struct pga_crl_list *list);

#endif
