/* What a CA is asked to sign (PKCS#10). */
#ifndef PGA_CERT_CSR_H
#define PGA_CERT_CSR_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stddef.h>

/* Adds the request in PEM form: this common name, and these alternative names: an address is one of
 * IP, what has a "@" one of mail, what has "://" a URI, all else one of DNS. */
int pga_csr_make(EVP_PKEY *key, const char *common_name, const char *const *names, size_t count,
		 struct pga_text *pem, struct pga_error *error);

/* The same with the subject and the alternative names of a certificate. */
int pga_csr_make_like(EVP_PKEY *key, X509 *certificate, struct pga_text *pem,
		      struct pga_error *error);

/* An alternative name: of a host, an address, mail, or URI, as it looks. The caller frees it; NULL
 * for want of memory. */
GENERAL_NAME *pga_csr_name(const char *value);

#endif
