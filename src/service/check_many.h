/* The servers of many services, several at once. */
#ifndef PGA_SERVICE_CHECK_MANY_H
#define PGA_SERVICE_CHECK_MANY_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

/* What came of one service: of the first of its hosts of which there is something to say. */
struct pga_checked_service {
	const char *name; /* the caller's */
	bool done;        /* what follows is there */
	bool verified;    /* libpq has verified every host of it that is reached by TLS */
	bool trusted;     /* and the gate would let each through */
	bool skipped;     /* there was no handshake to look at: sockets, or no TLS demanded */
	bool answered;    /* somebody took the connection */
	char *host;
	char *problem;   /* why not, in a line; NULL: there is none */
	char *anchor;    /* that the chain ends in; NULL: in none that is pinned */
	char *root_pin;  /* SHA-256 of that root; "" where none was verified */
	char *valid_to;  /* when the server's certificate ends; "" where it is not known */
	char *no_digest; /* SCRAM will fail by this (tls/handshake.h); NULL: it will not */
	long long spent; /* milliseconds that it took */
};

/* What somebody has asked for. */
struct pga_check_limits {
	long seconds; /* for one service, all in all; 0: as long as its hosts' timeouts allow */
	size_t jobs;  /* so many at once, at most; 0: as many as are good */
};

/* Does the handshakes as libpq does them, with what this environment adds to each entry, in a
 * process each: libpq and OpenSSL keep what belongs to a process. Calls tell after each one.
 * Nothing of a server's is a failure of this function; returns -1 for want of memory. */
int pga_check_many(struct pga_checked_service *services, size_t count,
		   const struct pga_policy *policy, const struct pga_pins *pins,
		   void (*tell)(void *context, size_t done), void *context,
		   struct pga_error *error);

/* The same within limits: of a service that takes longer, that is the problem. */
int pga_check_many_within(const struct pga_check_limits *limits,
			  struct pga_checked_service *services, size_t count,
			  const struct pga_policy *policy, const struct pga_pins *pins,
			  void (*tell)(void *context, size_t done), void *context,
			  struct pga_error *error);

void pga_checked_services_free(struct pga_checked_service *services, size_t count);

#endif
