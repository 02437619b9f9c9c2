/* The source that asks a step-ca, for those that learn elsewhere which step-ca is meant. */
#ifndef PGA_ANCHOR_SOURCE_STEPCA_H
#define PGA_ANCHOR_SOURCE_STEPCA_H

#include "anchor/source.h"

/* Puts the address of a CA, as somebody else has it, into the request: its location and its name,
 * in the place of what is there. where: who says it, for messages. */
int pga_stepca_locate(struct pga_source_request *request, const char *url, const char *where,
		      struct pga_error *error);

/* How it is asked, the same for all of them: see struct pga_source. */
int pga_stepca_fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		     struct pga_error *error);
int pga_stepca_verify(const struct pga_source_request *request, const char *roots,
		      STACK_OF(X509) * *chain, struct pga_error *error);

#endif
