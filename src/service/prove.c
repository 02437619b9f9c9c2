#include "service/prove.h"

#include "service/evaluate.h"

#include <string.h>

/* The first setting that is not the same in both; NULL: none. The service itself, which libpq tells
 * from 18 on, is meant to differ. */
static const char *first_difference(const struct pga_effective *read,
				    const struct pga_effective *meant)
{
	for (const PQconninfoOption *option = read->options; option->keyword != NULL; option++) {
		const char *value = pga_effective_value(meant, option->keyword);

		if (strncmp(option->keyword, "service", strlen("service")) != 0 &&
		    (value == NULL || strcmp(option->val != NULL ? option->val : "", value) != 0))
			return option->keyword;
	}
	return NULL;
}

static int compare_with_meant(const struct pga_evaluation *evaluation,
			      const struct pga_evaluation *meant, struct pga_error *error)
{
	const char *other;

	if (evaluation->state == PGA_ENTRY_BROKEN)
		return pga_fail(error, "nothing was changed; correct the file with an editor first",
				"libpq could not read the new entry: %s",
				pga_text_string(&evaluation->why));
	other = meant->effective.options != NULL
		    ? first_difference(&evaluation->effective, &meant->effective)
		    : "host";
	if (other != NULL)
		return pga_fail(error, "nothing was changed; please report this",
				"%s: libpq would read another value than the one given", other);
	if (evaluation->state != PGA_ENTRY_ALLOWED)
		return pga_fail(error, "nothing was changed; please report this",
				"the new entry would be weak: %s",
				pga_text_string(&evaluation->why));
	return 0;
}

int pga_service_prove(const struct pga_edit *file, const char *name,
		      const struct pga_settings *settings, const struct pga_policy *policy,
		      struct pga_error *error)
{
	struct pga_evaluation evaluation;
	struct pga_evaluation meant;
	int result = -1;

	if (pga_evaluate_service(file->staged_path, file->path, name, policy, &evaluation, error) !=
	    0)
		return -1;
	if (pga_evaluate_settings(settings, policy, &meant, error) == 0) {
		result = compare_with_meant(&evaluation, &meant, error);
		pga_evaluation_free(&meant);
	}
	pga_evaluation_free(&evaluation);
	return result;
}
