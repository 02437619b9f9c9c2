/* The keyring, through pganchor-secret (secret/protocol.h). */
#ifndef PGA_PASSWORD_ASK_KEYRING_H
#define PGA_PASSWORD_ASK_KEYRING_H

#include "base/error.h"
#include "password/secret.h"
#include "policy/passwords.h"
#include "secret/protocol.h"

#include <stdbool.h>

/* Each returns what the program ended with. What is not PGA_SECRET_DONE fills the error, with what
 * there is to do about it. Where the program is not installed, it is PGA_SECRET_ABSENT. */

/* The secret of an entry; to be ended in any case. */
enum pga_secret_status pga_ask_keyring_get(const struct pga_password_entry *entry,
					   struct pga_secret *secret, struct pga_error *error);

/* The same of what is none, and may be longer: it is added to the text. */
enum pga_secret_status pga_ask_keyring_read(const struct pga_password_entry *entry,
					    struct pga_text *text, struct pga_error *error);

/* Keeps it, in the place of what was there; what is done has been read back. */
enum pga_secret_status pga_ask_keyring_set(const struct pga_password_entry *entry,
					   const struct pga_secret *secret,
					   struct pga_error *error);

enum pga_secret_status pga_ask_keyring_clear(const struct pga_password_entry *entry,
					     struct pga_error *error);

/* All entries that it has and the index can have; to be freed in any case. */
enum pga_secret_status pga_ask_keyring_list(struct pga_passwords *entries, struct pga_error *error);

/* Whether it is worth being asked: pganchor-secret is installed, and there is a bus. Nothing is
 * started. */
bool pga_ask_keyring_is_possible(void);

/* Whether it can be read and written now. */
enum pga_secret_status pga_ask_keyring_state(struct pga_error *error);

/* Has the desktop ask for its password. */
enum pga_secret_status pga_ask_keyring_unlock(struct pga_error *error);

#endif
