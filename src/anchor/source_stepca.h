/* The source that asks a step-ca, for those that learn elsewhere which step-ca is meant. */
#ifndef PGA_ANCHOR_SOURCE_STEPCA_H
#define PGA_ANCHOR_SOURCE_STEPCA_H

#include "anchor/source.h"

extern const struct pga_source pga_source_stepca;

/* Puts the address of a CA, as somebody else has it, into the request: its location and its name,
 * in the place of what is there. where: who says it, for messages. */
int pga_stepca_locate(struct pga_source_request *request, const char *url, const char *where,
		      struct pga_error *error);

#endif
