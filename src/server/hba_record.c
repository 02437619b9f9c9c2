#include "server/hba_record.h"

#include "base/file.h"
#include "server/hba_edit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The record: this line, and for each changed line the lengths of path, after and before, nth and
 * of, and then their bytes: whatever a line holds. The first item has no path, and says as "after"
 * where the record was made. */
#define FIRST "pganchor pg_hba.conf 1\n"

void pga_hba_record_add(struct pga_text *bytes, const char *path, const struct pga_hba_was *item)
{
	pga_text_addf(bytes, "%zu %zu %zu %zu %zu\n%s", strlen(path), item->after.length,
		      item->before.length, item->nth, item->of, path);
	pga_text_add_bytes(bytes, pga_text_string(&item->after), item->after.length);
	pga_text_add_bytes(bytes, pga_text_string(&item->before), item->before.length);
	pga_text_add(bytes, "\n");
	bytes->failed = bytes->failed || item->after.failed || item->before.failed;
}

/* A number, and the byte behind it. */
static bool take_number(const char **at, const char *end, char behind, size_t *number)
{
	*number = 0;
	while (*at < end && isdigit((unsigned char)**at) && *number < PGA_FILE_LIMIT)
		*number = *number * 10 + (size_t)(*(*at)++ - '0');
	if (*at == end || **at != behind)
		return false;
	(*at)++;
	return true;
}

static int take_item(struct pga_hba_record *record, const char **at, const char *end,
		     struct pga_error *error)
{
	struct pga_hba_was *more = realloc(record->items, (record->count + 1) * sizeof *more);
	size_t path;
	size_t after;
	size_t before;
	size_t nth;
	size_t of;

	if (more == NULL)
		return pga_fail_memory(error);
	record->items = more;
	if (!take_number(at, end, ' ', &path) || !take_number(at, end, ' ', &after) ||
	    !take_number(at, end, ' ', &before) || !take_number(at, end, ' ', &nth) ||
	    !take_number(at, end, '\n', &of) || path + after + before >= (size_t)(end - *at) ||
	    (*at)[path + after + before] != '\n' || memchr(*at, '\0', path) != NULL)
		return pga_fail(error, "put pg_hba.conf right by hand, and remove that file",
				"%s: it is not as pganchor has left it", PGA_HBA_BEFORE);
	if (path == 0 && record->place == NULL) {
		record->place = strndup(*at, after);
		*at += after + before + 1;
		return record->place != NULL ? 0 : pga_fail_memory(error);
	}
	more += record->count++;
	*more = (struct pga_hba_was){.path = strndup(*at, path), .nth = nth, .of = of};
	pga_text_add_bytes(&more->after, *at + path, after);
	pga_text_add_bytes(&more->before, *at + path + after, before);
	*at += path + after + before + 1;
	return more->path == NULL || more->after.failed || more->before.failed
		   ? pga_fail_memory(error)
		   : 0;
}

int pga_hba_record_parse(struct pga_hba_record *record, const char *bytes, size_t length,
			 struct pga_error *error)
{
	const char *end = bytes + length;
	int result = 0;

	memset(record, 0, sizeof *record);
	if (length == 0)
		return 0;
	if (length < strlen(FIRST) || memcmp(bytes, FIRST, strlen(FIRST)) != 0)
		return pga_fail(error, "put pg_hba.conf right by hand, and remove that file",
				"%s: it is not as pganchor has left it", PGA_HBA_BEFORE);
	bytes += strlen(FIRST);
	while (result == 0 && bytes < end)
		result = take_item(record, &bytes, end, error);
	return result;
}

void pga_hba_record_free(struct pga_hba_record *record)
{
	free(record->place);
	for (size_t i = 0; i < record->count; i++) {
		free(record->items[i].path);
		pga_text_free(&record->items[i].after);
		pga_text_free(&record->items[i].before);
	}
	free(record->items);
	memset(record, 0, sizeof *record);
}

bool pga_hba_reads_the_same(const struct pga_text *one, const struct pga_text *other)
{
	return one->length == other->length &&
	       memcmp(pga_text_string(one), pga_text_string(other), one->length) == 0;
}

static bool changes(const struct pga_hba_line *line)
{
	const enum pga_hba_becomes becomes = pga_hba_becomes(line);

	return becomes == PGA_HBA_NEEDS_TLS || becomes == PGA_HBA_COMMENTED_OUT;
}

/* Those of a file. Others may read then as one that has changed. */
static void add_changes_of(const struct pga_hba_part *part, struct pga_text *bytes)
{
	const size_t count = part->file.count;
	struct pga_text *after = calloc(count + 1, sizeof *after);

	bytes->failed = bytes->failed || after == NULL;
	for (size_t i = 0; after != NULL && i < count; i++) {
		const struct pga_hba_line *line = &part->file.lines[i];

		if (changes(line))
			pga_hba_add_line(&part->file, line, &after[i]);
		else
			pga_text_add_bytes(&after[i],
					   pga_text_string(&part->file.bytes) + line->start,
					   line->length);
	}
	for (size_t i = 0; after != NULL && i < count; i++) {
		const struct pga_hba_line *line = &part->file.lines[i];
		struct pga_hba_was item = {.after = after[i]};

		if (!changes(line))
			continue;
		for (size_t k = 0; k < count; k++)
			if (pga_hba_reads_the_same(&after[k], &after[i])) {
				item.nth += k < i ? 1 : 0;
				item.of++;
			}
		pga_text_add_bytes(&item.before, pga_text_string(&part->file.bytes) + line->start,
				   line->length);
		pga_hba_record_add(bytes, part->path, &item);
		pga_text_free(&item.before);
	}
	for (size_t i = 0; after != NULL && i < count; i++)
		pga_text_free(&after[i]);
	free(after);
}

void pga_hba_record_add_changes(const struct pga_hba_tree *tree, struct pga_text *bytes)
{
	for (size_t i = 0; i < tree->part_count; i++)
		add_changes_of(&tree->parts[i], bytes);
}

void pga_hba_record_begin(struct pga_text *bytes, const char *place)
{
	struct pga_hba_was item = {.path = NULL};

	pga_text_add(bytes, FIRST);
	if (place == NULL)
		return;
	pga_text_add(&item.after, place);
	pga_hba_record_add(bytes, "", &item);
	pga_text_free(&item.after);
}
