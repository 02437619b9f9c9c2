/* The pins of the certificates in a file of roots, as libpq finds them in it. */
#ifndef PGA_TLS_ROOT_PINS_H
#define PGA_TLS_ROOT_PINS_H

#include "base/error.h"
#include "base/text.h"

/* Adds the pin of each certificate in the bytes of a file, one a line, in the file's order; path is
 * for messages. Returns -1 for one that libpq could not read: then none is added, or not all. */
int pga_root_pins(const char *path, const struct pga_text *content, struct pga_text *pins,
		  struct pga_error *error);

#endif
