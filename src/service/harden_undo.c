/* Puts entries back as they were before they were hardened. */
#include "service/harden.h"

#include "base/file.h"
#include "base/memory_file.h"
#include "base/transaction.h"
#include "service/harden_record.h"

#include <stdlib.h>
#include <string.h>

struct undoing {
	struct pga_unharden *undo;
	bool system;
	struct pga_harden_records records;
	struct pga_transaction_file record;
	struct pga_transaction_file services;
	bool record_begun;
	bool services_begun;
	size_t restored;
};

static int begin(struct undoing *undoing, enum pga_service_place place, struct pga_error *error)
{
	char *record = pga_harden_record_path(place, error);
	char *path = pga_service_path(place, error);
	const mode_t mode = undoing->system ? 0644 : 0600;
	const mode_t directory = undoing->system ? 0755 : 0700;
	int result = -1;

	if (record == NULL || path == NULL || pga_file_check_link(path, error) != 0)
		goto done;
	if (pga_is_descriptor(path)) {
		(void)pga_fail(error, NULL, "%s: a pipe: nothing can be written there", path);
		goto done;
	}
	if (pga_edit_begin_in(&undoing->record.edit, record, mode, directory, error) != 0)
		goto done;
	undoing->record_begun = true;
	if (pga_edit_begin_in(&undoing->services.edit, path, mode, directory, error) != 0)
		goto done;
	undoing->services_begun = true;
	undoing->record.edit.unnoted = undoing->services.edit.unnoted = true;
	undoing->undo->path = strdup(undoing->services.edit.path);
	result = undoing->undo->path != NULL ? 0 : pga_fail_memory(error);
done:
	free(record);
	free(path);
	return result;
}

static int add_item(struct pga_unharden *undo, const char *name, struct pga_error *error)
{
	struct pga_unhardening *grown =
	    reallocarray(undo->items, undo->count + 1, sizeof *undo->items);

	if (grown == NULL)
		return pga_fail_memory(error);
	undo->items = grown;
	grown[undo->count] = (struct pga_unhardening){.name = strdup(name)};
	if (grown[undo->count].name == NULL)
		return pga_fail_memory(error);
	undo->count++;
	return 0;
}

/* Those that are named; or all that the record has of this file, each once. */
static int find_items(struct undoing *undoing, const char *const *names, size_t count,
		      struct pga_error *error)
{
	const struct pga_harden_records *records = &undoing->records;
	struct pga_unharden *undo = undoing->undo;

	for (size_t i = 0; i < count; i++)
		if (add_item(undo, names[i], error) != 0)
			return -1;
	for (size_t i = 0; count == 0 && i < records->count; i++) {
		const struct pga_harden_record *record = &records->records[i];

		if (pga_harden_record_is_of(record, undo->path) &&
		    pga_harden_record_find(records, undo->path, record->name) == record &&
		    add_item(undo, record->name, error) != 0)
			return -1;
	}
	return 0;
}

static bool has_line(const struct pga_text *lines, const char *line, size_t length)
{
	const char *rest = pga_text_string(lines);
	const char *at;
	size_t other;

	while (pga_next_line(&rest, &at, &other))
		if (other == length && strncmp(at, line, length) == 0)
			return true;
	return false;
}

/* The lines of one that the other has not. */
static void add_others(const struct pga_text *lines, const struct pga_text *others,
		       struct pga_text *text)
{
	const char *rest = pga_text_string(lines);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		if (has_line(others, line, length))
			continue;
		pga_text_add_bytes(text, line, length);
		pga_text_add(text, "\n");
	}
}

static int replace(struct pga_text *bytes, size_t start, size_t length, const struct pga_text *by,
		   struct pga_error *error)
{
	struct pga_text changed = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&changed, bytes->bytes, start);
	pga_text_add_bytes(&changed, by->bytes, by->length);
	pga_text_add_bytes(&changed, bytes->bytes + start + length, bytes->length - start - length);
	if (changed.failed) {
		pga_text_free(&changed);
		return pga_fail_memory(error);
	}
	pga_text_free(bytes);
	*bytes = changed;
	return 0;
}

int pga_harden_record_put_back(const struct pga_harden_record *record, struct pga_text *bytes,
			       struct pga_unhardening *item, struct pga_error *error)
{
	struct pga_text written = PGA_TEXT_EMPTY;
	struct pga_text before = PGA_TEXT_EMPTY;
	size_t start;
	size_t length;
	int result = 0;

	item->state = PGA_UNHARDEN_GONE;
	pga_harden_find_lines(bytes, record->name, &start, &length, &item->line);
	if (length == 0)
		return 0;
	item->state = PGA_UNHARDEN_CHANGED;
	pga_text_add_bytes(&written, bytes->bytes + start, length);
	item->already = !written.failed && pga_harden_record_is_before(record, &written);
	if (item->already) {
		item->state = PGA_UNHARDEN_RESTORED;
	} else if (!written.failed && pga_harden_record_restore(record, &written, &before)) {
		add_others(&written, &before, &item->after);
		add_others(&before, &written, &item->before);
		result = replace(bytes, start, length, &before, error);
		item->state = PGA_UNHARDEN_RESTORED;
	}
	if (written.failed || before.failed || item->after.failed || item->before.failed)
		result = pga_fail_memory(error);
	pga_text_free(&written);
	pga_text_free(&before);
	return result;
}

/* What is as it was needs no record any more. */
static int drop_record(struct undoing *undoing, const char *name, struct pga_error *error)
{
	struct pga_text rest = PGA_TEXT_EMPTY;

	pga_harden_record_drop(&undoing->record.after, undoing->undo->path, name, &rest);
	if (rest.failed) {
		pga_text_free(&rest);
		return pga_fail_memory(error);
	}
	pga_text_free(&undoing->record.after);
	undoing->record.after = rest;
	undoing->restored++;
	return 0;
}

static int restore(struct undoing *undoing, struct pga_unhardening *item, struct pga_error *error)
{
	const struct pga_harden_record *record =
	    pga_harden_record_find(&undoing->records, undoing->undo->path, item->name);

	item->state = PGA_UNHARDEN_UNKNOWN;
	if (record == NULL)
		return 0;
	if (pga_harden_record_put_back(record, &undoing->services.after, item, error) != 0)
		return -1;
	return item->state == PGA_UNHARDEN_RESTORED ? drop_record(undoing, item->name, error) : 0;
}

static int copy(struct pga_transaction_file *file, struct pga_error *error)
{
	pga_text_add_bytes(&file->after, pga_text_string(&file->edit.before),
			   file->edit.before.length);
	return file->after.failed ? pga_fail_memory(error) : 0;
}

/* The heading alone is no record. */
static int put(struct undoing *undoing, struct pga_error *error)
{
	const char *rest = pga_text_string(&undoing->record.after);
	const char *line;
	size_t length;
	bool any = false;

	while (pga_next_line(&rest, &line, &length))
		any = any || (length > 0 && line[0] != '#');
	if (pga_transaction_put(&undoing->record, error) != 0 ||
	    pga_transaction_put(&undoing->services, error) != 0)
		return -1;
	if (!any)
		undoing->record.change = PGA_REMOVED;
	return 0;
}

static int write_all(struct undoing *undoing, bool dry_run, struct pga_error *error)
{
	/* A record of what is back already is harmless, and the other way round there is no way
	 * back. */
	struct pga_transaction_file *const files[] = {&undoing->services, &undoing->record};

	if (undoing->restored == 0)
		return 0;
	if (put(undoing, error) != 0 || pga_transaction_stage(files, 2, error) != 0)
		return -1;
	return dry_run ? 0 : pga_transaction_commit(files, 2, error);
}

int pga_unharden(struct pga_unharden *undo, enum pga_service_place place, const char *const *names,
		 size_t count, bool dry_run, struct pga_error *error)
{
	struct undoing undoing = {.undo = undo, .system = place == PGA_SERVICE_SYSTEM};
	int result = -1;

	memset(undo, 0, sizeof *undo);
	if (begin(&undoing, place, error) != 0 || copy(&undoing.record, error) != 0 ||
	    copy(&undoing.services, error) != 0 ||
	    pga_harden_records_parse(&undoing.records, &undoing.record.edit.before, error) != 0 ||
	    find_items(&undoing, names, count, error) != 0)
		goto done;
	for (size_t i = 0; i < undo->count; i++)
		if (restore(&undoing, &undo->items[i], error) != 0)
			goto done;
	result = write_all(&undoing, dry_run, error);
done:
	pga_harden_records_free(&undoing.records);
	if (undoing.services_begun)
		pga_transaction_end(&undoing.services);
	if (undoing.record_begun)
		pga_transaction_end(&undoing.record);
	return result;
}

void pga_unhardening_free(struct pga_unhardening *item)
{
	free(item->name);
	pga_text_free(&item->before);
	pga_text_free(&item->after);
}

void pga_unharden_end(struct pga_unharden *undo)
{
	for (size_t i = 0; i < undo->count; i++)
		pga_unhardening_free(&undo->items[i]);
	free(undo->items);
	free(undo->path);
	memset(undo, 0, sizeof *undo);
}
