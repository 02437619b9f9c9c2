/* What the clients of this machine will make of the chain that a server is going to show: by the
 * names that pg_service.conf's entries call it, and by the roots that they trust. */
#ifndef PGA_SERVER_CLIENTS_H
#define PGA_SERVER_CLIENTS_H

#include "base/error.h"
#include "server/change.h"

#include <openssl/x509.h>

/* Adds to the work's plan what each entry that leads to its server makes of the chain, and what
 * whoever calls it by one of the wish's hosts does; where there is neither, by its first name.
 * chain NULL: each is shown that of the work's hosts. That nobody here can tell is no error.
 * Returns -1 for want of memory. */
int pga_server_look_at_clients(struct pga_server_work *work, const struct pga_server_wish *wish,
			       STACK_OF(X509) * chain, struct pga_error *error);

#endif
