/* What the keyring has answered, which a process keeps for a while: a program that connects again
 * and again asks once. */
#ifndef PGA_GATE_ANSWERS_H
#define PGA_GATE_ANSWERS_H

#include "base/text.h"
#include "secret/protocol.h"

#include <stdbool.h>
#include <stddef.h>

/* Has `use` make something of the answer to a request (secret/protocol.h), kept or new. Nothing
 * else runs in this thread meanwhile, and other threads wait. Where `use` returns false, it is
 * GATE_NOT_ASKED (keyring.h); where the keyring has none, another one than PGA_SECRET_DONE, and
 * `use` is not called. A keyring that does not answer is left alone for half a minute. */
enum pga_secret_status gate_answer_use(const struct pga_text *request,
				       bool (*use)(const char *bytes, size_t length, void *context),
				       void *context);

/* A server has refused one of them: the user may have put another into the keyring. */
void gate_answers_forget(void);

#endif
