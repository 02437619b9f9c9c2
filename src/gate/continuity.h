/* Continuity: whether a server shows the key that it has always shown. */
#ifndef PGA_GATE_CONTINUITY_H
#define PGA_GATE_CONTINUITY_H

#include "base/text.h"
#include "gate/libpq.h"
#include "gate/rules.h"

#include <stdbool.h>

/* Looks at a session that OpenSSL has verified (ssl, of this connection), as the policy's
 * continuity wants it. The first key of a server is remembered in the user's known_servers.conf,
 * and another one is noted there for the user to accept. Returns whether the session may go on;
 * message is then what is to be logged (continuity = warn), or stays empty, and else why not. */
bool gate_continuity_holds(const struct gate_libpq *libpq, const struct gate_rules *rules,
			   const PGconn *conn, const void *ssl, const char *host,
			   struct pga_text *message);

#endif
