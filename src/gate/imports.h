/* What libpq calls in other libraries. A libpq can be linked such that the calls of its own
 * functions never leave it (-Bsymbolic-functions, -fno-semantic-interposition, protected
 * visibility), and no interposed PQconnectPoll sees them. Its calls of another library go through
 * its GOT however it was built, and three of them stand in the way of every connection:
 * getaddrinfo() before a TCP connection is opened; SSL_connect(), which says why a certificate did
 * not verify; and SSL_write(), whose first call of a session carries the startup packet. */
#ifndef PGA_GATE_IMPORTS_H
#define PGA_GATE_IMPORTS_H

#include "gate/libpq.h"

#include <netdb.h>

/* Binds this libpq's GOT entries of the three to the gate, and notes whether they could be:
 * libpq->writes_seen, lookups_seen, handshakes_seen. May be called more than once, and by several
 * threads. */
void gate_imports_bind(struct gate_libpq *libpq);

/* What they then come to: libpq's SSL_write() (tls_write.c), SSL_connect() (verify_error.c),
 * getaddrinfo() (lookup.c). */
int gate_tls_connect(struct gate_libpq *libpq, void *ssl);
int gate_tls_write(struct gate_libpq *libpq, void *ssl, const void *bytes, int count);
int gate_look_up(struct gate_libpq *libpq, const char *node, const char *service,
		 const struct addrinfo *hints, struct addrinfo **found);

/* Whether nothing that this libpq does within a call can pass the gate unseen: a session's startup
 * packet is seen before it is sent, or else every step of PQconnectPoll is. */
bool gate_sees_sessions(struct gate_libpq *libpq);

/* The same for a connection to a Unix-domain socket: that it does not become one by TCP. */
bool gate_sees_lookups(struct gate_libpq *libpq);

#endif
