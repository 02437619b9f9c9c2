/* What the sources share that have certificates in bytes: a file, standard input, an address. */
#ifndef PGA_ANCHOR_SOURCE_BYTES_H
#define PGA_ANCHOR_SOURCE_BYTES_H

#include "anchor/source.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Adds the certificates in the bytes, and fills in where and digest. Returns -1 with the reason. */
int pga_candidates_read(struct pga_candidates *candidates, const char *where,
			const struct pga_text *bytes, struct pga_error *error);

/* Whether the name ends as those of files of certificates do: .pem, .crt, .cer, .der, .p7b, .p7c,
 * .ca-bundle. */
bool pga_is_certificates_name(const char *name, size_t length);

#endif
