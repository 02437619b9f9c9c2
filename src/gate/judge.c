/* Judging the settings of one connection by the rules, with the message where they refuse it. */
#include "gate/judge.h"

#include "gate/libpq.h"
#include "gate/rules.h"

#include "base/printable.h"

bool gate_is_audit(void)
{
	const struct gate_rules *rules = gate_rules_acquire();
	const bool audit = rules != NULL && !rules->broken && rules->policy.mode == PGA_MODE_AUDIT;

	gate_rules_release(rules);
	return audit;
}

/* Audit mode locks nothing; what becomes of the session is looked at all the same. */
static void judge_by_rules(const struct gate_rules *rules, enum gate_stage stage,
			   struct gate_judgement *judgement)
{
	pga_judge(&judgement->effective, &rules->policy, &judgement->verdict);
	if (stage == GATE_BEGUN)
		pga_verdict_without_locks(&judgement->verdict, &judgement->effective);
	else if (stage == GATE_SESSION && rules->policy.mode == PGA_MODE_ENFORCE)
		pga_verdict_without_login_locks(&judgement->verdict, &judgement->effective);
}

void gate_judge(const struct gate_libpq *libpq, const struct gate_rules *rules,
		const struct pga_parameters *parameters, enum gate_stage stage,
		struct gate_judgement *judgement)
{
	judgement->admitted = false;
	if (rules == NULL) {
		pga_text_add(&judgement->refusal,
			     "pganchor refused this connection: out of memory");
		return;
	}
	if (rules->broken) {
		pga_text_add(&judgement->refusal, "pganchor refused this connection: ");
		pga_text_add_printable(&judgement->refusal, rules->error.message, "");
		if (*rules->error.hint != '\0')
			pga_text_add(&judgement->refusal, "\n    ");
		pga_text_add_printable(&judgement->refusal, rules->error.hint, "");
		return;
	}
	judge_by_rules(rules, stage, judgement);
	judgement->admitted = judgement->verdict.allowed;
	if (judgement->admitted)
		return;
	/* Where each setting came from is looked for only now that it will be told. */
	pga_verdict_free(&judgement->verdict);
	pga_effective_trace(&libpq->calls, parameters, &judgement->effective);
	judge_by_rules(rules, stage, judgement);
	pga_verdict_message(&judgement->verdict, &judgement->effective, &judgement->refusal);
	judgement->admitted = rules->policy.mode == PGA_MODE_AUDIT;
}

void gate_judgement_free(const struct gate_libpq *libpq, struct gate_judgement *judgement)
{
	pga_verdict_free(&judgement->verdict);
	pga_text_free(&judgement->refusal);
	pga_effective_free(&libpq->calls, &judgement->effective);
}
