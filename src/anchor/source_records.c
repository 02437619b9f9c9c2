#include "anchor/source_records.h"

#include "anchor/anchors_conf.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/paths.h"
#include "policy/pins.h"

#include <stdlib.h>
#include <string.h>

#define HEADING                                                                               \
	"# Where the anchors of anchors.conf came from; written by pganchor, for refreshing " \
	"them.\n"

static const struct key {
	const char *name;
	size_t value; /* where in the record */
} keys[] = {
    {"kind", offsetof(struct pga_source_record, kind)},
    {"location", offsetof(struct pga_source_record, location)},
    {"ca-file", offsetof(struct pga_source_record, ca_file)},
    {"etag", offsetof(struct pga_source_record, etag)},
    {"digest", offsetof(struct pga_source_record, digest)},
    {"checked", offsetof(struct pga_source_record, checked)},
    {"changed", offsetof(struct pga_source_record, changed)},
};

#define KEYS PGA_SOURCE_KEYS

_Static_assert(sizeof keys / sizeof keys[0] == KEYS, "each key has its value");

/* NULL for one that is no line of text. */
static const char *value_of(const struct pga_source_record *record, size_t key)
{
	const char *value;

	memcpy(&value, (const char *)record + keys[key].value, sizeof value);
	for (const char *at = value; at != NULL && *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return NULL;
	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The number of the line's key; KEYS for one that is none of ours. */
static size_t key_of(const struct pga_ini_line *line)
{
	size_t key = 0;

	while (key < KEYS && !pga_ini_equals(line->name, keys[key].name))
		key++;
	return key;
}

char *pga_source_records_path(bool system, struct pga_error *error)
{
	char *path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/" PGA_SOURCE_RECORDS_FILE)
			    : pga_user_config(PGA_SOURCE_RECORDS_FILE);

	if (path == NULL)
		(void)(system ? pga_fail_memory(error) : pga_fail_home(error));
	return path;
}

/* As a string, text with a NUL in it would be another one. */
static bool has_nul(struct pga_ini_span span)
{
	return span.length > 0 && memchr(span.bytes, '\0', span.length) != NULL;
}

/* Of a key that is there twice, the last counts. */
static int take_setting(struct pga_recorded_source *source, const struct pga_ini_line *line,
			struct pga_error *error)
{
	const size_t key = key_of(line);
	char *value;

	if (key == KEYS || line->value.length == 0 || has_nul(line->value))
		return 0;
	value = pga_ini_copy(line->value);
	if (value == NULL)
		return pga_fail_memory(error);
	free(source->values[key]);
	source->values[key] = value;
	memcpy((char *)&source->is + keys[key].value, &value, sizeof value);
	return 0;
}

/* In the order of the names, and where they are the same in the file's. */
static int compare(const void *left, const void *right)
{
	const struct pga_recorded_source *a = left;
	const struct pga_recorded_source *b = right;
	const int order = strcmp(a->name, b->name);

	return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static struct pga_recorded_source *grow(struct pga_source_records *records, size_t *room)
{
	if (records->count == *room) {
		const size_t more = *room != 0 ? *room * 2 : 16;
		struct pga_recorded_source *grown =
		    reallocarray(records->sources, more, sizeof *grown);

		if (grown == NULL)
			return NULL;
		records->sources = grown;
		*room = more;
	}
	memset(&records->sources[records->count], 0, sizeof *records->sources);
	records->sources[records->count].number = records->count;
	return &records->sources[records->count++];
}

int pga_source_records_parse(struct pga_source_records *records, const char *bytes, size_t length,
			     struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_recorded_source *source = NULL;
	struct pga_ini_line line;
	size_t room = 0;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SETTING && source != NULL &&
		    take_setting(source, &line, error) != 0)
			return -1;
		if (line.kind != PGA_INI_SECTION)
			continue;
		source = NULL;
		if (has_nul(line.name))
			continue;
		source = grow(records, &room);
		if (source != NULL)
			source->name = pga_ini_copy(line.name);
		if (source == NULL || source->name == NULL)
			return pga_fail_memory(error);
	}
	if (records->count > 0)
		qsort(records->sources, records->count, sizeof *records->sources, compare);
	return 0;
}

int pga_source_records_load(struct pga_source_records *records, bool system,
			    struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	bool found;
	int result = -1;

	memset(records, 0, sizeof *records);
	records->path = pga_source_records_path(system, error);
	if (records->path != NULL && pga_file_read(records->path, &content, &found, error) == 0)
		result = pga_source_records_parse(records, pga_text_string(&content),
						  content.length, error);
	pga_text_free(&content);
	return result;
}

const struct pga_source_record *pga_source_records_of(const struct pga_source_records *records,
						      const char *name)
{
	size_t from = 0;
	size_t to = records->count;

	/* All in front of `from` come before the name or have it, none from `to` on does. */
	while (from < to) {
		const size_t middle = from + (to - from) / 2;

		if (strcmp(records->sources[middle].name, name) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from > 0 && strcmp(records->sources[from - 1].name, name) == 0
		   ? &records->sources[from - 1].is
		   : NULL;
}

void pga_source_records_free(struct pga_source_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		free(records->sources[i].name);
		for (size_t key = 0; key < KEYS; key++)
			free(records->sources[i].values[key]);
	}
	free(records->sources);
	free(records->path);
	memset(records, 0, sizeof *records);
}

/* ---- as text ---- */

static size_t sections_of(const struct pga_text *before, const char *name)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;
	size_t count = 0;

	while (pga_ini_next(&reader, &line))
		count += line.kind == PGA_INI_SECTION && pga_ini_equals(line.name, name);
	return count;
}

/* Adds before without those lines of the section that are settings with a value of NULL in the
 * record, and without the sections of this name in front of it, which do not count; with record
 * NULL, without the section, too. The empty lines in front of a section go with it, and comments
 * stay. */
static void add_without(const struct pga_text *before, const char *name,
			const struct pga_source_record *record, struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	size_t left = sections_of(before, name);
	struct pga_ini_line line;
	bool inside = false;

	while (pga_ini_next(&reader, &line)) {
		bool goes = false;

		if (line.kind == PGA_INI_SECTION) {
			inside = pga_ini_equals(line.name, name);
			left -= inside;
		}
		if (inside && (record == NULL || left > 0))
			goes = line.kind != PGA_INI_COMMENT;
		else if (inside && line.kind == PGA_INI_SETTING && key_of(&line) != KEYS)
			goes = value_of(record, key_of(&line)) == NULL;
		if (goes && line.kind == PGA_INI_SECTION && after->length > 1 &&
		    after->bytes[after->length - 1] == '\n' &&
		    after->bytes[after->length - 2] == '\n')
			after->bytes[--after->length] = '\0';
		if (!goes)
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
	}
}

static void fill(struct pga_anchor_setting settings[KEYS], const struct pga_source_record *record)
{
	for (size_t key = 0; key < KEYS; key++)
		settings[key] = (struct pga_anchor_setting){keys[key].name, value_of(record, key)};
}

void pga_source_records_add(const char *name, const struct pga_source_record *record,
			    struct pga_text *after)
{
	struct pga_anchor_setting settings[KEYS];

	fill(settings, record);
	if (after->length == 0)
		pga_text_add(after, HEADING);
	pga_anchors_conf_add(name, settings, KEYS, after);
}

void pga_source_records_set(const struct pga_text *before, const char *name,
			    const struct pga_source_record *record, struct pga_text *after)
{
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_anchor_setting settings[KEYS];

	fill(settings, record);
	add_without(before, name, record, &rest);
	if (rest.length == 0)
		pga_text_add(after, HEADING);
	pga_anchors_conf_set(&rest, name, settings, KEYS, after);
	after->failed = after->failed || rest.failed;
	pga_text_free(&rest);
}

void pga_source_records_drop(const struct pga_text *before, const char *name,
			     struct pga_text *after)
{
	add_without(before, name, NULL, after);
}

void pga_source_records_rename(const struct pga_text *before, const char *name,
			       const char *new_name, struct pga_text *after)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(before), before->length, PGA_INI_CONF);
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION && pga_ini_equals(line.name, name))
			pga_text_addf(after, "[%s]\n", new_name);
		else
			pga_text_add_bytes(after, line.whole.bytes, line.whole.length);
	}
}
