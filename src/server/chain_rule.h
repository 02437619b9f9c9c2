/* Whether clients can verify a server by the certificates that it will show them. */
#ifndef PGA_SERVER_CHAIN_RULE_H
#define PGA_SERVER_CHAIN_RULE_H

#include "base/error.h"
#include "server/pair_rule.h"
#include "server/plan.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

/* All certificates of a file, in its order; path: how it is called in messages. bio (NULL: want of
 * memory, or what OpenSSL says) is freed. The caller frees the chain with sk_X509_pop_free(); NULL,
 * with the reason, where there is none in it. */
STACK_OF(X509) * pga_server_chain_read(BIO *bio, const char *path, struct pga_error *error);

/* Checks the purpose and the dates of the first, the order of all, and that the first names the
 * pair's hosts. What is right or only to be known is added to the plan. Returns -1 with the first
 * reason why a client would refuse them. */
int pga_server_chain_check(STACK_OF(X509) * chain, const char *path,
			   const struct pga_server_pair *pair, struct pga_server_plan *plan,
			   struct pga_error *error);

#endif
