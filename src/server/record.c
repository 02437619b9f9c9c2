#include "server/record.h"

#include "base/text.h"
#include "server/elsewhere.h"
#include "tls/x509_text.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_VERSION 1

/* Of a copied directory, the changes are another server's. */
static int keep(const struct pga_cluster *cluster, const char *place, json_t *changes,
		struct pga_server_record *record, struct pga_error *error)
{
	const int elsewhere = pga_server_is_elsewhere(cluster, place, error);

	if (elsewhere < 0)
		return -1;
	record->changes = elsewhere ? json_array() : json_incref(changes);
	record->elsewhere = elsewhere ? strdup(place) : NULL;
	return record->changes == NULL || (elsewhere && record->elsewhere == NULL)
		   ? pga_fail_memory(error)
		   : 0;
}

static int parse(const struct pga_cluster *cluster, const char *path, const struct pga_text *text,
		 struct pga_server_record *record, struct pga_error *error)
{
	json_error_t why;
	json_t *object = json_loadb(pga_text_string(text), text->length, 0, &why);
	json_t *changes = json_object_get(object, "changes");
	int result = -1;

	if (object == NULL)
		(void)pga_fail(error, "nothing was changed", "%s: line %d: %s", path, why.line,
			       why.text);
	else if (json_integer_value(json_object_get(object, "version")) != RECORD_VERSION ||
		 !json_is_array(changes))
		(void)pga_fail(error, "nothing was changed",
			       "%s: another version of pganchor has written it", path);
	else
		result = keep(cluster, json_string_value(json_object_get(object, "place")), changes,
			      record, error);
	json_decref(object);
	return result;
}

int pga_server_record_read(const struct pga_cluster *cluster, struct pga_server_record *record,
			   struct pga_error *error)
{
	char *path = pga_cluster_file(cluster, PGA_SERVER_RECORD);
	struct pga_text text = PGA_TEXT_EMPTY;
	bool found = false;
	int result;

	memset(record, 0, sizeof *record);
	result = path != NULL ? pga_cluster_read(cluster, PGA_SERVER_RECORD, &text, &found, error)
			      : pga_fail_memory(error);
	if (result == 0 && found)
		result = parse(cluster, path, &text, record, error);
	else if (result == 0 && (record->changes = json_array()) == NULL)
		result = pga_fail_memory(error);
	pga_text_free(&text);
	free(path);
	return result;
}

int pga_server_record_read_of(const struct pga_servers_entry *entry,
			      struct pga_server_record *record, struct pga_error *error)
{
	memset(record, 0, sizeof *record);
	record->entry = *entry;
	return pga_servers_read(entry, &record->changes, &record->address, &record->other, error);
}

void pga_server_record_free(struct pga_server_record *record)
{
	json_decref(record->changes);
	free(record->elsewhere);
	free(record->address);
	free(record->other);
	memset(record, 0, sizeof *record);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* {"ssl": "on", "ssl_cert_file": null}: set, and reset. */
static void goals_of(const json_t *object, struct pga_server_goal goals[PGA_SET_COUNT])
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		const json_t *value = json_object_get(object, pga_server_settings[i]);

		goals[i] = (struct pga_server_goal){value != NULL, json_string_value(value)};
	}
}

static json_t *goals_as_json(const struct pga_server_goal goals[PGA_SET_COUNT])
{
	json_t *object = json_object();

	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		if (goals[i].altered &&
		    json_object_set_new(object, pga_server_settings[i],
					goals[i].value != NULL ? json_string(goals[i].value)
							       : json_null()) != 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

/* Whoever owns the data directory may have written anything there: other files than our copies are
 * not taken away for it. */
static void placed_of(const json_t *array, const char *placed[PGA_PLACED_FILES])
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(array) && count < PGA_PLACED_FILES; i++) {
		const char *name = json_string_value(json_array_get(array, i));

		if (name != NULL && pga_server_copy_is_name(name))
			placed[count++] = name;
	}
}

static json_t *placed_as_json(const char *const placed[PGA_PLACED_FILES])
{
	json_t *array = json_array();

	for (int i = 0; i < PGA_PLACED_FILES; i++)
		if (placed[i] != NULL &&
		    json_array_append_new(array, json_string(placed[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

bool pga_server_record_last(const struct pga_server_record *record,
			    struct pga_server_change *change)
{
	const size_t count = json_array_size(record->changes);
	const json_t *last;

	memset(change, 0, sizeof *change);
	if (count == 0)
		return false;
	last = json_array_get(record->changes, count - 1);
	change->command = text_of(last, "command");
	change->time = text_of(last, "time");
	change->served = text_of(last, "served");
	change->hba = json_string_value(json_object_get(last, "hba"));
	change->unrequired = json_is_true(json_object_get(last, "unrequired"));
	goals_of(json_object_get(last, "before"), change->before);
	goals_of(json_object_get(last, "after"), change->after);
	placed_of(json_object_get(last, "placed"), change->placed);
	return true;
}

int pga_server_record_push(struct pga_server_record *record, const struct pga_server_change *change,
			   struct pga_error *error)
{
	char now[PGA_X509_DATE];
	json_t *object;

	pga_x509_now(now);
	object =
	    json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "command", change->command, "time",
		      now, "served", change->served, "unrequired", (int)change->unrequired,
		      "before", goals_as_json(change->before), "after",
		      goals_as_json(change->after), "placed", placed_as_json(change->placed));
	if (object != NULL && change->hba != NULL &&
	    json_object_set_new(object, "hba", json_string(change->hba)) != 0) {
		json_decref(object);
		object = NULL;
	}
	if (object == NULL || json_array_append_new(record->changes, object) != 0)
		return pga_fail_memory(error);
	return 0;
}

void pga_server_record_pop(struct pga_server_record *record)
{
	const size_t count = json_array_size(record->changes);

	if (count > 0)
		(void)json_array_remove(record->changes, count - 1);
}

int pga_server_record_write(const struct pga_cluster *cluster,
			    const struct pga_server_record *record, struct pga_served_file *file,
			    struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	json_t *object;
	char *place;
	char *written;
	int result;

	if (record->entry.service != NULL) {
		result = pga_servers_write(&record->entry, record->changes, error);
		file->written = result == 0;
		return result;
	}
	if (json_array_size(record->changes) == 0)
		return pga_served_file_put(cluster, PGA_SERVER_RECORD, NULL, file, error);
	place = pga_server_place(cluster, error);
	if (place == NULL)
		return -1;
	object = json_pack("{s:i, s:s, s:O}", "version", RECORD_VERSION, "place", place, "changes",
			   record->changes);
	written = object != NULL ? json_dumps(object, JSON_INDENT(2)) : NULL;
	if (written != NULL)
		pga_text_addf(&text, "%s\n", written);
	result = written == NULL || text.failed
		     ? pga_fail_memory(error)
		     : pga_served_file_put(cluster, PGA_SERVER_RECORD, &text, file, error);
	free(written);
	free(place);
	json_decref(object);
	pga_text_free(&text);
	return result;
}

int pga_server_record_take_back(struct pga_server_record *record, struct pga_served_file *file,
				struct pga_error *error)
{
	if (record->entry.service == NULL || !file->written)
		return pga_served_file_take_back(file, error);
	file->written = false;
	pga_server_record_pop(record);
	return pga_servers_write(&record->entry, record->changes, error);
}
