/* libpq's password file, by libpq's own account of it. */
#ifndef PGA_PASSWORD_ASK_PASSFILE_H
#define PGA_PASSWORD_ASK_PASSFILE_H

#include "base/error.h"
#include "policy/passwords.h"

#include <stdbool.h>
#include <stddef.h>

/* The file that libpq reads here (PGPASSFILE, or ~/.pgpass), which the caller frees; NULL where it
 * has none: it finds no home. Returns -1 where that cannot be told. */
int pga_passfile_find(char **path, struct pga_error *error);

/* The same, where none is an error, too: NULL. */
char *pga_passfile_path(struct pga_error *error);

/* Whether libpq, for a connection that the entry fits, reads this password out of a file that has
 * these bytes alone. Returns -1 where that cannot be asked. To be called with the environment
 * hidden (pga_hide_environment()): PGPASSWORD goes before the file. */
int pga_passfile_gives(const char *bytes, size_t length, const struct pga_password_entry *entry,
		       const char *password, bool *gives, struct pga_error *error);

#endif
