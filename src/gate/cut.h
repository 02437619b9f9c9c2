#ifndef PGA_GATE_CUT_H
#define PGA_GATE_CUT_H

#include "gate/libpq.h"

#include <sys/types.h>

/* Puts a dead socket in the place of the connection's: from here on libpq can neither send nor
 * receive, and finds out for itself, as where a connection was reset. Where the descriptor is not
 * the connection's, nothing is done to it; the object stays where it is, and whoever polls it is
 * refused again. Returns the dead socket's inode; 0 where there is none. */
ino_t gate_cut(const struct gate_libpq *libpq, PGconn *conn);

/* Polls an object with that dead socket until libpq has made it CONNECTION_BAD: a few polls, and
 * not one more once it has another socket, perhaps of the same number. Its own PQconnectPoll is
 * called, past the gate's. */
void gate_poll_to_the_end(const struct gate_libpq *libpq, PGconn *conn, ino_t dead);

#endif
