#include "ca/step_config.h"

#include "base/file.h"
#include "base/ownership.h"
#include "base/paths.h"
#include "base/printable.h"
#include "base/text.h"
#include "tls/fingerprint.h"

#include <jansson.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* step's own files come nowhere near it. */
#define LIMIT ((size_t)64 * 1024)

/* As many contexts as are named in a message. */
#define MOST_NAMED 20

#define NO_CONFIG                                                                         \
	"step ca bootstrap --ca-url URL --fingerprint HEX makes one; pganchor bootstrap " \
	"--ca-url URL --fingerprint HEX does without"

void pga_step_context_free(struct pga_step_context *context)
{
	free(context->name);
	free(context->authority);
	free(context->profile);
	memset(context, 0, sizeof *context);
}

void pga_step_config_free(struct pga_step_config *config)
{
	free(config->file);
	free(config->context);
	free(config->ca_url);
	memset(config, 0, sizeof *config);
}

/* The JSON object, which json_decref() frees; NULL with the reason. */
static json_t *read_object(const char *whose, const char *bytes, size_t length,
			   struct pga_error *error)
{
	json_error_t fault;
	json_t *object;

	if (length > LIMIT) {
		(void)pga_fail(error, "is it a file of step's?", "%s: more than %zu KiB", whose,
			       LIMIT / 1024);
		return NULL;
	}
	object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &fault);
	if (json_is_object(object))
		return object;
	(void)pga_fail(error, "is it a file of step's?", "%s, line %d: not a JSON object", whose,
		       object == NULL && fault.line > 0 ? fault.line : 1);
	json_decref(object);
	return NULL;
}

/* The text of a key; *text is NULL where it is not there or empty. It belongs to the object. */
static int text_of(const json_t *object, const char *key, const char *whose, const char **text,
		   struct pga_error *error)
{
	const json_t *value = json_object_get(object, key);

	*text = NULL;
	if (value == NULL || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return pga_fail(error, "is it a file of step's?", "%s: its %s is no text", whose,
				key);
	if (json_string_length(value) > 0)
		*text = json_string_value(value);
	return 0;
}

int pga_step_defaults_parse(struct pga_step_config *config, const char *whose, const char *bytes,
			    size_t length, struct pga_error *error)
{
	json_t *object = read_object(whose, bytes, length, error);
	struct pga_text where = PGA_TEXT_EMPTY;
	const char *url;
	const char *fingerprint;
	int result = -1;

	if (object == NULL || text_of(object, "ca-url", whose, &url, error) != 0 ||
	    text_of(object, "fingerprint", whose, &fingerprint, error) != 0)
		goto done;
	if (url != NULL) {
		free(config->ca_url);
		config->ca_url = strdup(url);
		if (config->ca_url == NULL) {
			(void)pga_fail_memory(error);
			goto done;
		}
	}
	pga_text_addf(&where, "%s: its fingerprint", whose);
	result = fingerprint == NULL ? 0
				     : pga_fingerprint_read(fingerprint, pga_text_string(&where),
							    config->pin, error);
done:
	pga_text_free(&where);
	json_decref(object);
	return result;
}

/* "one, two" of the contexts. */
static void name_all(json_t *contexts, struct pga_text *names)
{
	size_t count = 0;

	for (void *at = json_object_iter(contexts); at != NULL;
	     at = json_object_iter_next(contexts, at)) {
		if (count++ == MOST_NAMED) {
			pga_text_add(names, ", ...");
			return;
		}
		if (names->length > 0)
			pga_text_add(names, ", ");
		pga_text_add_printable(names, json_object_iter_key(at), "");
	}
}

static int fail_to_choose(json_t *contexts, const char *context, const char *whose,
			  struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;

	name_all(contexts, &names);
	if (context != NULL)
		(void)pga_fail(error, "choose one of them: --step-context NAME",
			       "%s: no context %s; it has %s", whose, context,
			       pga_text_string(&names));
	else
		(void)pga_fail(error,
			       "choose one: --step-context NAME, or step context select NAME",
			       "%s: %zu contexts, and none is the current one: %s", whose,
			       json_object_size(contexts), pga_text_string(&names));
	pga_text_free(&names);
	return -1;
}

/* A directory's name, and no way out of the one that it stands in. */
static bool is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static int take_context(struct pga_step_context *found, const char *name, const json_t *context,
			const char *whose, struct pga_error *error)
{
	const char *authority;
	const char *profile;

	if (text_of(context, "authority", whose, &authority, error) != 0 ||
	    text_of(context, "profile", whose, &profile, error) != 0)
		return -1;
	if (authority == NULL || !is_plain(authority) || (profile != NULL && !is_plain(profile)))
		return pga_fail(error, "is it a file of step's?",
				"%s: a context without the name of an authority's directory",
				whose);
	found->name = strdup(name);
	found->authority = strdup(authority);
	found->profile = profile != NULL ? strdup(profile) : NULL;
	return found->name != NULL && found->authority != NULL &&
		       (profile == NULL || found->profile != NULL)
		   ? 0
		   : pga_fail_memory(error);
}

int pga_step_contexts_parse(struct pga_step_context *found, const char *context, const char *whose,
			    const char *bytes, size_t length, struct pga_error *error)
{
	json_t *contexts = read_object(whose, bytes, length, error);
	int result = -1;

	memset(found, 0, sizeof *found);
	if (contexts == NULL)
		return -1;
	if (context == NULL && json_object_size(contexts) == 1)
		context = json_object_iter_key(json_object_iter(contexts));
	if (context == NULL || json_object_get(contexts, context) == NULL)
		(void)fail_to_choose(contexts, context, whose, error);
	else
		result =
		    take_context(found, context, json_object_get(contexts, context), whose, error);
	json_decref(contexts);
	return result;
}

/* Where it is that the files are, and what was asked for. */
struct search {
	const char *base;
	const char *context; /* as the user says; or NULL */
	char *current;       /* as step does; or NULL */
};

/* Whoever can write it could have any root pinned. */
static int read_file(const char *path, struct pga_text *content, bool *found,
		     struct pga_error *error)
{
	static const char stake[] = ": only root may write ";
	char *end;

	if (pga_check_ownership(path, geteuid(), "it", error) != 0) {
		/* What it says is of files that are root's alone. */
		end = strstr(error->message, stake);
		if (end != NULL)
			(void)snprintf(end, sizeof error->message - (size_t)(end - error->message),
				       ": whoever can write it chooses which root is trusted");
		return -1;
	}
	return pga_file_read(path, content, found, error);
}

static char *path_in(const char *base, const char *first, const char *second, const char *third)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	pga_text_addf(&path, "%s/%s%s%s", base, first, second, third);
	return pga_text_take(&path);
}

/* Adds what this file says; *path is then the caller's, with the reason where it is NULL. */
static int read_defaults(struct pga_step_config *config, char *path, bool *found,
			 struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	const bool known = config->ca_url != NULL;
	int result = -1;

	*found = false;
	if (path == NULL)
		(void)pga_fail_memory(error);
	else if (read_file(path, &content, found, error) == 0)
		result = !*found ? 0
				 : pga_step_defaults_parse(config, path, pga_text_string(&content),
							   content.length, error);
	pga_text_free(&content);
	if (result == 0 && *found && !known && config->file == NULL)
		config->file = path;
	else
		free(path);
	return result;
}

/* current-context.json: {"context": "NAME"}. */
static int read_current(struct search *search, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	char *path = path_in(search->base, "current-context.json", "", "");
	json_t *object = NULL;
	const char *name = NULL;
	bool found = false;
	int result = -1;

	if (path == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (read_file(path, &content, &found, error) != 0)
		goto done;
	if (found) {
		object = read_object(path, pga_text_string(&content), content.length, error);
		if (object == NULL || text_of(object, "context", path, &name, error) != 0)
			goto done;
		search->current = name != NULL ? strdup(name) : NULL;
	}
	result = name == NULL || search->current != NULL ? 0 : pga_fail_memory(error);
done:
	json_decref(object);
	pga_text_free(&content);
	free(path);
	return result;
}

/* As step: what the authority's defaults.json says, and in its place the profile's. */
static int read_context(struct pga_step_config *config, const char *base,
			const struct pga_step_context *context, struct pga_error *error)
{
	bool found;

	config->context = strdup(context->name);
	if (config->context == NULL)
		return pga_fail_memory(error);
	if (read_defaults(
		config, path_in(base, "authorities/", context->authority, "/config/defaults.json"),
		&found, error) != 0)
		return -1;
	return context->profile == NULL ? 0
					: read_defaults(config,
							path_in(base, "profiles/", context->profile,
								"/config/defaults.json"),
							&found, error);
}

/* Whether step has contexts there, and what the one that counts says. */
static int look_in_contexts(struct pga_step_config *config, struct search *search, bool *found,
			    struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_step_context context = {NULL, NULL, NULL};
	char *path = path_in(search->base, "contexts.json", "", "");
	int result = -1;

	*found = false;
	if (path == NULL)
		(void)pga_fail_memory(error);
	else if (read_file(path, &content, found, error) == 0)
		result = 0;
	if (result == 0 && *found) {
		if (search->context == NULL)
			result = read_current(search, error);
		if (result == 0)
			result = pga_step_contexts_parse(
			    &context, search->context != NULL ? search->context : search->current,
			    path, pga_text_string(&content), content.length, error);
		if (result == 0)
			result = read_context(config, search->base, &context, error);
	}
	pga_step_context_free(&context);
	pga_text_free(&content);
	free(path);
	return result;
}

static int look_in_directory(struct pga_step_config *config, const char *base, const char *context,
			     struct pga_error *error)
{
	struct search search = {base, context, NULL};
	bool found;
	int result = look_in_contexts(config, &search, &found, error);

	if (result == 0 && !found) {
		if (context != NULL)
			result = pga_fail(error, "leave --step-context out",
					  "%s: no contexts of step's", base);
		else
			result = read_defaults(
			    config, path_in(base, "config/defaults.json", "", ""), &found, error);
	}
	free(search.current);
	return result;
}

/* $STEPPATH, or ~/.step. The caller frees it; NULL with the reason. */
static char *usual_directory(struct pga_error *error)
{
	const char *given = getenv("STEPPATH");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	if (given != NULL && given[0] == '/') {
		pga_text_add(&path, given);
	} else {
		home = pga_home();
		if (home == NULL) {
			(void)pga_fail_home(error);
			return NULL;
		}
		pga_text_addf(&path, "%s/.step", home);
		free(home);
	}
	home = pga_text_take(&path);
	if (home == NULL)
		(void)pga_fail_memory(error);
	return home;
}

static char *absolute(const char *path, struct pga_error *error)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		(void)pga_fail_errno(error, NO_CONFIG, "could not read the step configuration %s",
				     path);
	return real;
}

/* What is there has to say both. */
static int check_whole(const struct pga_step_config *config, const char *where,
		       struct pga_error *error)
{
	if (config->file == NULL)
		return pga_fail(error, NO_CONFIG, "%s: no configuration of step's", where);
	if (config->ca_url == NULL)
		return pga_fail(error, NO_CONFIG, "%s: no ca-url in it", config->file);
	if (config->pin[0] == '\0')
		return pga_fail(error, NO_CONFIG, "%s: no fingerprint in it", config->file);
	return 0;
}

int pga_step_config_find(struct pga_step_config *config, const char *path, const char *context,
			 struct pga_error *error)
{
	struct stat kind;
	char *where;
	bool found;
	int result;

	memset(config, 0, sizeof *config);
	where = path != NULL ? absolute(path, error) : usual_directory(error);
	if (where == NULL)
		return -1;
	if (path == NULL || (stat(where, &kind) == 0 && S_ISDIR(kind.st_mode)))
		result = look_in_directory(config, where, context, error);
	else if (context != NULL)
		result = pga_fail(error, "give step's directory, such as ~/.step",
				  "--step-context: %s is one file", where);
	else
		result = read_defaults(config, strdup(where), &found, error);
	if (result == 0)
		result = check_whole(config, where, error);
	free(where);
	return result;
}
