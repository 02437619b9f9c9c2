/* An anchor's own file, anchors/NAME.crt: its root first and, while its CA moves to another root,
 * those that it is joined by (policy/joined.h). Nothing else stands in it. */
#ifndef PGA_ANCHOR_OWN_FILE_H
#define PGA_ANCHOR_OWN_FILE_H

#include "tls/certificate.h"
#include "base/text.h"
#include "policy/pins.h"

#include <stdbool.h>
#include <stddef.h>

/* As many roots as such a file has at most. */
#define PGA_OWN_FILE_ROOTS 32

struct pga_own_file {
	struct pga_certificate roots[PGA_OWN_FILE_ROOTS];
	size_t count;
};

/* Reads the certificates; false for content that has none, or anything else. To be freed in either
 * case. */
bool pga_own_file_read(struct pga_own_file *file, const struct pga_text *content);

/* The one with this pin; NULL where it is not there. */
struct pga_certificate *pga_own_file_find(struct pga_own_file *file, const char *pin);

/* Whether the content is that of the anchor's own file: its root is there, and every other joins
 * it. */
bool pga_own_file_is_right(const struct pga_text *content, const struct pga_pin *anchor,
			   const struct pga_pins *pins);

void pga_own_file_free(struct pga_own_file *file);

#endif
