/* What is known already of a server that shows a root, as ssh knows its hosts: another root than
 * before may be an attacker's. */
#ifndef PGA_ANCHOR_KNOWN_HOST_H
#define PGA_ANCHOR_KNOWN_HOST_H

#include "base/error.h"
#include "base/text.h"
#include "tls/certificate.h"

#include <openssl/x509.h>

struct pga_shown_root {
	const char *host;
	unsigned port;
	const char *location;               /* of the source, as an anchor from there has it */
	STACK_OF(X509) * chain;             /* that the server showed */
	const struct pga_certificate *root; /* in it */
};

/* Adds to note that this root is pinned, and not for this host, with what changes that; nothing
 * where it is not so. Returns -1 where that cannot be told. */
int pga_known_host_note(const struct pga_shown_root *shown, struct pga_text *note,
			struct pga_error *error);

/* Adds to other what contradicts this root: an anchor that is pinned for this very host (one that
 * is for every host says nothing of it) or from this location, while the chain comes from none that
 * is; or a key that the server has shown before (known_servers.conf), in the place of which it now
 * shows another one, of another issuer. Nothing is added where the root is known, or nothing is.
 * Returns -1 where that cannot be told. */
int pga_known_host_look(const struct pga_shown_root *shown, struct pga_text *other,
			struct pga_error *error);

#endif
