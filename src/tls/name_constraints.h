/* For which hosts a CA may sign (RFC 5280, 4.2.1.10), as its own certificate says. */
#ifndef PGA_TLS_NAME_CONSTRAINTS_H
#define PGA_TLS_NAME_CONSTRAINTS_H

#include "tls/certificate.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Adds "any host", or what it may sign for and for what it may not: "example.com and below it,
 * 10.0.0.0/8, but not secret.example.com and below it". Made printable. Returns -1 for want of
 * memory. */
int pga_name_constraints_tell(const struct pga_certificate *certificate, struct pga_text *text,
			      struct pga_error *error);

/* Adds those of these host patterns (base/host.h), with ", " between, for none of whose hosts the
 * CA can ever sign: libpq would refuse each of their certificates. Nothing where there is none.
 * Returns -1 for want of memory. */
int pga_name_constraints_outside(const struct pga_certificate *certificate, const char *patterns,
				 struct pga_text *outside, struct pga_error *error);

#endif
