#include "service/surroundings.h"

#include "base/printable.h"
#include "policy/explain.h"

#include <stdlib.h>
#include <string.h>

int pga_evaluate_here(const struct pga_settings *settings, const struct pga_policy *policy,
		      struct pga_evaluation *evaluation, struct pga_error *error)
{
	/* The entry is named by whoever uses it, and that beats PGSERVICE. */
	const char *named = getenv("PGSERVICE");
	char *service = named != NULL ? strdup(named) : NULL;
	int result;

	memset(evaluation, 0, sizeof *evaluation);
	if (named != NULL && service == NULL)
		return pga_fail_memory(error);
	(void)unsetenv("PGSERVICE");
	result = pga_evaluate_settings(settings, policy, evaluation, error);
	if (service != NULL)
		(void)setenv("PGSERVICE", service, 1);
	free(service);
	return result;
}

/* About the user, and about what is done when the connection is there. */
static bool is_of_no_account(const char *keyword)
{
	static const char *const others[] = {
	    "user",
	    "dbname",
	    "password",
	    "passfile",
	    "connect_timeout",
	    "client_encoding",
	    "application_name",
	    "options",
	    "service",
	    "servicefile",
	};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(others[i], keyword) == 0)
			return true;
	return false;
}

static void tell(const struct pga_effective *effective, const PQconninfoOption *option,
		 struct pga_text *text)
{
	char *shown = pga_setting_shown(effective, option);

	if (text->length > 0)
		pga_text_add(text, "\n");
	pga_text_addf(text, "environment %s: %s=", option->envvar, option->keyword);
	pga_text_add_printable(text, shown != NULL ? shown : "", "");
	text->failed = text->failed || shown == NULL;
	pga_text_addf(text,
		      " counts in this shell, since the entry does not say %s; give %s=VALUE to "
		      "have the same everywhere",
		      option->keyword, option->keyword);
	free(shown);
}

void pga_surroundings_tell(const struct pga_evaluation *evaluation, struct pga_text *text)
{
	const struct pga_effective *effective = &evaluation->effective;

	/* Where settings come from is unknown for want of memory alone. */
	text->failed = text->failed || (effective->options != NULL && effective->origins == NULL);
	for (const PQconninfoOption *option = effective->options;
	     option != NULL && option->keyword != NULL && effective->origins != NULL; option++)
		if (effective->origins[option - effective->options] == PGA_FROM_ENVIRONMENT &&
		    option->val != NULL && option->val[0] != '\0' &&
		    !is_of_no_account(option->keyword))
			tell(effective, option, text);
	if (evaluation->state == PGA_ENTRY_ALLOWED)
		return;
	pga_text_addf(text, "%swith the environment of this shell the entry is %s: %s",
		      text->length > 0 ? "\n" : "", pga_entry_state_word(evaluation->state),
		      pga_text_string(&evaluation->why));
}
