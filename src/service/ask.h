/* Asks libpq what it would connect with, and everything that it would refuse before it connects. */
#ifndef PGA_SERVICE_ASK_H
#define PGA_SERVICE_ASK_H

#include "base/error.h"
#include "policy/effective.h"

/* As pga_effective_ask() of the tool's libpq, but libpq goes on to each host, and so refuses what
 * it looks at only then, too: target_session_attrs and the ports. It looks up no name and makes no
 * socket. What it looks at later still (addresses; keepalives and the like, which are numbers) is
 * checked by its rules. Returns 0; 1, with libpq's words, where it refuses; -1 for want of memory:
 * effective is then as it was before. */
int pga_ask(const struct pga_parameters *parameters, struct pga_effective *effective,
	    struct pga_error *error);

#endif
