/* Passphrases of private keys, which the user's keyring has: given to libpq when it asks for one,
 * and not as the setting sslpassword, which PQconninfo() tells. */
#ifndef PGA_GATE_PASSPHRASE_H
#define PGA_GATE_PASSPHRASE_H

#include "gate/libpq.h"
#include "gate/rules.h"
#include "policy/effective.h"

/* Where the keyring has the passphrase of the key that these settings name, libpq is to ask the
 * gate for it from now on (PQsetSSLKeyPassHook_OpenSSL(), libpq 13 and later). A program's own
 * hook, and its own sslpassword, stay. Where the keyring does not give it, nothing changes: OpenSSL
 * asks at the terminal. Returns PGA_SECRET_DONE also where there is nothing to do. */
enum pga_secret_status gate_passphrase_prepare(struct gate_libpq *libpq,
					       const struct gate_rules *rules,
					       const struct pga_effective *effective);

#endif
