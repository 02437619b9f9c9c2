/* The verdict on one connection's settings, and the message. */
#ifndef PGA_GATE_JUDGE_H
#define PGA_GATE_JUDGE_H

#include "base/text.h"
#include "gate/libpq.h"
#include "gate/rules.h"
#include "policy/effective.h"
#include "policy/verdict.h"

#include <stdbool.h>

/* What came of judging the settings of one connection. */
struct gate_judgement {
	struct pga_effective effective;
	struct pga_verdict verdict;
	struct pga_text
	    refusal;   /* the whole message, where the policy refuses; in audit mode too */
	bool admitted; /* it may be made: allowed, or refused in audit mode */
};

/* How far the connection is. */
enum gate_stage {
	GATE_BEFORE,  /* its settings can be locked */
	GATE_BEGUN,   /* they are final: what would need a lock is refused */
	GATE_SESSION, /* so they are, and what the session itself shows is looked at there */
};

/* Judges judgement->effective, which the caller has filled, and fills the rest. parameters: what
 * the program handed to libpq, for the message; NULL where that is not known.
 */
void gate_judge(const struct gate_libpq *libpq, const struct gate_rules *rules,
		const struct pga_parameters *parameters, enum gate_stage stage,
		struct gate_judgement *judgement);

/* Whether the policy as it is now refuses nothing and only tells the audit log. */
bool gate_is_audit(void);

/* Frees all of it, the effective settings too. */
void gate_judgement_free(const struct gate_libpq *libpq, struct gate_judgement *judgement);

#endif
