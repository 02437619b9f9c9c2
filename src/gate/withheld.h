/* Why a secret of the keyring was not used, in words. */
#ifndef PGA_GATE_WITHHELD_H
#define PGA_GATE_WITHHELD_H

#include "base/text.h"
#include "gate/rules.h"
#include "policy/release.h"
#include "secret/protocol.h"

#include <stdbool.h>

struct gate_withheld {
	bool passphrase;               /* of a key; else a password */
	const char *of;                /* the host, or the key's file */
	enum pga_release release;      /* it may not go there; else */
	enum pga_secret_status status; /* what came of asking for it */
};

/* Adds the reason and a hint, in lines of which the first begins with "pganchor: ", and the others
 * with these blanks more. No newline at the end. */
void gate_withheld_add(struct pga_text *text, const struct gate_withheld *withheld,
		       const char *blanks);

/* The same to standard error, once a process of each kind: where a program asks its user for a
 * password then, libpq's message is not seen. */
void gate_withheld_tell(const struct gate_withheld *withheld);

/* And of all: passwords.conf could not be read. */
void gate_withheld_tell_broken(const struct gate_rules *rules);

#endif
