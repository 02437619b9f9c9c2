/* PQconnectPoll: settings before, session after the handshake. */
#ifndef PGA_GATE_CONNECT_POLL_H
#define PGA_GATE_CONNECT_POLL_H

#include "base/text.h"
#include "gate/libpq.h"
#include "policy/policy.h"

#include <stdbool.h>

/* The check of a connection that stands or is about to send its startup packet: do its
 * settings and its session hold? Where not, adds the message to refusal. Returns the policy's mode,
 * which says what follows from it; the audit log is told what audit mode lets through. */
enum pga_mode gate_conn_judge(struct gate_libpq *libpq, PGconn *conn, bool *holds,
			      struct pga_text *refusal);

/* Whether the connection may go on: it holds, or the mode is audit. */
bool gate_conn_holds(struct gate_libpq *libpq, PGconn *conn, struct pga_text *refusal);

/* Whether libpq's own calls of PQconnectPoll come to the gate. Found out once, by an attempt to
 * connect to nothing. */
bool gate_sees_polls(struct gate_libpq *libpq);

/* Why a connection of this libpq cannot be let through: nothing of it would be seen. */
void gate_say_unseen(const struct gate_libpq *libpq, struct pga_text *refusal);

#endif
