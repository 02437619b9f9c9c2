/* A TCP connection, and bytes over it, in a bounded time: for what speaks to a stranger and leaves
 * neither to libpq nor to libcurl. */
#ifndef PGA_TLS_DIAL_H
#define PGA_TLS_DIAL_H

#include "base/error.h"

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Milliseconds of a clock that nobody sets. */
long long pga_dial_now(void);

/* Connects to the host, a name or an address, at the first of its addresses that takes it, IPv4 and
 * IPv6. Each of them gets at most so many milliseconds, and all of them end at the deadline
 * (pga_dial_now()). Looking up the name is the resolver's and is not counted. Returns the socket,
 * which does not block and is the caller's to close, or -1 with the reason of the last address;
 * where: what is asked, for the message. */
int pga_dial(const char *host, unsigned port, long timeout, long long deadline, const char *where,
	     struct pga_error *error);

/* The two halves of it. The caller frees the addresses by freeaddrinfo(); NULL after an error.
 * Where no address takes the connection, errno says why as well. */
int pga_dial_look_up(const char *host, unsigned port, struct addrinfo **addresses,
		     struct pga_error *error);
int pga_dial_one_of(const struct addrinfo *addresses, long timeout, long long deadline,
		    const char *where, struct pga_error *error);

/* Begins a connection to this address, and does not wait until it stands: what is read or written
 * first does. Returns as pga_dial(). */
int pga_dial_again(const struct sockaddr *address, socklen_t length, const char *where,
		   struct pga_error *error);

/* Reads what is there, at most length bytes. Returns their number, 0 where the other end has closed
 * or reset the connection, -1 with the reason: the deadline is over, say. */
ssize_t pga_dial_read(int connection, void *bytes, size_t length, long long deadline,
		      const char *where, struct pga_error *error);

/* Writes all of it, and no SIGPIPE comes of it. Returns 0, also where the other end has closed
 * (*closed); -1 with the reason. */
int pga_dial_write(int connection, const void *bytes, size_t length, long long deadline,
		   const char *where, bool *closed, struct pga_error *error);

/* Whether bytes have come that nobody has read yet. */
bool pga_dial_has_more(int connection);

#endif
