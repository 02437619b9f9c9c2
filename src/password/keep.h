/* A secret in the keyring and its line in the index, which belong together. In whatever moment this
 * ends, no line of the index is without its secret, and no secret is lost: one without its line is
 * shown by `pganchor password list`. */
#ifndef PGA_PASSWORD_KEEP_H
#define PGA_PASSWORD_KEEP_H

#include "password/ask_keyring.h"

/* Keeps it. The index is looked at before. */
enum pga_secret_status pga_password_keep(const struct pga_password_entry *entry,
					 const struct pga_secret *secret, struct pga_error *error);

/* Takes both away: nothing, where the keyring cannot be written now. A line without its secret
 * goes, too. */
enum pga_secret_status pga_password_drop(const struct pga_password_entry *entry,
					 struct pga_error *error);

#endif
