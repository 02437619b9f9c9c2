/* A network that is none, for verdict.c: stands between libpq and the kernel, and writes down what
 * libpq would have done. */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
	LOOKED_UP,  /* getaddrinfo() of a name or an address */
	CONNECTED,  /* connect(), that is a first packet */
	SENT_SSL,   /* a request for TLS */
	SENT_HELLO, /* a TLS handshake begun without asking, or what follows in it */
	SENT_GSS,   /* a request for GSSAPI encryption */
	SENT_PLAIN  /* anything else */
};

struct event {
	enum event_kind kind;
	bool local;        /* on a Unix-domain socket */
	char host[300];    /* what was asked of getaddrinfo(), or the socket's path */
	uint32_t checksum; /* of what was sent in plain */
};

#define EVENTS 96

struct wire {
	/* What the next run meets. */
	bool refuses;  /* every connect() fails; so libpq goes through its whole list */
	char answers;  /* to requests for encryption: 'N', or 0 for hanging up */
	bool ticket;   /* there is one of Kerberos */
	uint64_t dice; /* what RAND_bytes() makes its numbers of */

	/* What came of it. */
	struct event events[EVENTS];
	size_t count; /* all that came; those past EVENTS are not kept */
	size_t logged;
};

extern struct wire wire;

/* Forgets the events of the run before. */
void wire_begin(void);

/* The gate's own files: it finds the system's policy and the user's in this directory's system/ and
 * home/.config/pganchor/, and sees them change when the generation does. */
void wire_files(const char *directory, unsigned generation);

#endif
