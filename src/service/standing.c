#include "service/standing.h"

#include "policy/linked.h"
#include "policy/verdict.h"

#include <stdlib.h>
#include <string.h>

const char *pga_stands_word(enum pga_stands stands)
{
	static const char *const words[] = {
	    [PGA_STANDS_ALLOWED] = "allowed",   [PGA_STANDS_WEAK] = "weak",
	    [PGA_STANDS_BROKEN] = "broken",     [PGA_STANDS_UNKNOWN] = "unknown",
	    [PGA_STANDS_SHADOWED] = "shadowed",
	};

	return words[stands];
}

static int set_or_unset(const char *variable, const char *value)
{
	return value != NULL ? setenv(variable, value, 1) : unsetenv(variable);
}

/* libpq's words, with the path that the user knows in place of the one that libpq read. */
static void add_replaced(struct pga_text *text, const char *words, const char *read_path,
			 const char *shown_path)
{
	const char *at;

	while (read_path[0] != '\0' && (at = strstr(words, read_path)) != NULL) {
		pga_text_add_bytes(text, words, (size_t)(at - words));
		pga_text_add(text, shown_path);
		words = at + strlen(read_path);
	}
	pga_text_add(text, words);
}

static void judge(struct pga_standing *standing, const struct pga_policy *policy)
{
	struct pga_verdict verdict;

	pga_judge(&standing->effective, policy, &verdict);
	standing->stands = verdict.allowed ? PGA_STANDS_ALLOWED : PGA_STANDS_WEAK;
	standing->lock_gss = verdict.lock_gss;
	standing->lock_min_tls = verdict.lock_min_tls;
	pga_text_add(&standing->why, pga_text_string(&verdict.why));
	pga_verdict_free(&verdict);
}

int pga_standing_of_settings(const struct pga_settings *settings, const struct pga_policy *policy,
			     struct pga_standing *standing, struct pga_error *error)
{
	const char **keywords = calloc(settings->count + 1, sizeof *keywords);
	const char **values = calloc(settings->count + 1, sizeof *values);
	struct pga_parameters parameters = {keywords, values, 0};
	int asked = -1;

	memset(standing, 0, sizeof *standing);
	if (keywords == NULL || values == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (size_t i = 0; i < settings->count; i++) {
		keywords[i] = settings->items[i].keyword;
		values[i] = settings->items[i].value;
	}
	asked = pga_effective_ask(&pga_linked_libpq, &parameters, &standing->effective, error);
	if (asked == 0) {
		pga_effective_trace(&pga_linked_libpq, &parameters, &standing->effective);
		judge(standing, policy);
	} else if (asked == 1) {
		standing->stands = PGA_STANDS_BROKEN;
		pga_text_add(&standing->why, error->message);
	}
done:
	free(keywords);
	free(values);
	return asked < 0 ? -1 : 0;
}

int pga_standing_of_service(const char *read_path, const char *shown_path, const char *name,
			    const struct pga_policy *policy, struct pga_standing *standing,
			    struct pga_error *error)
{
	const char *keywords[] = {"service", NULL};
	const char *values[] = {name, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	const char *variable = getenv("PGSERVICEFILE");
	char *file = variable != NULL ? strdup(variable) : NULL;
	const char *place = getenv("PGSYSCONFDIR");
	char *folder = place != NULL ? strdup(place) : NULL;
	int asked = -1;

	memset(standing, 0, sizeof *standing);
	/* A folder that cannot be one: what is not in this file shall not be found in the
	 * machine's. */
	if (setenv("PGSERVICEFILE", read_path, 1) != 0 ||
	    setenv("PGSYSCONFDIR", "/dev/null", 1) != 0) {
		(void)pga_fail_memory(error);
		goto done;
	}
	asked = pga_effective_ask(&pga_linked_libpq, &parameters, &standing->effective, error);
	if (asked == 0) {
		pga_effective_trace(&pga_linked_libpq, &parameters, &standing->effective);
		free(standing->effective.service_file);
		standing->effective.service_file = strdup(shown_path);
		if (standing->effective.service_file == NULL)
			asked = pga_fail_memory(error);
		else
			judge(standing, policy);
	} else if (asked == 1) {
		standing->stands = PGA_STANDS_BROKEN;
		add_replaced(&standing->why, error->message, read_path, shown_path);
	}
	if (standing->why.failed)
		asked = pga_fail_memory(error);
done:
	(void)set_or_unset("PGSERVICEFILE", file);
	(void)set_or_unset("PGSYSCONFDIR", folder);
	free(file);
	free(folder);
	if (asked < 0)
		pga_standing_free(standing);
	return asked < 0 ? -1 : 0;
}

int pga_standing_of_entry(const struct pga_service_file *file, const struct pga_entry *entry,
			  const struct pga_policy *policy, struct pga_standing *standing,
			  struct pga_error *error)
{
	memset(standing, 0, sizeof *standing);
	if (entry->name == NULL) {
		standing->stands = PGA_STANDS_BROKEN;
		pga_text_add(&standing->why,
			     "the header has no closing bracket: libpq never finds it");
	} else if (entry->shadowed != 0) {
		standing->stands = PGA_STANDS_SHADOWED;
		pga_text_addf(&standing->why, "by line %zu: libpq takes the first entry of a name",
			      entry->shadowed);
	} else if (entry->ldap) {
		/* To ask libpq would be to ask the LDAP server. */
		standing->stands = PGA_STANDS_UNKNOWN;
		pga_text_add(&standing->why,
			     "ldap lookup: what an LDAP server will answer cannot be judged here");
	} else {
		return pga_standing_of_service(file->path, file->path, entry->name, policy,
					       standing, error);
	}
	return 0;
}

void pga_standing_free(struct pga_standing *standing)
{
	pga_effective_free(&pga_linked_libpq, &standing->effective);
	pga_text_free(&standing->why);
	memset(standing, 0, sizeof *standing);
}
