/* The roots that are pinned already from one source: while a CA moves to a new root, its own TLS
 * still comes from one of them. */
#ifndef PGA_ANCHOR_KNOWN_ROOTS_H
#define PGA_ANCHOR_KNOWN_ROOTS_H

#include "tls/certificate.h"
#include "base/error.h"
#include "policy/pins.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_known_root {
	char *name; /* of its anchor */
	struct pga_certificate certificate;
};

struct pga_known_roots {
	struct pga_known_root *roots;
	size_t count;
};

/* Whether the anchor's own file has the pinned certificate, which is read then, and no other but
 * those of the pins that join it (pins NULL: whatever they are). */
bool pga_known_root_read(const struct pga_pin *pin, const struct pga_pins *pins,
			 struct pga_certificate *certificate);

/* Reads those with this source from anchors.conf and anchors/NAME.crt. An anchor whose file is
 * missing or holds another certificate is left out. The caller frees them, after an error too. */
int pga_known_roots_read(struct pga_known_roots *known, const char *source,
			 struct pga_error *error);

/* The one with which alone the chain verifies, as libpq verifies it; NULL where there is none. */
const struct pga_known_root *pga_known_roots_of(const struct pga_known_roots *known,
						STACK_OF(X509) * chain);

void pga_known_roots_free(struct pga_known_roots *known);

#endif
