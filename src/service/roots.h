/* Whether libpq would find a certificate to trust. */
#ifndef PGA_SERVICE_ROOTS_H
#define PGA_SERVICE_ROOTS_H

#include "base/error.h"
#include "base/text.h"
#include "policy/effective.h"
#include "policy/pins.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_root_file;

/* The files that were looked at: a hundred entries with one file look at it once. Starts all zero.
 */
struct pga_roots {
	struct pga_root_file *files;
	size_t count;
	char *home; /* libpq's; NULL: not asked for yet */
};

/* The file in which libpq looks for roots when the setting is this: the caller frees it. NULL for
 * "system" where libpq knows the word, and, with the error filled, where libpq finds no home. */
char *pga_roots_path(struct pga_roots *roots, const char *sslrootcert, struct pga_error *error);

/* Whether there is a certificate in the file of these settings that OpenSSL can use as libpq loads
 * it. Where not, *why says so; it belongs to the roots. Returns -1 for want of memory. */
int pga_roots_look(struct pga_roots *roots, const struct pga_effective *effective, const char **why,
		   struct pga_error *error);

/* The pins of all certificates in the file of these settings, one a line, and its path; both belong
 * to the roots. NULL where they cannot be told: of the system's roots, of a pipe, which can be read
 * once, and of a file that libpq cannot use. Returns -1 for want of memory. */
int pga_roots_pins(struct pga_roots *roots, const struct pga_effective *effective,
		   const char **path, const char **pins, struct pga_error *error);

/* Whether the file holds the certificate with this pin. Returns -1 with what is wrong with the
 * file. */
int pga_roots_hold(const char *path, const char *pin, struct pga_error *error);

/* The same of an anchor's, and no other but those that join it (policy/joined.h). */
int pga_roots_hold_alone(const char *path, const struct pga_pin *anchor,
			 const struct pga_pins *pins, struct pga_error *error);

/* Adds what is wrong with the file that the settings name for CRLs, of which libpq says nothing; no
 * file that is named is nothing wrong. Returns -1 for want of memory. */
int pga_crls_look(const struct pga_effective *effective, struct pga_text *text,
		  struct pga_error *error);

void pga_roots_free(struct pga_roots *roots);

#endif
