/* Passwords of the keyring as lines of libpq's password file. */
#ifndef PGA_PASSWORD_EXPORT_H
#define PGA_PASSWORD_EXPORT_H

#include "base/error.h"
#include "password/secret.h"
#include "policy/passwords.h"

#include <stdbool.h>

/* Writes the lines of the chosen ones to a descriptor. All are read from the keyring before the
 * first is written. */
int pga_export_to(const struct pga_passwords *index, const bool *chosen, int descriptor,
		  struct pga_error *error);

/* The same to the end of a file, as a whole or not at all, but for those that it has already. Warns
 * of each that an earlier line covers. A file that others may read is refused; a new one has mode
 * 0600. *added is how many lines were. */
int pga_export_into(const struct pga_passwords *index, const bool *chosen, const char *path,
		    size_t *added, struct pga_error *error);

/* Writes a secret to a descriptor, with a line end. */
int pga_export_write(int descriptor, const struct pga_secret *secret, struct pga_error *error);

#endif
