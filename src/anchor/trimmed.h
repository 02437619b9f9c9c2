/* A file of roots without some of them, and put back: what was taken out is kept beside it, in
 * FILE.trimmed, which is the whole file as it was. Bytes in, bytes out: nothing here opens a file.
 */
#ifndef PGA_ANCHOR_TRIMMED_H
#define PGA_ANCHOR_TRIMMED_H

#include "base/error.h"
#include "base/text.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_TRIMMED_SUFFIX ".trimmed"

/* The certificates of the file in its order. Returns -1 for one that libpq could not read. The
 * caller frees the array and what is in it, after an error too. */
int pga_trimmed_list(const char *path, const struct pga_text *content,
		     struct pga_certificate **certificates, size_t *count, struct pga_error *error);

/* Adds to after what stands in before, but for the certificates with these pins, one a line, each
 * with the comment lines right above it. Returns -1, with the
 * reason, unless exactly these are missing from it then. */
int pga_trimmed_without(const char *path, const struct pga_text *before, const char *pins,
			struct pga_text *after, struct pga_error *error);

/* Adds to after what the file was, of which `before` is what it is now and `kept` what stands in
 * FILE.trimmed; `trimmed` are the pins that were taken out, one a line. Where it was changed since,
 * these come behind what is there now: none of them is lost, and none that somebody else has taken
 * out comes back. */
int pga_trimmed_restore(const char *path, const struct pga_text *before,
			const struct pga_text *kept, const char *trimmed, struct pga_text *after,
			struct pga_error *error);

#endif
