#include "server/require_undo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "server/elsewhere.h"
#include "server/hba_change.h"
#include "server/stopped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The record of this directory, without items. */
static int begin_record(const struct pga_cluster *cluster, struct pga_text *bytes,
			struct pga_error *error)
{
	char *place = pga_server_place(cluster, error);

	if (place == NULL)
		return -1;
	pga_hba_record_begin(bytes, place);
	free(place);
	return 0;
}

int pga_require_record(const struct pga_requiring *requiring, struct pga_served_file *file,
		       struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_hba_record record;
	char *elsewhere;
	int result = read_record(&requiring->cluster, &bytes, &record, &elsewhere, error);

	if (result == 0 && bytes.length == 0)
		result = begin_record(&requiring->cluster, &bytes, error);
	pga_hba_record_add_changes(&requiring->tree, &bytes);
	if (result == 0)
		result = bytes.failed ? pga_fail_memory(error)
				      : pga_served_file_put(&requiring->cluster, PGA_HBA_BEFORE,
							    &bytes, file, error);
	pga_hba_record_free(&record);
	free(elsewhere);
	pga_text_free(&bytes);
	return result;
}

static bool reads_like(const struct pga_hba_part *part, const struct pga_hba_line *line,
		       const struct pga_text *text)
{
	return line->length == text->length &&
	       memcmp(pga_text_string(&part->file.bytes) + line->start, pga_text_string(text),
		      text->length) == 0;
}

/* The nth line that reads so; NULL where there are fewer. */
static const struct pga_hba_line *nth_line(const struct pga_hba_part *part,
					   const struct pga_text *text, size_t nth)
{
	for (size_t i = 0; i < part->file.count; i++)
		if (reads_like(part, &part->file.lines[i], text) && nth-- == 0)
			return &part->file.lines[i];
	return NULL;
}

/* The line that was changed, where it has not been since. Others that read the same may have been
 * there before; where it cannot be told which of them it is, none is. */
static const struct pga_hba_line *line_of(const struct pga_hba_record *record,
					  const struct pga_hba_was *item,
					  const struct pga_hba_part *part)
{
	size_t lines = 0;
	size_t items = 0;
	size_t rank = 0;
	size_t most = 0;

	for (size_t i = 0; i < part->file.count; i++)
		lines += reads_like(part, &part->file.lines[i], &item->after) ? 1 : 0;
	for (size_t i = 0; i < record->count; i++) {
		const struct pga_hba_was *other = &record->items[i];

		if (strcmp(other->path, part->path) != 0 ||
		    !pga_hba_reads_the_same(&other->after, &item->after))
			continue;
		most = other->of > most ? other->of : most;
		rank += other < item ? 1 : 0;
		items++;
	}
	/* None was somebody else's. */
	if (most <= items && lines <= items)
		return nth_line(part, &item->after, rank);
	return item->of == lines ? nth_line(part, &item->after, item->nth) : NULL;
}

static int plan_part(struct pga_unrequiring *undoing, const struct pga_hba_part *part,
		     struct pga_transaction_file *file, struct pga_error *error)
{
	const struct pga_hba_file *hba = &part->file;
	/* Which item each line is, counted from 1. */
	size_t *was = calloc(hba->count + 1, sizeof *was);

	if (was == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < undoing->record.count; i++) {
		struct pga_hba_was *item = &undoing->record.items[i];
		const struct pga_hba_line *line = strcmp(item->path, part->path) == 0
						      ? line_of(&undoing->record, item, part)
						      : NULL;

		if (line == NULL || was[line - hba->lines] != 0)
			continue;
		was[line - hba->lines] = i + 1;
		item->restored = true;
		undoing->restored++;
		file->change = PGA_CHANGED;
	}
	for (size_t i = 0; i < hba->count; i++) {
		const struct pga_hba_line *line = &hba->lines[i];
		const struct pga_text *before =
		    was[i] != 0 ? &undoing->record.items[was[i] - 1].before : NULL;

		if (before == NULL)
			pga_text_add_bytes(&file->after, pga_text_string(&hba->bytes) + line->start,
					   line->length);
		else
			pga_text_add_bytes(&file->after, pga_text_string(before), before->length);
	}
	free(was);
	return file->after.failed ? pga_fail_memory(error) : 0;
}

/* How many lines of these bytes are this text, its end with it. */
static size_t count_lines(const struct pga_text *bytes, const struct pga_text *text)
{
	const char *begin = pga_text_string(bytes);
	const char *end = begin + bytes->length;
	const char *at = begin;
	size_t count = 0;

	while (text->length > 0 && at < end &&
	       (at = memmem(at, (size_t)(end - at), pga_text_string(text), text->length)) != NULL) {
		const char *behind = at + text->length;

		if ((at == begin || at[-1] == '\n') && (behind == end || behind[-1] == '\n')) {
			count++;
			at = behind;
		} else {
			at++;
		}
	}
	return count;
}

/* Recorded twice, by a run that ended before its change and by the next. */
static bool is_same_item(const struct pga_hba_was *one, const struct pga_hba_was *other)
{
	return one->nth == other->nth && one->of == other->of &&
	       pga_hba_reads_the_same(&one->after, &other->after) &&
	       pga_hba_reads_the_same(&one->before, &other->before);
}

/* Whether the line is as it was: there are as many that read so as need be, besides those that are
 * put back now. Who was killed between the files and the record leaves such. */
static bool is_settled(const struct pga_hba_record *record, const struct pga_hba_was *item,
		       const struct pga_text *bytes)
{
	size_t there = count_lines(bytes, &item->before);

	for (size_t i = 0; i < record->count; i++) {
		const struct pga_hba_was *other = &record->items[i];

		if (other == item || strcmp(other->path, item->path) != 0)
			continue;
		if (other->restored && is_same_item(other, item))
			return true;
		if ((other->restored || other->settled) && there > 0 &&
		    pga_hba_reads_the_same(&other->before, &item->before))
			there--;
	}
	return there > 0;
}

static void settle(struct pga_unrequiring *undoing, const struct pga_hba_part *part,
		   const struct pga_transaction_file *file)
{
	for (size_t i = 0; i < undoing->record.count; i++) {
		struct pga_hba_was *item = &undoing->record.items[i];

		if (strcmp(item->path, part->path) == 0)
			item->settled =
			    item->restored || is_settled(&undoing->record, item, &file->after);
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
	if (undoing->session == NULL ||
	    (wish->writes &&
	     pga_server_alone_at(undoing->session, undoing->cluster.directory, error) != 0))
		return -1;
	return pga_cluster_check_config(undoing->session, error) == 0
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
	int result = begin_record(&undoing->cluster, &bytes, error);

	for (size_t i = 0; i < undoing->record.count; i++) {
		const struct pga_hba_was *item = &undoing->record.items[i];

		if (!item->settled)
			pga_hba_record_add(&bytes, item->path, item);
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
