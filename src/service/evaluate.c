#include "service/evaluate.h"

#include "policy/linked.h"
#include "policy/verdict.h"
#include "service/anchored.h"
#include "service/ask.h"
#include "service/host_name.h"

#include <stdlib.h>
#include <string.h>

const char *pga_entry_state_word(enum pga_entry_state state)
{
	static const char *const words[] = {
	    [PGA_ENTRY_ALLOWED] = "allowed",   [PGA_ENTRY_WEAK] = "weak",
	    [PGA_ENTRY_BROKEN] = "broken",     [PGA_ENTRY_UNKNOWN] = "unknown",
	    [PGA_ENTRY_SHADOWED] = "shadowed",
	};

	return words[state];
}

static int set_or_unset(const char *variable, const char *value)
{
	return value != NULL ? setenv(variable, value, 1) : unsetenv(variable);
}

/* libpq's words, with the path that the user knows in place of the one that libpq read, and the
 * number of the line behind it as it is in the file that has so many lines before what libpq read.
 */
static void add_replaced(struct pga_text *text, const char *words, const char *read_path,
			 const char *shown_path, size_t before)
{
	const char *at = read_path[0] != '\0' ? strstr(words, read_path) : NULL;

	if (at != NULL) {
		pga_text_add_bytes(text, words, (size_t)(at - words));
		pga_text_add(text, shown_path);
		words = at + strlen(read_path);
		at = words + strcspn(words, "0123456789");
		pga_text_add_bytes(text, words, (size_t)(at - words));
		words = at + strspn(at, "0123456789");
		if (words > at)
			pga_text_addf(text, "%zu", strtoul(at, NULL, 10) + before);
	}
	pga_text_add(text, words);
}

static void judge(struct pga_evaluation *evaluation, const struct pga_policy *policy)
{
	struct pga_verdict verdict;

	pga_judge(&evaluation->effective, policy, &verdict);
	evaluation->state = verdict.allowed ? PGA_ENTRY_ALLOWED : PGA_ENTRY_WEAK;
	evaluation->needs_tls = verdict.needs_tls;
	evaluation->lock_gss = verdict.lock_gss;
	evaluation->lock_min_tls = verdict.lock_min_tls;
	evaluation->lock_binding = verdict.lock_binding;
	evaluation->lock_auth = verdict.lock_auth;
	memcpy(evaluation->auth, verdict.auth, sizeof evaluation->auth);
	for (size_t i = 0; i < verdict.reasons; i++)
		evaluation->weak[pga_setting_rule_index(verdict.weak[i])] = true;
	pga_text_add(&evaluation->why, pga_text_string(&verdict.why));
	evaluation->why.failed = evaluation->why.failed || verdict.why.failed;
	pga_verdict_free(&verdict);
}

int pga_evaluate_settings(const struct pga_settings *settings, const struct pga_policy *policy,
			  struct pga_evaluation *evaluation, struct pga_error *error)
{
	const char **keywords = calloc(settings->count + 1, sizeof *keywords);
	const char **values = calloc(settings->count + 1, sizeof *values);
	struct pga_parameters parameters = {keywords, values, 0};
	int asked = -1;

	memset(evaluation, 0, sizeof *evaluation);
	if (keywords == NULL || values == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (size_t i = 0; i < settings->count; i++) {
		keywords[i] = settings->items[i].keyword;
		values[i] = settings->items[i].value;
	}
	asked = pga_ask(&parameters, &evaluation->effective, error);
	if (asked == 0) {
		pga_effective_trace(&pga_linked_libpq, &parameters, &evaluation->effective);
		judge(evaluation, policy);
	} else if (asked == 1) {
		evaluation->state = PGA_ENTRY_BROKEN;
		pga_text_add(&evaluation->why, error->message);
	}
	if (asked >= 0 && evaluation->why.failed) {
		pga_evaluation_free(evaluation);
		asked = pga_fail_memory(error);
	}
done:
	free(keywords);
	free(values);
	return asked < 0 ? -1 : 0;
}

/* What libpq read, in the place of what, and how many lines that has before it. */
struct copy_read {
	const char *path;
	const char *shown_path;
	size_t before;
};

/* NULL where there is no such variable. */
static int copy_variable(char **copy, const char *variable, struct pga_error *error)
{
	const char *value = getenv(variable);

	*copy = value != NULL ? strdup(value) : NULL;
	return value == NULL || *copy != NULL ? 0 : pga_fail_memory(error);
}

static int judge_service(const struct copy_read *reading, const char *name,
			 const struct pga_policy *policy, struct pga_evaluation *evaluation,
			 struct pga_error *error)
{
	const char *keywords[] = {"service", NULL};
	const char *values[] = {name, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	char *file = NULL;
	char *directory = NULL;
	int asked = -1;

	memset(evaluation, 0, sizeof *evaluation);
	/* What cannot be put back is not touched. */
	if (copy_variable(&file, "PGSERVICEFILE", error) != 0 ||
	    copy_variable(&directory, "PGSYSCONFDIR", error) != 0) {
		free(file);
		return -1;
	}
	/* A directory that cannot be one: what is not in this file shall not be found in the
	 * machine's. */
	if (setenv("PGSERVICEFILE", reading->path, 1) != 0 ||
	    setenv("PGSYSCONFDIR", "/dev/null", 1) != 0) {
		(void)pga_fail_memory(error);
		goto done;
	}
	asked = pga_ask(&parameters, &evaluation->effective, error);
	if (asked == 0) {
		pga_effective_trace(&pga_linked_libpq, &parameters, &evaluation->effective);
		free(evaluation->effective.service_file);
		evaluation->effective.service_file = strdup(reading->shown_path);
		if (evaluation->effective.service_file == NULL)
			asked = pga_fail_memory(error);
		else
			judge(evaluation, policy);
	} else if (asked == 1) {
		evaluation->state = PGA_ENTRY_BROKEN;
		add_replaced(&evaluation->why, error->message, reading->path, reading->shown_path,
			     reading->before);
	}
	if (evaluation->why.failed)
		asked = pga_fail_memory(error);
done:
	(void)set_or_unset("PGSERVICEFILE", file);
	(void)set_or_unset("PGSYSCONFDIR", directory);
	free(file);
	free(directory);
	if (asked < 0)
		pga_evaluation_free(evaluation);
	return asked < 0 ? -1 : 0;
}

int pga_evaluate_service(const char *read_path, const char *shown_path, const char *name,
			 const struct pga_policy *policy, struct pga_evaluation *evaluation,
			 struct pga_error *error)
{
	const struct copy_read reading = {read_path, shown_path, 0};

	return judge_service(&reading, name, policy, evaluation, error);
}

/* A name that no entry of the file has, and that is no part of its path, which libpq's words hold.
 */
static char *strange_name(const struct pga_service_file *file)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	do
		pga_text_add(&name, "pganchor-");
	while (!name.failed && (pga_service_file_find(file, pga_text_string(&name)) != NULL ||
				strstr(file->path, pga_text_string(&name)) != NULL));
	return pga_text_take(&name);
}

/* libpq looks at the lines of the service alone, but at the length of each line before it, and what
 * is too long ends its reading. Where it comes to the file's end, and says that it has not found
 * what is not there, an entry by itself is the same to it as one in the file. */
static int reads_all(struct pga_evaluator *judging, bool *reads, struct pga_error *error)
{
	const struct copy_read reading = {judging->path, judging->file->path, 0};
	struct pga_evaluation evaluation;
	char *name = strange_name(judging->file);
	int result;

	if (name == NULL)
		return pga_fail_memory(error);
	result = judge_service(&reading, name, judging->policy, &evaluation, error);
	if (result == 0) {
		*reads = strstr(pga_text_string(&evaluation.why), name) != NULL;
		pga_evaluation_free(&evaluation);
	}
	free(name);
	return result;
}

int pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			const struct pga_policy *policy, struct pga_error *error)
{
	bool reads = false;

	memset(judging, 0, sizeof *judging);
	judging->copy.descriptor = -1;
	judging->file = file;
	judging->policy = policy;
	judging->path = file->path;
	judging->whole = true;
	/* Without /proc it takes as long as libpq takes to read the file for every entry. */
	if (file->count == 0 || pga_memory_file_make(&judging->copy, error) != 0)
		return 0;
	judging->path = judging->copy.path;
	if (pga_memory_file_put(&judging->copy, file->bytes.bytes, file->bytes.length, error) !=
		0 ||
	    reads_all(judging, &reads, error) != 0)
		return -1;
	judging->whole = !reads;
	return 0;
}

void pga_evaluator_end(struct pga_evaluator *judging)
{
	pga_memory_file_end(&judging->copy);
	pga_roots_free(&judging->roots);
}

static int judge_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
		       struct pga_evaluation *evaluation, struct pga_error *error)
{
	const struct pga_service_file *file = judging->file;
	const struct copy_read reading = {judging->path, file->path,
					  judging->whole ? 0 : entry->line - 1};

	if (!judging->whole && pga_memory_file_put(&judging->copy, file->bytes.bytes + entry->start,
						   entry->end - entry->start, error) != 0)
		return -1;
	return judge_service(&reading, entry->name, judging->policy, evaluation, error);
}

static int look_at_pins(struct pga_evaluator *judging, struct pga_evaluation *evaluation,
			struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const int result = pga_anchored_look(&judging->roots, &evaluation->effective,
					     judging->policy, judging->pins, &text, error);
	const char *rest = pga_text_string(&text);
	const char *line;
	size_t length;

	/* A reason's lines are indented where they are printed. */
	while (pga_next_line(&rest, &line, &length)) {
		const size_t indent = strspn(line, " ");

		pga_text_add(&evaluation->why, evaluation->why.length > 0 ? "\n" : "");
		pga_text_add_bytes(&evaluation->why, line + indent, length - indent);
	}
	evaluation->why.failed = evaluation->why.failed || text.failed;
	pga_text_free(&text);
	return result;
}

/* What no connection has come to grief with yet. */
static int look_further(struct pga_evaluator *judging, struct pga_evaluation *evaluation,
			struct pga_error *error)
{
	const struct pga_effective *effective = &evaluation->effective;
	const char *roots = pga_effective_value(effective, "sslrootcert");
	const char *why = NULL;
	int hosts;

	if (evaluation->state != PGA_ENTRY_ALLOWED)
		return 0;
	hosts = pga_hosts_check(pga_effective_value(effective, "host"), error);
	if (hosts < 0)
		return -1;
	if (hosts > 0) {
		evaluation->state = PGA_ENTRY_BROKEN;
		pga_text_add(&evaluation->why, error->message);
	} else if (evaluation->needs_tls && roots != NULL && roots[0] != '\0' && roots[0] != '/' &&
		   strcmp(roots, "system") != 0) {
		evaluation->state = PGA_ENTRY_WEAK;
		pga_text_addf(&evaluation->why,
			      "sslrootcert=%s is another file in every directory: whoever can put "
			      "one there is trusted",
			      roots);
	} else if (evaluation->needs_tls) {
		if (pga_roots_look(&judging->roots, effective, &why, error) != 0)
			return -1;
		evaluation->no_roots = why != NULL;
		if (why != NULL)
			evaluation->state = PGA_ENTRY_BROKEN;
		pga_text_add(&evaluation->why, why != NULL ? why : "");
		if (why == NULL && pga_crls_look(effective, &evaluation->why, error) != 0)
			return -1;
		if (why == NULL && judging->pins != NULL &&
		    look_at_pins(judging, evaluation, error) != 0)
			return -1;
	}
	return evaluation->why.failed ? pga_fail_memory(error) : 0;
}

int pga_evaluate_entry_alone(struct pga_evaluator *judging, const struct pga_entry *entry,
			     struct pga_evaluation *evaluation, struct pga_error *error)
{
	memset(evaluation, 0, sizeof *evaluation);
	if (entry->name == NULL) {
		evaluation->state = PGA_ENTRY_BROKEN;
		pga_text_add(&evaluation->why,
			     "the header has no closing bracket: libpq never finds it");
	} else if (entry->shadowed != 0) {
		evaluation->state = PGA_ENTRY_SHADOWED;
		pga_text_addf(&evaluation->why,
			      "by line %zu: libpq takes the first entry of a name",
			      entry->shadowed);
	} else if (entry->ldap) {
		/* To ask libpq would be to ask the LDAP server. */
		evaluation->state = PGA_ENTRY_UNKNOWN;
		pga_text_add(&evaluation->why,
			     "ldap lookup: what an LDAP server will answer cannot be judged here");
	} else if (judge_entry(judging, entry, evaluation, error) != 0) {
		return -1;
	}
	if (!evaluation->why.failed)
		return 0;
	pga_evaluation_free(evaluation);
	return pga_fail_memory(error);
}

int pga_evaluate_entry(struct pga_evaluator *judging, const struct pga_entry *entry,
		       struct pga_evaluation *evaluation, struct pga_error *error)
{
	if (pga_evaluate_entry_alone(judging, entry, evaluation, error) != 0)
		return -1;
	if (look_further(judging, evaluation, error) == 0)
		return 0;
	pga_evaluation_free(evaluation);
	return -1;
}

void pga_evaluation_free(struct pga_evaluation *evaluation)
{
	pga_effective_free(&pga_linked_libpq, &evaluation->effective);
	pga_text_free(&evaluation->why);
	memset(evaluation, 0, sizeof *evaluation);
}
