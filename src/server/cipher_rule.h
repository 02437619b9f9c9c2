/* Whether a server can use the ciphers and protocol versions that it is set to. */
#ifndef PGA_SERVER_CIPHER_RULE_H
#define PGA_SERVER_CIPHER_RULE_H

#include "base/error.h"
#include "server/pair_rule.h"
#include "server/plan.h"

/* Checks that the versions leave one, and that OpenSSL, this program's, takes the ciphers. What is
 * right or only to be known is added to the plan. Returns -1 with the first reason why a server
 * would load nothing of its TLS. */
int pga_server_pair_check_settings(const struct pga_server_pair *pair, struct pga_server_plan *plan,
				   struct pga_error *error);

#endif
