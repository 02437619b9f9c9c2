#include "service/harden_record.h"

#include "base/ini.h"
#include "base/manifest.h"
#include "base/path.h"
#include "base/paths.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KIND "hardened"
#define HEADING                                                                               \
	"# How entries of service files were before \"pganchor service harden\". \"pganchor " \
	"service "                                                                            \
	"harden --undo\" reads it.\n"

char *pga_harden_record_path(enum pga_service_place place, struct pga_error *error)
{
	char *path = place == PGA_SERVICE_SYSTEM ? strdup(SYSCONFDIR "/pganchor/" PGA_HARDEN_RECORD)
						 : pga_user_config(PGA_HARDEN_RECORD);

	if (path == NULL)
		(void)(place == PGA_SERVICE_SYSTEM ? pga_fail_memory(error) : pga_fail_home(error));
	return path;
}

/* ---- Reading ---- */

static void free_record(struct pga_harden_record *record)
{
	for (size_t i = 0; i < record->line_count; i++)
		free(record->lines[i]);
	free(record->lines);
	free(record->path);
	free(record->name);
	memset(record, 0, sizeof *record);
}

void pga_harden_records_free(struct pga_harden_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free_record(&records->records[i]);
	free(records->records);
	memset(records, 0, sizeof *records);
}

/* What a line comes to; each of the functions that read a part of it returns the same. */
enum taken { NO_RECORD, RECORD, NO_MEMORY };

static enum taken take_text(const char **at, const char *end, char **text)
{
	*text = pga_manifest_take_field(at, end);
	if (*text != NULL)
		return RECORD;
	return *at == end ? NO_RECORD : NO_MEMORY;
}

static enum taken take_digest(const char **at, const char *end, uint64_t *digest)
{
	char *field;
	char *behind;
	enum taken taken = take_text(at, end, &field);

	if (taken != RECORD)
		return taken;
	*digest = strtoull(field, &behind, 16);
	if (behind == field || *behind != '\0')
		taken = NO_RECORD;
	free(field);
	return taken;
}

static enum taken take_line(struct pga_harden_record *record, char *field)
{
	char **grown;

	if (field[0] == '\0' || strchr("=~+", field[0]) == NULL)
		return NO_RECORD;
	grown = reallocarray(record->lines, record->line_count + 1, sizeof *record->lines);
	if (grown == NULL)
		return NO_MEMORY;
	record->lines = grown;
	record->lines[record->line_count++] = field;
	return RECORD;
}

static enum taken take_lines(struct pga_harden_record *record, const char *at, const char *end)
{
	for (;;) {
		char *field;
		enum taken taken = take_text(&at, end, &field);

		if (taken == NO_RECORD)
			return RECORD;
		if (taken == RECORD) {
			taken = take_line(record, field);
			if (taken != RECORD)
				free(field);
		}
		if (taken != RECORD)
			return taken;
	}
}

static enum taken take_record(struct pga_harden_record *record, const char *line, size_t length)
{
	const char *at = line;
	const char *end = line + length;
	char *kind;
	enum taken taken = take_text(&at, end, &kind);

	memset(record, 0, sizeof *record);
	if (taken == RECORD && strcmp(kind, KIND) != 0)
		taken = NO_RECORD;
	free(kind);
	if (taken == RECORD)
		taken = take_text(&at, end, &record->path);
	if (taken == RECORD)
		taken = take_text(&at, end, &record->name);
	if (taken == RECORD)
		taken = take_digest(&at, end, &record->written);
	if (taken == RECORD)
		taken = take_digest(&at, end, &record->before);
	if (taken == RECORD)
		taken = take_lines(record, at, end);
	if (taken != RECORD)
		free_record(record);
	return taken;
}

int pga_harden_records_parse(struct pga_harden_records *records, const struct pga_text *bytes,
			     struct pga_error *error)
{
	const char *rest = pga_text_string(bytes);
	const char *line;
	size_t length;

	memset(records, 0, sizeof *records);
	while (pga_next_line(&rest, &line, &length)) {
		struct pga_harden_record *grown =
		    reallocarray(records->records, records->count + 1, sizeof *grown);

		enum taken taken;

		if (grown == NULL)
			return pga_fail_memory(error);
		records->records = grown;
		taken = take_record(&grown[records->count], line, length);
		if (taken == NO_MEMORY)
			return pga_fail_memory(error);
		records->count += taken == RECORD;
	}
	return 0;
}

bool pga_harden_record_is_of(const struct pga_harden_record *record, const char *path)
{
	return strcmp(record->path, path) == 0 || pga_path_is_same(record->path, path);
}

const struct pga_harden_record *pga_harden_record_find(const struct pga_harden_records *records,
						       const char *path, const char *name)
{
	for (size_t i = records->count; i-- > 0;)
		if (strcmp(records->records[i].name, name) == 0 &&
		    pga_harden_record_is_of(&records->records[i], path))
			return &records->records[i];
	return NULL;
}

/* ---- Writing ---- */

void pga_harden_record_drop(const struct pga_text *before, const char *path, const char *name,
			    struct pga_text *after)
{
	const char *rest = pga_text_string(before);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		struct pga_harden_record record;
		const enum taken taken = take_record(&record, line, length);
		const bool is = taken == RECORD;

		after->failed = after->failed || taken == NO_MEMORY;
		if (!is || strcmp(record.name, name) != 0 ||
		    !pga_harden_record_is_of(&record, path)) {
			pga_text_add_bytes(after, line, length);
			pga_text_add(after, "\n");
		}
		if (is)
			free_record(&record);
	}
}

/* One line with its end; false behind the last. */
static bool next_whole_line(const char **at, const char *end, const char **line, size_t *length)
{
	const char *behind;

	if (*at == end)
		return false;
	behind = memchr(*at, '\n', (size_t)(end - *at));
	behind = behind != NULL ? behind + 1 : end;
	*line = *at;
	*length = (size_t)(behind - *at);
	*at = behind;
	return true;
}

static bool is_same_line(const char *one, size_t length, const char *other, size_t other_length)
{
	/* The last line of an entry has no end here, wherever it stands. */
	while (length > 0 && (one[length - 1] == '\n' || one[length - 1] == '\r'))
		length--;
	while (other_length > 0 &&
	       (other[other_length - 1] == '\n' || other[other_length - 1] == '\r'))
		other_length--;
	return length == other_length && memcmp(one, other, length) == 0;
}

/* Whether both are settings of one keyword. */
static bool have_same_keyword(const char *one, size_t length, const char *other,
			      size_t other_length)
{
	const char *equals = memchr(one, '=', length);
	const size_t keyword = equals != NULL ? (size_t)(equals - one) + 1 : 0;

	return keyword > 0 && other_length >= keyword && memcmp(one, other, keyword) == 0;
}

static void add_same(struct pga_text *text, size_t *same)
{
	if (*same > 0)
		pga_text_addf(text, " =%zu", *same);
	*same = 0;
}

static void add_line(struct pga_text *text, char sign, const char *line, size_t length)
{
	struct pga_text field = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&field, &sign, 1);
	pga_text_add_bytes(&field, line, length);
	text->failed = text->failed || field.failed;
	pga_manifest_add_field(text, pga_text_string(&field));
	pga_text_free(&field);
}

void pga_harden_record_add(struct pga_text *text, const char *path, const char *name,
			   const struct pga_text *before, const struct pga_text *written)
{
	const char *old = pga_text_string(before);
	const char *old_end = old + before->length;
	const char *new = pga_text_string(written);
	const char *new_end = new + written->length;
	const char *line;
	const char *other = NULL;
	size_t length;
	size_t other_length = 0;
	size_t same = 0;
	bool more;

	if (text->length == 0)
		pga_text_add(text, HEADING);
	pga_text_add(text, KIND);
	pga_manifest_add_field(text, path);
	pga_manifest_add_field(text, name);
	pga_text_addf(text, " %016" PRIx64 " %016" PRIx64,
		      pga_manifest_digest(pga_text_string(written), written->length),
		      pga_manifest_digest(pga_text_string(before), before->length));
	more = next_whole_line(&new, new_end, &other, &other_length);
	while (next_whole_line(&old, old_end, &line, &length)) {
		if (more && is_same_line(line, length, other, other_length)) {
			same++;
			more = next_whole_line(&new, new_end, &other, &other_length);
			continue;
		}
		add_same(text, &same);
		if (more && have_same_keyword(line, length, other, other_length)) {
			add_line(text, '~', line, length);
			more = next_whole_line(&new, new_end, &other, &other_length);
		} else {
			add_line(text, '+', line, length);
		}
	}
	add_same(text, &same);
	pga_text_add(text, "\n");
}

/* ---- Putting back ---- */

bool pga_harden_record_is_before(const struct pga_harden_record *record,
				 const struct pga_text *lines)
{
	return pga_manifest_digest(pga_text_string(lines), lines->length) == record->before;
}

bool pga_harden_record_is_about(const struct pga_harden_record *record,
				const struct pga_text *lines)
{
	return pga_manifest_digest(pga_text_string(lines), lines->length) == record->written ||
	       pga_harden_record_is_before(record, lines);
}

/* The last line that was written is without its end, and others may have stood behind it: it is
 * that of the first line, the section's. */
static void add_line_end(struct pga_text *text, const struct pga_text *written)
{
	const char *end = memchr(pga_text_string(written), '\n', written->length);

	if (text->length == 0 || text->bytes[text->length - 1] == '\n')
		return;
	pga_text_add(text, end != NULL && end > written->bytes && end[-1] == '\r' ? "\r\n" : "\n");
}

bool pga_harden_record_restore(const struct pga_harden_record *record,
			       const struct pga_text *written, struct pga_text *before)
{
	const char *at = pga_text_string(written);
	const char *end = at + written->length;
	const char *line;
	size_t length;

	if (pga_manifest_digest(at, written->length) != record->written)
		return false;
	for (size_t i = 0; i < record->line_count; i++) {
		const char *field = record->lines[i];
		size_t same = field[0] == '=' ? strtoul(field + 1, NULL, 10) : 0;

		for (; same > 0 && next_whole_line(&at, end, &line, &length); same--)
			pga_text_add_bytes(before, line, length);
		if (field[0] == '~')
			(void)next_whole_line(&at, end, &line, &length);
		if (field[0] == '=')
			continue;
		add_line_end(before, written);
		pga_text_add(before, field + 1);
	}
	/* The last line is without its end. */
	while (before->length > 0 && strchr("\r\n", before->bytes[before->length - 1]) != NULL)
		before->bytes[--before->length] = '\0';
	return !before->failed && pga_harden_record_is_before(record, before);
}

void pga_harden_find_lines(const struct pga_text *bytes, const char *name, size_t *start,
			   size_t *length, size_t *line)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(bytes), bytes->length, PGA_INI_PGSERVICE);
	struct pga_ini_line each;
	bool inside = false;

	*length = 0;
	while (pga_ini_next(&reader, &each)) {
		size_t end =
		    (size_t)(each.whole.bytes - pga_text_string(bytes)) + each.whole.length;

		if (each.kind == PGA_INI_SECTION) {
			if (*length > 0)
				return;
			inside = each.name.bytes != NULL && pga_ini_equals(each.name, name);
			*start = inside ? (size_t)(each.whole.bytes - pga_text_string(bytes)) : 0;
			*line = each.number;
		}
		if (!inside || each.kind == PGA_INI_BLANK || each.kind == PGA_INI_COMMENT)
			continue;
		while (end > *start && strchr("\r\n", bytes->bytes[end - 1]) != NULL)
			end--;
		*length = end - *start;
	}
}

int pga_harden_add_lines(const struct pga_text *bytes, const char *name, struct pga_text *lines,
			 struct pga_error *error)
{
	size_t start = 0;
	size_t length = 0;
	size_t line;

	pga_harden_find_lines(bytes, name, &start, &length, &line);
	pga_text_add_bytes(lines, pga_text_string(bytes) + start, length);
	return lines->failed ? pga_fail_memory(error) : 0;
}
