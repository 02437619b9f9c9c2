/* Certificates in PEM form, as OpenSSL reads and writes them. Nobody is asked for a passphrase, and
 * OpenSSL's queue of errors is empty behind the reading. */
#ifndef PGA_TLS_X509_PEM_H
#define PGA_TLS_X509_PEM_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* The first certificate of the text, which the caller frees; NULL: there is none, or it is damaged.
 */
X509 *pga_x509_of_pem(const char *pem, size_t length);

/* All certificates of the text, in its order, up to one that is damaged: *damaged (or NULL). None
 * is an empty stack. The caller frees it, with what is in it; NULL for want of memory. */
STACK_OF(X509) * pga_x509_all_of_pem(const char *pem, size_t length, bool *damaged);

/* Its PEM form, which ends in a newline. The caller frees it; NULL with OpenSSL's reason in its
 * queue, or for want of memory. */
char *pga_x509_pem(X509 *certificate);

/* Adds it to the text. Returns -1 with the reason. */
int pga_x509_add_pem(X509 *certificate, struct pga_text *pem, struct pga_error *error);

#endif
