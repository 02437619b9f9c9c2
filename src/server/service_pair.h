/* A server's certificate and key, looked at over a session: the certificate's bytes by the server's
 * own eyes, and of the key that it is there. No byte of a key goes over a connection. */
#ifndef PGA_SERVER_SERVICE_PAIR_H
#define PGA_SERVER_SERVICE_PAIR_H

#include "base/error.h"
#include "server/pair_rule.h"
#include "server/plan.h"
#include "server/target.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* As pga_server_pair_check(), for files at the server of a service. The key's mode and
 * owner, and whose it is, cannot be seen from here. */
int pga_service_pair_check(const struct pga_server_target *target,
			   const struct pga_server_pair *pair, struct pga_server_plan *plan,
			   STACK_OF(X509) * *chain, struct pga_error *error);

/* As pga_server_check_file(). */
int pga_service_check_file(const struct pga_server_target *target, const char *setting,
			   const char *file, bool is_crl, struct pga_error *error);

/* All certificates and CRLs of a file there; NULL where it cannot be read. The caller frees them.
 */
STACK_OF(X509_INFO) *
    pga_service_read_all(const struct pga_server_target *target, const char *file);

/* The SHA-256 in hex of the certificate in a file at the server; "" where there is none. */
void pga_service_leaf_of(const struct pga_server_target *target, const char *file, char leaf[65]);

#endif
