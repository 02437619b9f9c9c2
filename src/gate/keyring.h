/* The keyring, asked by a program of its own: libsecret in somebody's process would bring threads,
 * ignore SIGPIPE, and hang after a fork(). */
#ifndef PGA_GATE_KEYRING_H
#define PGA_GATE_KEYRING_H

#include "base/text.h"
#include "secret/protocol.h"

/* Where this process could not have it asked: for want of descriptors or memory, or in a sandbox.
 */
#define GATE_NOT_ASKED ((enum pga_secret_status)(PGA_SECRET_FAILED + 1))

/* Has pganchor-secret answer a request (secret/protocol.h) into the file `answer`, a
 * gate_memory_file(). It takes no longer than PGA_SECRET_LIMIT and a little. The program that this
 * is in never hears of the process: no SIGCHLD, nothing for its wait(), nothing left behind. The
 * thread must handle no signal meanwhile, and not be cancelled. */
enum pga_secret_status gate_keyring_ask(const struct pga_text *request, int answer);

#endif
