#include "server/require_undo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "server/elsewhere.h"
#include "server/hba_change.h"
#include "server/stopped.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The record: this line, and for each changed line the lengths of path, after and before, and then
 * their bytes: whatever a line holds. The first item has no path, and says as "after" where the
 * record was made. */
#define FIRST "pganchor pg_hba.conf 1\n"

static void add_item(struct pga_text *bytes, const char *path, const char *after,
		     size_t after_length, const char *before, size_t before_length)
{
	pga_text_addf(bytes, "%zu %zu %zu\n%s", strlen(path), after_length, before_length, path);
	pga_text_add_bytes(bytes, after, after_length);
	pga_text_add_bytes(bytes, before, before_length);
	pga_text_add(bytes, "\n");
}

/* The record of a directory, without items. */
static int begin_bytes(const struct pga_cluster *cluster, struct pga_text *bytes,
		       struct pga_error *error)
{
	char *place = pga_server_place(cluster, error);

	if (place == NULL)
		return -1;
	pga_text_add(bytes, FIRST);
	add_item(bytes, "", place, strlen(place), "", 0);
	free(place);
	return 0;
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

	if (more == NULL)
		return pga_fail_memory(error);
	record->items = more;
	if (!take_number(at, end, ' ', &path) || !take_number(at, end, ' ', &after) ||
	    !take_number(at, end, '\n', &before) || path + after + before >= (size_t)(end - *at) ||
	    (*at)[path + after + before] != '\n' || memchr(*at, '\0', path) != NULL)
		return pga_fail(error, "put pg_hba.conf right by hand, and remove that file",
				"%s: it is not as pganchor has left it", PGA_HBA_BEFORE);
	if (path == 0 && record->place == NULL) {
		record->place = strndup(*at, after);
		*at += after + before + 1;
		return record->place != NULL ? 0 : pga_fail_memory(error);
	}
	more += record->count++;
	memset(more, 0, sizeof *more);
	more->path = strndup(*at, path);
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

/* bytes: the record as it is, or "", where none is of this directory. *elsewhere: that it is of
 * another one, which the caller frees. */
static int read_record(const struct pga_cluster *cluster, struct pga_text *bytes,
		       struct pga_hba_record *record, char **elsewhere, struct pga_error *error)
{
	bool found;
	int result = pga_cluster_read(cluster, PGA_HBA_BEFORE, bytes, &found, error);

	memset(record, 0, sizeof *record);
	*elsewhere = NULL;
	if (result == 0)
		result = pga_hba_record_parse(record, pga_text_string(bytes), bytes->length, error);
	if (result == 0)
		result = pga_server_is_elsewhere(cluster, record->place, error);
	if (result <= 0)
		return result;
	*elsewhere = record->place;
	record->place = NULL;
	pga_hba_record_free(record);
	pga_text_free(bytes);
	return 0;
}

/* Each line that is going to change. */
static void add_changes(const struct pga_hba_tree *tree, struct pga_text *bytes)
{
	struct pga_text after = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < tree->part_count; i++)
		for (size_t k = 0; k < tree->parts[i].file.count; k++) {
			const struct pga_hba_part *part = &tree->parts[i];
			const struct pga_hba_line *line = &part->file.lines[k];
			const enum pga_hba_becomes becomes = pga_hba_becomes(line);

			if (becomes != PGA_HBA_NEEDS_TLS && becomes != PGA_HBA_COMMENTED_OUT)
				continue;
			pga_hba_add_line(&part->file, line, &after);
			bytes->failed = bytes->failed || after.failed;
			add_item(bytes, part->path, pga_text_string(&after), after.length,
				 pga_text_string(&part->file.bytes) + line->start, line->length);
			pga_text_free(&after);
		}
}

void pga_hba_record_compose(const struct pga_hba_tree *tree, struct pga_text *bytes)
{
	pga_text_add(bytes, FIRST);
	add_changes(tree, bytes);
}

int pga_require_record(const struct pga_requiring *requiring, struct pga_served_file *file,
		       struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_hba_record record;
	char *elsewhere;
	int result = read_record(&requiring->cluster, &bytes, &record, &elsewhere, error);

	if (result == 0 && bytes.length == 0)
		result = begin_bytes(&requiring->cluster, &bytes, error);
	add_changes(&requiring->tree, &bytes);
	if (result == 0)
		result = bytes.failed ? pga_fail_memory(error)
				      : pga_served_file_put(&requiring->cluster, PGA_HBA_BEFORE,
							    &bytes, file, error);
	pga_hba_record_free(&record);
	free(elsewhere);
	pga_text_free(&bytes);
	return result;
}

/* What the line was, if it is one that was changed, and has not been since. */
static struct pga_hba_was *was(struct pga_unrequiring *undoing, const struct pga_hba_part *part,
			       const struct pga_hba_line *line)
{
	const char *bytes = pga_text_string(&part->file.bytes) + line->start;

	for (size_t i = 0; i < undoing->record.count; i++) {
		struct pga_hba_was *item = &undoing->record.items[i];

		if (!item->restored && strcmp(item->path, part->path) == 0 &&
		    item->after.length == line->length &&
		    memcmp(pga_text_string(&item->after), bytes, line->length) == 0)
			return item;
	}
	return NULL;
}

static int plan_part(struct pga_unrequiring *undoing, const struct pga_hba_part *part,
		     struct pga_transaction_file *file, struct pga_error *error)
{
	for (size_t i = 0; i < part->file.count; i++) {
		const struct pga_hba_line *line = &part->file.lines[i];
		struct pga_hba_was *item = was(undoing, part, line);

		if (item == NULL) {
			pga_text_add_bytes(&file->after,
					   pga_text_string(&part->file.bytes) + line->start,
					   line->length);
			continue;
		}
		pga_text_add_bytes(&file->after, pga_text_string(&item->before),
				   item->before.length);
		item->restored = true;
		undoing->restored++;
		file->change = PGA_CHANGED;
	}
	return file->after.failed ? pga_fail_memory(error) : 0;
}

/* Who was killed between the files and the record leaves lines that are as they were. */
static void settle(struct pga_unrequiring *undoing, const struct pga_hba_part *part,
		   const struct pga_transaction_file *file)
{
	for (size_t i = 0; i < undoing->record.count; i++) {
		struct pga_hba_was *item = &undoing->record.items[i];
		const struct pga_text *before = &item->before;
		const char *at = pga_text_string(&file->after);
		const char *end = at + file->after.length;

		if (strcmp(item->path, part->path) != 0 || before->length == 0)
			continue;
		for (; !item->settled && at < end; at++) {
			at =
			    memmem(at, (size_t)(end - at), pga_text_string(before), before->length);
			if (at == NULL)
				break;
			item->settled =
			    (at == pga_text_string(&file->after) || at[-1] == '\n') &&
			    (at + before->length == end || at[before->length - 1] == '\n');
		}
	}
}

int pga_unrequire_plan_lines(struct pga_unrequiring *undoing, struct pga_error *error)
{
	const size_t count = undoing->tree.part_count;
	struct pga_transaction_file *files = calloc(count, sizeof *files);
	int result = 0;

	undoing->files = files;
	if (files == NULL) {
		(void)pga_fail_memory(error);
		return -1;
	}
	for (size_t i = 0; result == 0 && i < count; i++)
		result = plan_part(undoing, &undoing->tree.parts[i], &files[i], error);
	for (size_t i = 0; result == 0 && i < count; i++)
		settle(undoing, &undoing->tree.parts[i], &files[i]);
	for (size_t i = 0; i < undoing->record.count; i++)
		undoing->left += undoing->record.items[i].settled ? 0 : 1;
	return result;
}

static int find_tree(struct pga_unrequiring *undoing, const struct pga_require_wish *wish,
		     struct pga_error *error)
{
	if (undoing->cluster.postmaster == 0)
		return pga_stopped_find_hba(&undoing->cluster, &undoing->tree, error);
	undoing->session = pga_cluster_enter(&undoing->cluster, wish->user, error);
	return undoing->session != NULL && pga_cluster_check_config(undoing->session, error) == 0
		   ? pga_hba_find(undoing->session, &undoing->cluster, &undoing->tree, error)
		   : -1;
}

static int plan_parts(struct pga_unrequiring *undoing, struct pga_error *error)
{
	return pga_unrequire_plan_lines(undoing, error) == 0
		   ? pga_hba_change_check_owners(&undoing->tree, undoing->files, error)
		   : -1;
}

int pga_unrequire_plan(struct pga_unrequiring *undoing, const struct pga_require_wish *wish,
		       struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result = -1;

	memset(undoing, 0, sizeof *undoing);
	if (pga_cluster_look(&undoing->cluster, wish->directory, error) != 0 ||
	    (wish->writes &&
	     pga_server_alone_begin(&undoing->alone, &undoing->cluster, error) != 0) ||
	    read_record(&undoing->cluster, &bytes, &undoing->record, &undoing->elsewhere, error) !=
		0)
		goto done;
	result = undoing->record.count > 0 ? find_tree(undoing, wish, error) : 0;
	if (result == 0 && undoing->record.count > 0)
		result = plan_parts(undoing, error);
done:
	pga_text_free(&bytes);
	return result;
}

/* The rules as they are on the disk now are what the server is to see. */
static int look_again(struct pga_unrequiring *undoing, struct pga_error *error)
{
	struct pga_hba_tree now = {.part_count = 0};
	int result = pga_hba_find(undoing->session, &undoing->cluster, &now, error) == 0
			 ? pga_hba_check_view(undoing->session, &now, false, error)
			 : -1;

	pga_hba_tree_free(&now);
	return result;
}

/* What is still to be undone some day: the lines that are not as they were left. */
static int keep_rest(struct pga_unrequiring *undoing, struct pga_served_file *file,
		     struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result = begin_bytes(&undoing->cluster, &bytes, error);

	for (size_t i = 0; i < undoing->record.count; i++) {
		const struct pga_hba_was *item = &undoing->record.items[i];

		if (!item->settled)
			add_item(&bytes, item->path, pga_text_string(&item->after),
				 item->after.length, pga_text_string(&item->before),
				 item->before.length);
	}
	if (result == 0)
		result = bytes.failed
			     ? pga_fail_memory(error)
			     : pga_served_file_put(&undoing->cluster, PGA_HBA_BEFORE,
						   undoing->left > 0 ? &bytes : NULL, file, error);
	pga_text_free(&bytes);
	return result;
}

static int put_back(struct pga_unrequiring *undoing, struct pga_error *error)
{
	struct pga_hba_change change = {
	    .session = undoing->session, .tree = &undoing->tree, .files = undoing->files};
	struct pga_served_file record = {.written = false};
	int result = pga_hba_change_write(&change, error);

	if (result == 0 && undoing->session != NULL)
		result = look_again(undoing, error);
	if (result == 0 && undoing->session != NULL)
		result = pga_hba_change_load(&change, error);
	if (result == 0)
		result = keep_rest(undoing, &record, error);
	if (result == 0)
		pga_hba_change_keep(&change);
	else
		result = pga_hba_change_put_back(&change, "nothing was undone", error);
	pga_served_file_free(&record);
	return result;
}

bool pga_unrequire_has_work(const struct pga_unrequiring *undoing)
{
	return undoing->left < undoing->record.count;
}

int pga_unrequire_apply(struct pga_unrequiring *undoing, struct pga_error *error)
{
	sigset_t signals;
	int result;

	if (!pga_unrequire_has_work(undoing))
		return 0;
	pga_signals_hold(&signals);
	result = put_back(undoing, error);
	pga_signals_release(&signals);
	return result;
}

void pga_unrequire_end(struct pga_unrequiring *undoing)
{
	for (size_t i = 0; undoing->files != NULL && i < undoing->tree.part_count; i++)
		pga_transaction_end(&undoing->files[i]);
	free(undoing->files);
	pga_hba_record_free(&undoing->record);
	free(undoing->elsewhere);
	pga_hba_tree_free(&undoing->tree);
	pga_cluster_leave(undoing->session);
	pga_server_alone_end(&undoing->alone);
	pga_cluster_free(&undoing->cluster);
	memset(undoing, 0, sizeof *undoing);
}
