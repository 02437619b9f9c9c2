/* Whether a server on this machine shows the pair that it was given: part of serve. */
#ifndef PGA_CERT_LOCAL_PROOF_H
#define PGA_CERT_LOCAL_PROOF_H

#include "cert/local_serve.h"

/* By a verify-full handshake to localhost, once its configuration is loaded, and then to the
 * addresses: what each comes to is in the serving. Returns -1 with the reason unless localhost
 * shows it. */
int pga_local_prove(const struct pga_local_ca *ca, struct pga_serving *serving,
		    struct pga_error *error);

/* Whether localhost shows this certificate: 1, 0, or -1 where it shows none at all. Nothing is
 * verified. */
int pga_local_is_shown(unsigned port, X509 *certificate);

/* Whoever verifies the server by another CA than ours would be refused from then on. What is signed
 * by itself, as Debian's is, verifies nothing. Returns -1 with the name of that CA. */
int pga_local_check_other(const struct pga_local_ca *ca, X509 *leaf, struct pga_error *error);
int pga_local_check_shown(const struct pga_local_ca *ca, unsigned port, struct pga_error *error);

/* Clients of the CAs in this file (ssl_ca_file) would be refused. Returns -1. */
int pga_local_fail_other_clients(const char *file, struct pga_error *error);

#endif
