#include "server/servers_file.h"

#include "base/edit.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_VERSION 1

/* The servers of such a file, an array; "" has none. NULL with the reason. */
static json_t *parse(const char *path, const struct pga_text *text, struct pga_error *error)
{
	json_error_t why;
	json_t *object;
	json_t *servers;
	json_t *found = NULL;

	if (text->length == 0) {
		found = json_array();
		if (found == NULL)
			(void)pga_fail_memory(error);
		return found;
	}
	object = json_loadb(pga_text_string(text), text->length, JSON_REJECT_DUPLICATES, &why);
	servers = json_object_get(object, "servers");
	if (object == NULL)
		(void)pga_fail(error, "nothing was changed", "%s: line %d: %s", path, why.line,
			       why.text);
	else if (json_integer_value(json_object_get(object, "version")) != SERVERS_VERSION ||
		 !json_is_array(servers))
		(void)pga_fail(error, "nothing was changed",
			       "%s: another version of pganchor has written it", path);
	else
		found = json_incref(servers);
	json_decref(object);
	return found;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Names that are no UTF-8 are none that JSON has: they stand there by their bytes. */
static json_t *text_as_json(const char *text)
{
	json_t *plain = json_string(text);
	struct pga_text hex = PGA_TEXT_EMPTY;

	if (plain != NULL)
		return plain;
	pga_text_add(&hex, "\\x");
	for (const char *at = text; *at != '\0'; at++)
		pga_text_addf(&hex, "%02x", (unsigned char)*at);
	plain = hex.failed ? NULL : json_string(pga_text_string(&hex));
	pga_text_free(&hex);
	return plain;
}

static bool says(const json_t *object, const char *key, const char *value)
{
	json_t *wanted = text_as_json(value);
	const bool same = wanted != NULL && json_equal(json_object_get(object, key), wanted) == 1;

	json_decref(wanted);
	return same;
}

static bool is_same_server(const json_t *object, const struct pga_servers_entry *entry)
{
	return says(object, "system", entry->system) && says(object, "directory", entry->directory);
}

/* Its place in the array; the array's size where it is not there. */
static size_t find(const json_t *servers, const struct pga_servers_entry *entry)
{
	size_t i = 0;

	while (i < json_array_size(servers) &&
	       !(is_same_server(json_array_get(servers, i), entry) &&
		 says(json_array_get(servers, i), "service", entry->service)))
		i++;
	return i;
}

/* Another service that has led to it. */
static const char *find_other(const json_t *servers, const struct pga_servers_entry *entry)
{
	for (size_t i = 0; i < json_array_size(servers); i++)
		if (is_same_server(json_array_get(servers, i), entry))
			return text_of(json_array_get(servers, i), "service");
	return NULL;
}

static char *path_of_file(struct pga_error *error)
{
	char *path = pga_user_config(PGA_SERVERS_FILE);

	if (path == NULL)
		(void)pga_fail_home(error);
	return path;
}

static int copy(const char *text, char **into, struct pga_error *error)
{
	if (into == NULL || text == NULL)
		return 0;
	*into = strdup(text);
	return *into != NULL ? 0 : pga_fail_memory(error);
}

static int take(const json_t *servers, const struct pga_servers_entry *entry, json_t **changes,
		char **address, char **other, struct pga_error *error)
{
	const json_t *found = json_array_get(servers, find(servers, entry));
	json_t *theirs = json_object_get(found, "changes");

	if (found == NULL) {
		*changes = json_array();
		return *changes != NULL ? copy(find_other(servers, entry), other, error)
					: pga_fail_memory(error);
	}
	*changes = json_is_array(theirs) ? json_incref(theirs) : json_array();
	return *changes != NULL ? copy(text_of(found, "address"), address, error)
				: pga_fail_memory(error);
}

int pga_servers_read(const struct pga_servers_entry *entry, json_t **changes, char **address,
		     char **other, struct pga_error *error)
{
	char *path = path_of_file(error);
	struct pga_text text = PGA_TEXT_EMPTY;
	json_t *servers = NULL;
	bool found = false;
	int result = -1;

	*changes = NULL;
	if (path != NULL && pga_file_read(path, &text, &found, error) == 0)
		servers = parse(path, &text, error);
	if (servers != NULL)
		result = take(servers, entry, changes, address, other, error);
	json_decref(servers);
	pga_text_free(&text);
	free(path);
	return result;
}

static int put(json_t *servers, const struct pga_servers_entry *entry, json_t *changes)
{
	const size_t place = find(servers, entry);
	json_t *object;

	if (json_array_size(changes) == 0)
		return place < json_array_size(servers) ? json_array_remove(servers, place) : 0;
	object = json_pack("{s:o, s:o, s:o, s:o, s:O}", "service", text_as_json(entry->service),
			   "system", text_as_json(entry->system), "directory",
			   text_as_json(entry->directory), "address", text_as_json(entry->address),
			   "changes", changes);
	if (object == NULL)
		return -1;
	return place < json_array_size(servers) ? json_array_set_new(servers, place, object)
						: json_array_append_new(servers, object);
}

static int compose(json_t *servers, struct pga_text *text, struct pga_error *error)
{
	json_t *object = json_pack("{s:i, s:O}", "version", SERVERS_VERSION, "servers", servers);
	char *written = object != NULL ? json_dumps(object, JSON_INDENT(2)) : NULL;

	if (written != NULL)
		pga_text_addf(text, "%s\n", written);
	json_decref(object);
	if (written == NULL || text->failed) {
		free(written);
		return pga_fail_memory(error);
	}
	free(written);
	return 0;
}

static int write_all(struct pga_edit *edit, json_t *servers, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	int result;

	if (json_array_size(servers) == 0) {
		if (!edit->existed)
			return 0;
		result = pga_edit_apply(edit, true, error);
		if (result == 0)
			pga_edit_keep(edit);
		return result;
	}
	result = compose(servers, &text, error);
	if (result == 0)
		result = pga_edit_stage(edit, pga_text_string(&text), text.length, error);
	if (result == 0)
		result = pga_edit_commit(edit, error);
	pga_text_free(&text);
	return result;
}

int pga_servers_write(const struct pga_servers_entry *entry, json_t *changes,
		      struct pga_error *error)
{
	char *path = path_of_file(error);
	struct pga_edit edit = {.path = NULL};
	json_t *servers = NULL;
	int result = -1;

	if (path != NULL && pga_edit_begin(&edit, path, 0600, error) == 0)
		servers = parse(path, &edit.before, error);
	if (servers != NULL)
		result = put(servers, entry, changes) == 0 ? write_all(&edit, servers, error)
							   : pga_fail_memory(error);
	json_decref(servers);
	pga_edit_end(&edit);
	free(path);
	return result;
}
