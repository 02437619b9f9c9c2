/* Passwords of the user's keyring, handed to libpq as a password file (passfile.h). */
#ifndef PGA_GATE_PASSWORDS_H
#define PGA_GATE_PASSWORDS_H

#include "gate/libpq.h"
#include "gate/passfile.h"
#include "gate/rules.h"
#include "policy/effective.h"

/* Makes one for a connection whose settings the policy allows, all of whose hosts are held to TLS;
 * none where the keyring has no password for it, the program or libpq's own password file has one,
 * or not every host is one to which it may go (policy/release.h). Where the keyring should have one
 * and does not give it, a notice says why, once a process. The passphrase of the connection's key
 * is seen to as well. */
void gate_passwords_hand_over(struct gate_libpq *libpq, const struct gate_rules *rules,
			      const struct pga_parameters *parameters,
			      const struct pga_effective *effective,
			      struct gate_passfile *passfile);

#endif
