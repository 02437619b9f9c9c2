/* What the entries of the service files name: keys, and passwords that should stand nowhere. */
#include "diagnose/doctor_entries.h"

#include "policy/effective.h"
#include "policy/linked.h"
#include "service/evaluate.h"

#include <stdlib.h>
#include <string.h>

static bool has(const struct pga_effective *effective, const char *keyword)
{
	const char *value = pga_effective_value(effective, keyword);

	return value != NULL && value[0] != '\0';
}

static int keep(struct pga_entry_facts *facts, const struct pga_effective *effective,
		struct pga_error *error)
{
	if (effective->options == NULL)
		return 0;
	facts->has_password = has(effective, "password");
	if (!has(effective, "sslkey"))
		return 0;
	facts->key = strdup(pga_effective_value(effective, "sslkey"));
	return facts->key != NULL ? 0 : pga_fail_memory(error);
}

static int look_at_file(struct pga_entry_facts *facts, const struct pga_service_file *file,
			const struct pga_policy *policy, struct pga_error *error)
{
	struct pga_evaluator judging;
	int result = pga_evaluator_begin(&judging, file, policy, error);

	for (size_t i = 0; result == 0 && i < file->count; i++) {
		struct pga_evaluation evaluation;

		result = pga_evaluate_entry_alone(&judging, &file->entries[i], &evaluation, error);
		if (result == 0)
			result = keep(&facts[i], &evaluation.effective, error);
		pga_evaluation_free(&evaluation);
	}
	pga_evaluator_end(&judging);
	return result;
}

struct pga_entry_facts *pga_entry_facts_find(const struct pga_service_file *user,
					     const struct pga_service_file *system,
					     const struct pga_policy *policy,
					     struct pga_error *error)
{
	const size_t count = user->count + system->count;
	struct pga_entry_facts *facts = calloc(count + 1, sizeof *facts);

	if (facts == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	if (look_at_file(facts, user, policy, error) == 0 &&
	    look_at_file(facts + user->count, system, policy, error) == 0)
		return facts;
	pga_entry_facts_free(facts, count);
	return NULL;
}

void pga_entry_facts_free(struct pga_entry_facts *facts, size_t count)
{
	for (size_t i = 0; facts != NULL && i < count; i++)
		free(facts[i].key);
	free(facts);
}
