/* One call of libpq that goes through the gate, while it lasts: what the parts of the gate that
 * libpq comes by on its way have to know of each other. */
#ifndef PGA_GATE_CALL_H
#define PGA_GATE_CALL_H

#include "gate/libpq.h"
#include "gate/rules.h"
#include "policy/effective.h"

#include <sys/types.h>

/* Which hosts' names and addresses a call may look up. What was judged at the entry point is what
 * libpq then reads of the environment and of files once more; where no lock can hold it, this does.
 */
enum gate_lookups {
	GATE_LOOK_UP_ANY,
	GATE_LOOK_UP_EXEMPT, /* those alone that the policy exempts: nothing is locked for them */
	GATE_LOOK_UP_NONE,   /* the connection was allowed as one to a Unix-domain socket */
};

struct gate_call {
	struct gate_call *outer; /* the call within which this one was made; NULL where none */
	const void *frame;       /* of the function that makes it */
	struct gate_call **list; /* of the thread that it was begun in */
	struct gate_libpq *libpq;
	bool judged; /* began at an entry point, which has judged it and told the audit log */

	enum gate_lookups lookups;
	const struct gate_rules *rules; /* the policy that exempts; the caller's */
	bool lookup_refused;
	bool ambiguous; /* pga_is_ambiguous(), for the audit log */

	/* PQconnectPoll check: the object that has begun to connect within this call, and what was
	 * found out then. It comes by again in the same call, with the same settings: a question to
	 * libpq and to the file system each time would tell nothing new. */
	const PGconn *begun; /* NULL: none */
	const struct gate_rules *begun_rules;
	struct pga_effective effective;

	int passfile; /* of passwords of the keyring, which libpq has read once it looks up a host;
			 -1: none */

	long verify_error; /* of the TLS session that libpq has freed (verify_error.c); 0: none */

	const PGconn *refused; /* the object whose session was refused (tls_write.c) */
	ino_t dead;            /* see gate_cut() */
};

/* Begins a call in this thread, that the function which this is written in makes. NULL for want of
 * memory. */
#define gate_call_begin(libpq) gate_call_begin_at(libpq, __builtin_frame_address(0))
struct gate_call *gate_call_begin_at(struct gate_libpq *libpq, const void *frame);

/* The call that this thread is in; NULL where it is in none. One that a program has left by
 * longjmp() may be told as long as nothing proves that it has. */
struct gate_call *gate_call_current(void);

/* The call has come back. */
void gate_call_end(struct gate_call *call);

/* libpq has read it (connectOptions2() does before a name is looked up). */
void gate_call_close_passfile(struct gate_call *call);

/* Forgets the object that has begun to connect. */
void gate_call_forget_begun(struct gate_call *call);

#endif
