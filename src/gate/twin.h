/* A chain that ends in another certificate of a pinned root's key. */
#ifndef PGA_GATE_TWIN_H
#define PGA_GATE_TWIN_H

#include "gate/libpq.h"
#include "gate/rules.h"

/* The anchor that is valid for this host and with whose root alone the session's chain verifies,
 * although it ends in another; NULL where there is none, or that cannot be found out. The root is
 * among those that libpq trusts in this session, and has the name of one of the chain. */
const struct pga_pin *gate_twin(const struct gate_libpq *libpq, const struct gate_rules *rules,
				const void *ssl, const char *host);

#endif
