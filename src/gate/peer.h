/* The other gates of a process: a program that links libpganchor on a machine with the drop-in has
 * two of them, and under the preload three; so has one that opens a namespace of its own. The one
 * that comes to a libpq first stands before it, and judges its connections; the others hand on to
 * that what reaches them. */
#ifndef PGA_GATE_PEER_H
#define PGA_GATE_PEER_H

#include "gate/libpq.h"

/* Whether this function, to which an import of the libpq is bound, is another gate's, one that
 * stands before that libpq. Then it is noted in libpq->peer. */
bool gate_peer_take(struct gate_libpq *libpq, const void *function);

/* What the gate that stands before this libpq does in the place of this wrapper, and what it knows
 * the libpq by; NULL where that is this gate itself. May be called in a signal handler. */
gate_function *gate_peer_way(const struct gate_libpq *libpq, const char *name, void **known);

#endif
