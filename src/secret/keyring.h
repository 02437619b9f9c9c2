/* The keyring of the desktop, through libsecret. None of these but pga_keyring_unlock() makes the
 * desktop ask the user while the keyring is locked. */
#ifndef PGA_SECRET_KEYRING_H
#define PGA_SECRET_KEYRING_H

#include "base/error.h"
#include "base/text.h"
#include "policy/passwords.h"
#include "secret/protocol.h"

/* libsecret calls this API unstable; it has been as it is since 0.18. */
#define SECRET_API_SUBJECT_TO_CHANGE
#include <libsecret/secret.h>

struct pga_keyring {
	SecretService *service;
	GCancellable *cancellable;
};

/* Finds it, by the session's bus. No bus is ever started. cancellable: for all that is asked. What
 * these return other than PGA_SECRET_DONE fills the error. */
enum pga_secret_status pga_keyring_open(struct pga_keyring *keyring, GCancellable *cancellable,
					struct pga_error *error);
void pga_keyring_close(struct pga_keyring *keyring);

/* Whether it can be read and written: that its default collection is there, and not locked. */
enum pga_secret_status pga_keyring_state(const struct pga_keyring *keyring,
					 struct pga_error *error);

/* The secret of an entry, which the caller gives back with secret_value_unref(). */
enum pga_secret_status pga_keyring_get(const struct pga_keyring *keyring,
				       const struct pga_password_entry *entry, SecretValue **value,
				       struct pga_error *error);

/* Keeps it in the default collection, in the place of what was there, and reads it back. */
enum pga_secret_status pga_keyring_set(const struct pga_keyring *keyring,
				       const struct pga_password_entry *entry, const char *secret,
				       struct pga_error *error);

/* Removes all items that are this entry. */
enum pga_secret_status pga_keyring_clear(const struct pga_keyring *keyring,
					 const struct pga_password_entry *entry,
					 struct pga_error *error);

/* Adds the attributes of all that is pganchor's, as the protocol has them. */
enum pga_secret_status pga_keyring_list(const struct pga_keyring *keyring, struct pga_text *list,
					struct pga_error *error);

/* Has the desktop ask for the password of the default collection, or for that of a new one. */
enum pga_secret_status pga_keyring_unlock(const struct pga_keyring *keyring,
					  struct pga_error *error);

#endif
