#include "audit/pgbouncer_file.h"

#include "audit/pgbouncer_database.h"
#include "audit/pgbouncer_settings.h"

#include <stdlib.h>
#include <string.h>

/* Its own limit. */
#define MOST_DEPTH 10

enum section { SECTION_NONE, SECTION_PGBOUNCER, SECTION_DATABASES, SECTION_OTHER };

/* What goes on from an included file to the one that includes it. */
struct reading {
	struct pga_pgbouncer *ini;
	pga_pgbouncer_open *open;
	enum section section;
};

struct cursor {
	struct reading *reading;
	const char *bytes;
	size_t length;
	size_t at;
	struct pga_pgbouncer_place place; /* of what is read now */
	unsigned depth;
};

/* NULL is none. Of two, pgbouncer does not get to the second. */
static void fault(struct cursor *cursor, const char *what)
{
	struct pga_pgbouncer *ini = cursor->reading->ini;

	if (what == NULL || ini->fault != NULL)
		return;
	ini->fault = pga_pgbouncer_copy(ini, what, strlen(what));
	ini->fault_at = cursor->place;
}

static bool goes_on(const struct cursor *cursor)
{
	const struct pga_pgbouncer *ini = cursor->reading->ini;

	return ini->fault == NULL && !ini->failed && cursor->at < cursor->length;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static char byte_at(const struct cursor *cursor, size_t at)
{
	return (char)(at < cursor->length ? cursor->bytes[at] : '\0');
}

static void skip_spaces(struct cursor *cursor)
{
	while (is_space(byte_at(cursor, cursor->at)))
		cursor->at++;
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->length && pga_is_blank(cursor->bytes[cursor->at]))
		cursor->place.line += cursor->bytes[cursor->at++] == '\n';
}

/* The rest of the line, without the blanks behind it. */
static const char *take_rest(struct cursor *cursor, size_t *length)
{
	const char *rest = cursor->bytes + cursor->at;

	while (cursor->at < cursor->length && cursor->bytes[cursor->at] != '\n')
		cursor->at++;
	*length = (size_t)(cursor->bytes + cursor->at - rest);
	while (*length > 0 && pga_is_blank(rest[*length - 1]))
		(*length)--;
	return rest;
}

static bool is(const char *word, const char *bytes, size_t length)
{
	return strlen(word) == length && memcmp(word, bytes, length) == 0;
}

/* ---- sections ---- */

static void read_section(struct cursor *cursor)
{
	struct reading *reading = cursor->reading;
	const size_t start = ++cursor->at;
	const char *name = cursor->bytes + start;
	size_t length;

	while (cursor->at < cursor->length && cursor->bytes[cursor->at] != ']' &&
	       cursor->bytes[cursor->at] != '\n')
		cursor->at++;
	length = cursor->at - start;
	if (byte_at(cursor, cursor->at) != ']') {
		fault(cursor, "a section without \"]\"");
		return;
	}
	cursor->at++;
	if (is("pgbouncer", name, length)) {
		reading->section = SECTION_PGBOUNCER;
		reading->ini->section = cursor->place;
		pga_pgbouncer_begin_anew(reading->ini);
	} else if (is("databases", name, length)) {
		reading->section = SECTION_DATABASES;
	} else if (is("users", name, length) || is("peers", name, length)) {
		reading->section = SECTION_OTHER;
	} else {
		fault(cursor, "a section that pgbouncer does not know");
	}
}

/* ---- settings ---- */

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_.-*", c) != NULL);
}

/* A name can stand in single quotes. Returns NULL for what is none. */
static const char *take_name(struct cursor *cursor, size_t *length)
{
	const bool quoted = byte_at(cursor, cursor->at) == '\'';
	const size_t start = cursor->at + (quoted ? 1 : 0);

	cursor->at = start;
	if (quoted)
		while (cursor->at < cursor->length && cursor->bytes[cursor->at] != '\'')
			cursor->at++;
	else
		while (is_of_name(byte_at(cursor, cursor->at)))
			cursor->at++;
	*length = cursor->at - start;
	if (quoted && (*length == 0 || cursor->at++ >= cursor->length))
		return NULL;
	return cursor->bytes + start;
}

static void read_setting(struct cursor *cursor)
{
	struct pga_pgbouncer *ini = cursor->reading->ini;
	size_t length;
	size_t value_length;
	const char *name = take_name(cursor, &length);
	const char *value;

	skip_spaces(cursor);
	if (name == NULL || length == 0 || byte_at(cursor, cursor->at) != '=') {
		fault(cursor, "no setting: pgbouncer stops here");
		return;
	}
	cursor->at++;
	skip_spaces(cursor);
	value = take_rest(cursor, &value_length);
	switch (cursor->reading->section) {
	case SECTION_NONE:
		fault(cursor, "a setting that stands in no section");
		break;
	case SECTION_PGBOUNCER:
		fault(cursor, pga_pgbouncer_take_setting(ini, &cursor->place, name, length, value,
							 value_length));
		break;
	case SECTION_DATABASES:
		fault(cursor, pga_pgbouncer_add_database(ini, &cursor->place, name, length, value,
							 value_length));
		break;
	case SECTION_OTHER:
		break;
	}
}

/* ---- files ---- */

static void read_file(struct reading *reading, char *path, const char *bytes, size_t length,
		      unsigned depth);

static void miss(struct pga_pgbouncer *ini, const char *path, const char *why)
{
	struct pga_pgbouncer_missed *grown =
	    reallocarray(ini->missed, ini->missed_count + 1, sizeof *grown);

	if (grown == NULL) {
		ini->failed = true;
		return;
	}
	ini->missed = grown;
	grown[ini->missed_count++] =
	    (struct pga_pgbouncer_missed){.path = pga_pgbouncer_copy(ini, path, strlen(path)),
					  .why = pga_pgbouncer_copy(ini, why, strlen(why))};
}

static void read_include(struct cursor *cursor)
{
	struct reading *reading = cursor->reading;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_error error;
	size_t length;
	const char *rest;
	char *path;

	skip_spaces(cursor);
	rest = take_rest(cursor, &length);
	if (cursor->depth >= MOST_DEPTH) {
		fault(cursor, "files are included in each other deeper than pgbouncer goes");
		return;
	}
	path = pga_pgbouncer_copy(reading->ini, rest, length);
	if (path == NULL)
		return;
	if (reading->open(path, &bytes, &error) != 0) {
		miss(reading->ini, path, error.message);
		free(path);
	} else {
		read_file(reading, path, pga_text_string(&bytes), bytes.length, cursor->depth + 1);
	}
	pga_text_wipe(&bytes);
}

static bool is_include(const struct cursor *cursor)
{
	static const char word[] = "%include";
	const size_t length = sizeof word - 1;

	return cursor->length - cursor->at > length &&
	       memcmp(cursor->bytes + cursor->at, word, length) == 0 &&
	       is_space(cursor->bytes[cursor->at + length]);
}

static void read_all(struct cursor *cursor)
{
	size_t length;

	for (skip_blanks(cursor); goes_on(cursor); skip_blanks(cursor)) {
		const char c = cursor->bytes[cursor->at];

		if (is_include(cursor)) {
			cursor->at += strlen("%include");
			read_include(cursor);
		} else if (c == '#' || c == ';') {
			(void)take_rest(cursor, &length);
		} else if (c == '[') {
			read_section(cursor);
		} else {
			read_setting(cursor);
		}
	}
}

/* Owns the path. */
static void read_file(struct reading *reading, char *path, const char *bytes, size_t length,
		      unsigned depth)
{
	struct pga_pgbouncer *ini = reading->ini;
	char **files = reallocarray(ini->files, ini->file_count + 1, sizeof *files);
	struct cursor cursor = {.reading = reading,
				.bytes = bytes,
				.length = strnlen(bytes, length),
				.place = {path, 1},
				.depth = depth};

	if (files == NULL) {
		ini->failed = true;
		free(path);
		return;
	}
	ini->files = files;
	ini->files[ini->file_count++] = path;
	read_all(&cursor);
}

void pga_pgbouncer_read(struct pga_pgbouncer *ini, const char *path, const char *bytes,
			size_t length, pga_pgbouncer_open *open)
{
	struct reading reading = {.ini = ini, .open = open};
	char *first;

	*ini = (struct pga_pgbouncer){.files = NULL};
	first = pga_pgbouncer_copy(ini, path, strlen(path));
	if (first != NULL)
		read_file(&reading, first, bytes, length, 0);
}

void pga_pgbouncer_free(struct pga_pgbouncer *ini)
{
	for (size_t i = 0; i < ini->file_count; i++)
		free(ini->files[i]);
	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		free(ini->set[i].value);
		free(ini->lost[i].value);
	}
	for (size_t i = 0; i < ini->database_count; i++)
		pga_pgbouncer_free_database(&ini->databases[i]);
	for (size_t i = 0; i < ini->missed_count; i++) {
		free(ini->missed[i].path);
		free(ini->missed[i].why);
	}
	free(ini->files);
	free(ini->databases);
	free(ini->missed);
	free(ini->fault);
}
