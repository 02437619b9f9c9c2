/* The certificates that a PostgreSQL server shows to whoever comes: it is asked for TLS, and left
 * as soon as TLS stands. No startup packet goes out, and so no user's name and no password. Nothing
 * is verified: this is what anybody can show. */
#ifndef PGA_TLS_SERVER_CHAIN_H
#define PGA_TLS_SERVER_CHAIN_H

#include "base/error.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* How it is asked. */
enum pga_server_way {
	PGA_SERVER_EITHER,    /* by SSLRequest, and once more directly where that is not answered */
	PGA_SERVER_REQUESTED, /* by SSLRequest alone */
	PGA_SERVER_DIRECT,    /* TLS at once, as libpq's sslnegotiation=direct: PostgreSQL 17 */
};

struct pga_server {
	const char *host; /* a name, or an address without brackets */
	unsigned port;
	const char *address; /* where it is reached, as libpq's hostaddr; NULL: by its host */
	enum pga_server_way way;
	long connect_timeout; /* milliseconds, for one address of the host */
	long max_time;        /* for all of it, milliseconds; looking up the name is not counted */
};

/* What else is known of it then. */
struct pga_server_said {
	bool direct;     /* it was asked directly, and did not answer an SSLRequest */
	bool without;    /* it has answered that it does not use TLS */
	bool postgresql; /* it has answered as a PostgreSQL server does, whatever came of it */
};

/* The server's own certificate is the first; sk_X509_pop_free(*chain, X509_free) frees them, and it
 * is NULL after an error. said (or NULL) is filled in either case. Returns -1 with the reason, in
 * which there is no word of the server's. */
int pga_server_chain(const struct pga_server *server, STACK_OF(X509) * *chain,
		     struct pga_server_said *said, struct pga_error *error);

#endif
