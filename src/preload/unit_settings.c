#include "preload/unit_settings.h"

#include "preload/image.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char variable[] = "LD_PRELOAD=";

/* The instance by which a template is asked for: there is no other way to ask systemctl show. */
static char *asked_name(const char *name)
{
	static const char template[] = "@.service";
	const size_t length = strlen(name);
	struct pga_text text = PGA_TEXT_EMPTY;

	if (length < sizeof template ||
	    strcmp(name + length - (sizeof template - 1), template) != 0)
		return strdup(name);
	pga_text_add_bytes(&text, name, length - (sizeof ".service" - 1));
	pga_text_add(&text, "pganchor.service");
	return pga_text_take(&text);
}

/* Runs systemctl show. Returns 0 with its answer, 1 where it gave none, -1 where it did not come in
 * time. */
static int show(const char *name, bool user, const char *properties, bool value,
		struct pga_subprocess *child, struct pga_error *error)
{
	const char *argv[] = {"systemctl",
			      user ? "--user" : "--system",
			      "show",
			      properties,
			      value ? "--value" : "--no-pager",
			      "--",
			      name,
			      NULL};

	if (pga_subprocess_run(argv, "", child, error) == 0)
		return child->status == 0 ? 0 : 1;
	return child->late ? -1 : 1;
}

/* A line of what systemd says; "" where it says none. NULL when memory ran out. */
static char *setting(const char *said, const char *key)
{
	const char *at = said;

	while ((at = strstr(at, key)) != NULL && at != said && at[-1] != '\n')
		at++;
	if (at == NULL)
		return strdup("");
	at += strlen(key);
	return strndup(at, strcspn(at, "\n"));
}

/* The end of a word of systemctl's, which quotes one with special characters as a shell does. */
static const char *end_of_word(const char *at)
{
	char quote = '\0';

	for (; *at != '\0' && (quote != '\0' || (*at != ' ' && *at != '\n')); at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (quote != '\0')
			quote = (char)(*at == quote ? '\0' : quote);
		else if (*at == '"' || *at == '\'')
			quote = *at;
	}
	return at;
}

/* The value of LD_PRELOAD among assignments; a variable whose name only ends like that, or a value
 * that holds these words, is another one. */
static char *preload_of(const char *assignments)
{
	const char *value = "";
	size_t length = 0;

	for (const char *at = assignments; *at != '\0'; at += strspn(at, " \n")) {
		const char *end = end_of_word(at);
		const char *name = at;

		/* The whole word may be quoted: "NAME=a b", or $'NAME=a b'. */
		name += *name == '$' ? 1 : 0;
		name += *name == '"' || *name == '\'' ? 1 : 0;
		if (strncmp(name, variable, sizeof variable - 1) == 0) {
			/* Of what is quoted, the quotes stay: pganchor cannot add to such a value.
			 */
			value = name + sizeof variable - 1;
			length = (size_t)(end - value);
		}
		at = end;
	}
	return strndup(value, length);
}

static bool is_whole(const struct pga_unit_settings *settings)
{
	return settings->id != NULL && settings->load_state != NULL && settings->preload != NULL &&
	       settings->unset != NULL && settings->root != NULL && settings->drop_ins != NULL &&
	       settings->environment_files != NULL;
}

/* Every line of EnvironmentFiles=, of which each file has one. */
static char *all_settings(const char *said, const char *key)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *line;
	size_t length;

	while (pga_next_line(&said, &line, &length))
		if (strncmp(line, key, strlen(key)) == 0) {
			pga_text_add_bytes(&text, line + strlen(key), length - strlen(key));
			pga_text_add(&text, "\n");
		}
	return pga_text_take(&text);
}

static void take(const char *said, struct pga_unit_settings *settings)
{
	settings->id = setting(said, "Id=");
	settings->load_state = setting(said, "LoadState=");
	settings->unset = setting(said, "UnsetEnvironment=");
	settings->root = setting(said, "RootDirectory=");
	if (settings->root != NULL &&
	    (settings->root[0] == '\0' || strcmp(settings->root, "/") == 0)) {
		free(settings->root);
		settings->root = setting(said, "RootImage=");
	}
	settings->drop_ins = setting(said, "DropInPaths=");
	settings->environment_files = all_settings(said, "EnvironmentFiles=");
}

int pga_unit_ask(const char *name, bool user, struct pga_unit_settings *settings,
		 struct pga_error *error)
{
	static const char properties[] =
	    "--property=UnsetEnvironment,RootDirectory,RootImage,Id,LoadState,DropInPaths,"
	    "EnvironmentFiles";
	struct pga_subprocess told = {.status = 0};
	struct pga_subprocess environment = {.status = 0};
	char *asked = asked_name(name);
	int result = asked != NULL ? 0 : pga_fail_memory(error);

	memset(settings, 0, sizeof *settings);
	if (result == 0)
		result = show(asked, user, properties, false, &told, error);
	if (result == 0)
		result = show(asked, user, "--property=Environment", true, &environment, error);
	settings->known = result == 0;
	result = result < 0 ? -1 : 0;
	take(settings->known ? pga_text_string(&told.output) : "", settings);
	settings->preload = preload_of(settings->known ? pga_text_string(&environment.output) : "");
	if (result == 0 && !is_whole(settings))
		result = pga_fail_memory(error);
	/* That of the instance was made up. */
	if (result == 0 && asked != NULL && strcmp(settings->id, asked) == 0)
		settings->id[0] = '\0';
	pga_subprocess_free(&told);
	pga_subprocess_free(&environment);
	free(asked);
	return result;
}

static bool mentions_preload(const char *path)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	const char *at;
	bool mentions = false;

	if (pga_file_read(path, &content, NULL, &ignored) == 0)
		for (at = pga_text_string(&content);
		     !mentions && (at = strstr(at, variable)) != NULL; at++)
			/* Not MY_LD_PRELOAD. */
			mentions = at == content.bytes || strchr(" \t\n=\"'", at[-1]) != NULL;
	pga_text_free(&content);
	return mentions;
}

char *pga_unit_overridden_by(const struct pga_unit_settings *settings)
{
	char *found = NULL;

	for (const char *at = settings->drop_ins; found == NULL && *at != '\0';
	     at += strspn(at, " ")) {
		char *path = strndup(at, strcspn(at, " "));
		const char *slash = path != NULL ? strrchr(path, '/') : NULL;

		at += strcspn(at, " ");
		/* Drop-ins are read in the order of their names, whatever their directories. */
		if (slash != NULL && strcmp(slash + 1, "pganchor.conf") > 0 &&
		    mentions_preload(path))
			found = path;
		else
			free(path);
	}
	for (const char *at = settings->environment_files; found == NULL && *at != '\0';
	     at += strspn(at, "\n")) {
		const char *mark = strstr(at, " (ignore_errors=");
		const size_t line = strcspn(at, "\n");
		char *path = strndup(
		    at, mark != NULL && (size_t)(mark - at) < line ? (size_t)(mark - at) : line);

		at += line;
		if (path != NULL && mentions_preload(path))
			found = path;
		else
			free(path);
	}
	return found;
}

/* The template of an instance: "app@.service" of "app@1.service"; NULL where it is none. */
static char *template_of(const char *name)
{
	const char *at = strchr(name, '@');
	struct pga_text text = PGA_TEXT_EMPTY;

	if (at == NULL)
		return NULL;
	pga_text_add_bytes(&text, name, (size_t)(at - name));
	pga_text_add(&text, "@.service");
	return pga_text_take(&text);
}

/* The unit's file of this name in a directory; NULL where it has none, or there is no name. */
static char *file_in(const char *root, const char *directory, const char *name)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	char *found = NULL;

	if (name == NULL)
		return NULL;
	pga_text_addf(&text, "%s/%s", directory, name);
	if (!text.failed)
		found = pga_image_path(root, text.bytes, NULL, &ignored);
	pga_text_free(&text);
	if (found != NULL && access(found, F_OK) == 0)
		return found;
	free(found);
	return NULL;
}

/* systemd.unit(5), "Unit File Load Path". */
char *pga_unit_file(const char *root, const char *name)
{
	static const char *const directories[] = {"/etc/systemd/system", "/run/systemd/system",
						  "/usr/local/lib/systemd/system",
						  "/usr/lib/systemd/system", "/lib/systemd/system"};
	char *template = template_of(name);
	char *found = NULL;

	for (size_t i = 0; found == NULL && i < sizeof directories / sizeof directories[0]; i++) {
		found = file_in(root, directories[i], name);
		if (found == NULL)
			found = file_in(root, directories[i], template);
	}
	free(template);
	return found;
}

bool pga_unit_file_has_preload(const char *path)
{
	return mentions_preload(path);
}

void pga_unit_settings_free(struct pga_unit_settings *settings)
{
	free(settings->id);
	free(settings->load_state);
	free(settings->preload);
	free(settings->unset);
	free(settings->root);
	free(settings->drop_ins);
	free(settings->environment_files);
	memset(settings, 0, sizeof *settings);
}
