/* What service harden asks a person: which name of a certificate is meant, and whether the root of
 * a server that no pinned anchor has signed is to be pinned. */
#ifndef PGA_CLI_HARDEN_QUESTIONS_H
#define PGA_CLI_HARDEN_QUESTIONS_H

#include "base/error.h"
#include "service/harden.h"

/* Asks of each entry that cannot be decided, and looks at it again. Where nothing is answered, the
 * entry is left as it is. Returns -1 where it could not ask, and for want of memory. */
int pga_harden_ask(struct pga_harden *harden, struct pga_error *error);

#endif
