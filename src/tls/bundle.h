/* Certificates out of whatever form a file of them has: PEM with anything around the blocks, DER,
 * PKCS#7 in either. */
#ifndef PGA_TLS_BUNDLE_H
#define PGA_TLS_BUNDLE_H

#include "tls/certificate.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Starts all zero. */
struct pga_bundle {
	struct pga_certificate *certificates; /* in the order of the file, each once */
	size_t count;
	bool has_private_key; /* stands beside them */
};

/* Reads those of the bytes; whose names the source in messages. Returns -1, with the reason, where
 * there is none, and where one of them is damaged. The caller frees the bundle, after an error too.
 */
int pga_bundle_read(struct pga_bundle *bundle, const char *whose, const char *bytes, size_t length,
		    struct pga_error *error);

void pga_bundle_free(struct pga_bundle *bundle);

#endif
