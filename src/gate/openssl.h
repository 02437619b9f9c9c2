/* The OpenSSL of a libpq. */
#ifndef PGA_GATE_OPENSSL_H
#define PGA_GATE_OPENSSL_H

#include "gate/libpq.h"

#include <stdbool.h>

/* Finds the OpenSSL that this libpq's calls go to. false where that cannot be told: where libpq has
 * none, or has it linked in; or where it is bound function by function as it calls them, and has
 * called none, and the process has two. */
bool gate_libpq_openssl(struct gate_libpq *libpq);

#endif
