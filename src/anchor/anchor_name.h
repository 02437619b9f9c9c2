/* A name for an anchor, where nobody gives one. */
#ifndef PGA_ANCHOR_ANCHOR_NAME_H
#define PGA_ANCHOR_ANCHOR_NAME_H

#include "tls/certificate.h"

/* The longest that is made, with its NUL: shorter than one may be, so that something may be added.
 */
#define PGA_ANCHOR_NAME 50

/* Makes one of the root's common name, or else of its pin: "amazon-root-ca-1". It is valid. */
void pga_anchor_name_of(const struct pga_certificate *root, char name[PGA_ANCHOR_NAME]);

#endif
