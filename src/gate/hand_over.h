/* Passwords of the user's keyring, handed to libpq as a password file (passfile.h). */
#ifndef PGA_GATE_HAND_OVER_H
#define PGA_GATE_HAND_OVER_H

#include "gate/libpq.h"
#include "gate/passfile.h"
#include "gate/rules.h"
#include "policy/effective.h"

/* Makes one for a connection that is held: whose settings the policy allows and enforces, and all
 * of whose hosts need TLS. None where it is not, where the keyring has no password for it, the
 * program or libpq's own password file has one, or not every host is one to which it may go
 * (policy/release.h). Where the keyring should have one and does not give it, a notice says why,
 * once a process. The passphrase of the connection's key is seen to as well. */
void gate_passwords_hand_over(struct gate_libpq *libpq, const struct gate_rules *rules,
			      const struct pga_parameters *parameters,
			      const struct pga_effective *effective, bool held,
			      struct gate_passfile *passfile);

/* Where a connection has failed for a password of the keyring's: says so behind libpq's words, and
 * has the keyring asked anew the next time. */
void gate_passwords_look_back(struct gate_libpq *libpq, PGconn *conn);

#endif
