/* A password that is typed. */
#ifndef PGA_CLI_HIDDEN_ANSWER_H
#define PGA_CLI_HIDDEN_ANSWER_H

#include "base/error.h"
#include "password/secret.h"

#include <stdbool.h>

/* Reads it from standard input: from a terminal without echo, and twice, unless once is enough;
 * from all else one line, and nothing may be behind that. what: "password for joe". To be ended in
 * any case. Returns -1 where there is none, where both are not the same, and for one that libpq's
 * password file could not hold. */
int pga_hidden_answer(struct pga_secret *secret, const char *what, bool once,
		      struct pga_error *error);

#endif
