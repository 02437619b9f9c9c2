/* The password of a provisioner. */
#ifndef PGA_CLI_PROVISIONER_PASSWORD_H
#define PGA_CLI_PROVISIONER_PASSWORD_H

#include "base/error.h"
#include "base/text.h"
#include "cert/issue.h"

/* Unlocks the issuer's key: by the password of the file (path; "-": the first line of standard
 * input; NULL: none), or else that which the keyring has for the CA's host and the provisioner's
 * name, or else one that is typed, for which the terminal is asked three times. */
int pga_unlock_issuer(struct pga_issuer *issuer, const char *file, struct pga_error *error);

/* Adds the first line of the file, or of standard input for "-", to text, which the caller wipes.
 * what: "a password". */
int pga_read_secret_line(const char *file, const char *what, struct pga_text *text,
			 struct pga_error *error);

#endif
