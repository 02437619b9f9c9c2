/* SHA-256 fingerprints as people write them. */
#ifndef PGA_TLS_FINGERPRINT_H
#define PGA_TLS_FINGERPRINT_H

#include "base/error.h"
#include "policy/pins.h"

/* How to get a root's fingerprint, for hints. */
#define PGA_FINGERPRINT_ADVICE                                                         \
	"on the CA: step certificate fingerprint root_ca.crt, or openssl x509 -noout " \
	"-fingerprint -sha256 -in root_ca.crt; get it to you by a way that you trust"

/* Turns a SHA-256 fingerprint into a pin: either case, with or without colons, dashes or blanks
 * between the bytes, and behind the words that openssl and others print before it. where: what the
 * text is, for the error. Returns -1, with the reason, for anything else, a SHA-1 fingerprint among
 * it. */
int pga_fingerprint_read(const char *text, const char *where, char pin[PGA_PIN_LENGTH + 1],
			 struct pga_error *error);

/* That of the option --fingerprint. */
int pga_fingerprint_parse(const char *text, char pin[PGA_PIN_LENGTH + 1], struct pga_error *error);

#endif
