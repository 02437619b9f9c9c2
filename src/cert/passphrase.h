/* The passphrase of a private key of our own, which the keyring keeps: nobody has to know it. The
 * gate hands it to libpq. */
#ifndef PGA_CERT_PASSPHRASE_H
#define PGA_CERT_PASSPHRASE_H

#include "base/error.h"
#include "cert/state.h"
#include "password/secret.h"

#include <stdbool.h>

/* A new one, of 128 bits. Returns -1 with the reason; to be ended in any case. */
int pga_passphrase_make(struct pga_secret *secret, struct pga_error *error);

/* Whether the keyring can be written now. Returns -1 with what there is to do. */
int pga_passphrase_check(struct pga_error *error);

/* That of the key in this file; to be ended in any case. Returns -1 where there is none, or the
 * keyring cannot be read now. */
int pga_passphrase_get(const char *key, struct pga_secret *secret, struct pga_error *error);

/* Gives state the key of a pair that is encrypted, by the passphrase that the keyring has for it;
 * nothing to do is no error. Returns -1 where that is not to be had, or does not open it, or the
 * key is not the certificate's. secret: to be ended in any case. */
int pga_passphrase_unlock(const char *key, struct pga_cert_state *state, struct pga_secret *secret,
			  struct pga_error *error);

/* Keeps it, in the place of what was there; before gets that (bytes NULL: there was none), to be
 * ended in any case. */
int pga_passphrase_keep(const char *key, const struct pga_secret *secret, struct pga_secret *before,
			struct pga_error *error);

/* Puts back what was there before. */
int pga_passphrase_take_back(const char *key, const struct pga_secret *before,
			     struct pga_error *error);

#endif
