/* What becomes of a connection's password. */
#ifndef PGA_PASSWORD_EXPLAIN_H
#define PGA_PASSWORD_EXPLAIN_H

#include "base/text.h"
#include "policy/effective.h"
#include "policy/pins.h"
#include "policy/policy.h"

/* Adds a line, with its end, of the first of the connection's hosts for which the keyring has a
 * password by passwords.conf: whether the gate will hand it over, and why not. Nothing where there
 * is none, the settings have a password, or the file cannot be read. */
void pga_password_explain(const struct pga_effective *effective, const struct pga_policy *policy,
			  const struct pga_pins *pins, struct pga_text *text);

#endif
