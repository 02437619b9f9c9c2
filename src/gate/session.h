/* What a TLS session really is. */
#ifndef PGA_GATE_SESSION_H
#define PGA_GATE_SESSION_H

#include "base/text.h"
#include "gate/libpq.h"
#include "gate/rules.h"
#include "policy/effective.h"

#include <stdbool.h>

/* Looks at a connection whose settings the policy allows, as it stands: socket, encryption, TLS
 * session, pins, continuity. Returns whether it is what the policy wants; where it is not, adds the
 * whole message to refusal. What it adds although it is (continuity = warn) is for the log. In
 * state CONNECTION_MADE, TLS may still be to come. */
bool gate_session_holds(struct gate_libpq *libpq, const struct gate_rules *rules, PGconn *conn,
			const struct pga_effective *effective, struct pga_text *refusal);

/* The pin of a certificate, an X509 of this libpq's OpenSSL; X509_digest and EVP_sha256 are
 * known. */
bool gate_certificate_pin(const struct gate_libpq *libpq, const void *certificate,
			  char pin[PGA_PIN_LENGTH + 1]);

/* A session that was looked at, and holds. */
void gate_session_mark(struct gate_libpq *libpq, void *ssl);
bool gate_session_is_marked(const struct gate_libpq *libpq, const void *ssl);

#endif
