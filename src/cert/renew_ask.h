/* A new certificate in the place of one, from where that came from. */
#ifndef PGA_CERT_RENEW_ASK_H
#define PGA_CERT_RENEW_ASK_H

#include "base/error.h"
#include "base/text.h"
#include "cert/record.h"
#include "cert/renew.h"
#include "cert/state.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Asks for one for the same key, or (key not NULL) for this one. chain gets PEM, the certificate
 * first: it is checked to be the key's, of the same names, in date, and of a chain that ends in a
 * root of the CA's; *leaf is it, and the caller frees it. An expired one is renewed by a token that
 * its key has signed, which the CA has to allow. Returns -1 with the reason. */
int pga_renew_ask(const struct pga_cert_record *record, const struct pga_cert_state *state,
		  EVP_PKEY *key, const struct pga_renewal_wish *wish, struct pga_text *chain,
		  X509 **leaf, struct pga_error *error);

#endif
