/* What there is to say of a root before it is trusted, as people read certificates. */
#ifndef PGA_TLS_CERTIFICATE_TEXT_H
#define PGA_TLS_CERTIFICATE_TEXT_H

#include "tls/certificate.h"
#include "base/error.h"
#include "base/text.h"

/* "RSA 4096 bits", "EC P-256"; with the public exponent where that is an odd one. Belongs to the
 * text that it is added to. */
void pga_certificate_tell_key(const struct pga_certificate *certificate, struct pga_text *text);

/* What it is signed with: "sha256WithRSAEncryption". */
void pga_certificate_tell_signature(const struct pga_certificate *certificate,
				    struct pga_text *text);

/* "3650 days left", "1 day left", "expired"; the days are whole ones. */
void pga_certificate_tell_days(const struct pga_certificate *certificate, struct pga_text *text);

/* Adds a line for each, indented alike, with its word in a column: subject, issuer (where it is
 * another), validity, key, for whom it may sign. Returns -1 for want of memory. */
int pga_certificate_tell(const struct pga_certificate *certificate, struct pga_text *text,
			 struct pga_error *error);

#endif
