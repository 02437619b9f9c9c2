/* A certificate of the local CA in the place of one: nobody has to be asked. */
#ifndef PGA_CERT_LOCAL_RENEW_H
#define PGA_CERT_LOCAL_RENEW_H

#include "base/error.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Signs what the old one says, with this key, and adds it to chain in PEM form: it is verified as
 * strictly as OpenSSL can. directory: of the CA; "" is the user's own, which is signed anew itself
 * where that is due, and its pin follows. *leaf is it, and the caller frees it. Returns -1 with the
 * reason. */
int pga_local_renew(const char *directory, X509 *old, EVP_PKEY *key, struct pga_text *chain,
		    X509 **leaf, struct pga_error *error);

#endif
