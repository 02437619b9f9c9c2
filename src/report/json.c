/* Reports as JSON, by jansson. */
#include "report/json.h"

#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Something is not in the report that this thread makes. */
static _Thread_local bool incomplete;

void pga_json_add(json_t *array, json_t *item)
{
	if (json_array_append_new(array, item) != 0)
		incomplete = true;
}

void pga_json_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		incomplete = true;
}

json_t *pga_json_text(const char *text)
{
	json_t *string = json_string(text);
	struct pga_text copy = PGA_TEXT_EMPTY;

	if (string != NULL)
		return string;
	while (*text != '\0') {
		unsigned point;
		const size_t length = pga_character(text, &point);

		if (length == 0)
			pga_text_add_escaped(&copy, *text++);
		else
			pga_text_add_bytes(&copy, text, length);
		text += length;
	}
	if (!copy.failed)
		string = json_string(pga_text_string(&copy));
	pga_text_free(&copy);
	return string;
}

json_t *pga_json_lines(const char *lines)
{
	json_t *array = json_array();
	const char *at;
	size_t length;

	while (pga_next_line(&lines, &at, &length)) {
		char *line = strndup(at, length);

		if (line == NULL || json_array_append_new(array, pga_json_text(line)) != 0) {
			json_decref(array);
			array = NULL;
		}
		free(line);
	}
	return array;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? pga_json_text(text) : json_null();
}

json_t *pga_json_findings(const struct pga_findings *findings)
{
	json_t *array = json_array();

	incomplete = incomplete || findings->failed;
	for (size_t i = 0; i < findings->count; i++) {
		const struct pga_finding *finding = &findings->list[i];

		pga_json_add(array,
			     json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id",
				       pga_finding_word(finding->id), "severity",
				       pga_severity_word(finding->severity), "subject",
				       finding->subject, "object", text_or_null(finding->object),
				       "message", pga_json_text(finding->message), "detail",
				       text_or_null(finding->detail), "hint",
				       text_or_null(finding->hint)));
	}
	return array;
}

/* Adds the character as JSON has it in ASCII: above U+FFFF, as a surrogate pair (RFC 8259). */
static void add_escaped(struct pga_text *text, unsigned point)
{
	if (point >> 16 != 0) {
		pga_text_addf(text, "\\u%04X", 0xD800 + ((point - 0x10000) >> 10));
		point = 0xDC00 + ((point - 0x10000) & 0x3FF);
	}
	pga_text_addf(text, "\\u%04X", point);
}

/* jansson escapes C0 alone, and JSON is shown on terminals too. Whatever else steers can be in
 * strings only; what is between them is ASCII. */
static void add_harmless(struct pga_text *text, const char *json)
{
	while (*json != '\0') {
		unsigned point;
		const size_t length = pga_character(json, &point);

		if (*json != '\n' && length > 0 && pga_steers(point))
			add_escaped(text, point);
		else
			pga_text_add_bytes(text, json, length > 0 ? length : 1);
		json += length > 0 ? length : 1;
	}
}

/* With what was warned of. The caller frees it; NULL for want of memory. */
static char *dump(json_t *object)
{
	if (json_object_get(object, "warnings") == NULL &&
	    json_object_set_new(object, "warnings", pga_json_lines(pga_warnings())) != 0)
		return NULL;
	return json_dumps(object, JSON_INDENT(2));
}

/* Prints what an object was written as, which is NULL where it is not whole, and frees both. */
static int print(json_t *object, char *json, int status)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_error error;

	incomplete = false;
	if (json != NULL)
		add_harmless(&text, json);
	if (json == NULL || text.failed) {
		(void)pga_fail(&error, NULL, "could not write the report as JSON");
		pga_print_error(&error);
		status = EXIT_FAILURE;
	} else {
		(void)puts(pga_text_string(&text));
	}
	pga_text_free(&text);
	free(json);
	json_decref(object);
	return status;
}

char *pga_json_line(json_t *object)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *json = incomplete ? NULL : json_dumps(object, 0);

	incomplete = false;
	if (json != NULL)
		add_harmless(&text, json);
	free(json);
	json_decref(object);
	return json != NULL ? pga_text_take(&text) : NULL;
}

int pga_json_print(json_t *object, int status)
{
	return print(object, incomplete ? NULL : dump(object), status);
}

int pga_json_print_line(json_t *object, int status)
{
	return print(object, incomplete ? NULL : json_dumps(object, JSON_COMPACT), status);
}
