/* Writes the entries that were hardened, and the record of how they were. */
#include "service/harden_parts.h"

#include "base/memory_file.h"
#include "base/transaction.h"
#include "service/harden_record.h"
#include "service/prove.h"
#include "service/rewrite.h"

#include <stdlib.h>
#include <string.h>

struct writing {
	struct pga_harden *harden;
	bool system;
	bool dry_run;
	struct pga_transaction_file record;
	struct pga_transaction_file services;
	bool record_begun;
	bool services_begun;
};

/* The directory of the configuration before that of the service file: the order in which others
 * lock them, too. */
static int begin(struct writing *writing, struct pga_error *error)
{
	const struct pga_harden *harden = writing->harden;
	char *path = pga_harden_record_path(harden->wish->place, error);
	int result = -1;

	if (pga_is_descriptor(harden->file.path))
		(void)pga_fail(error,
			       "let PGSERVICEFILE name a file, or unset it for ~/.pg_service.conf",
			       "%s: a pipe, or what was in one: nothing can be written there",
			       harden->file.path);
	else if (path != NULL &&
		 pga_edit_begin_in(&writing->record.edit, path, writing->system ? 0644 : 0600,
				   writing->system ? 0755 : 0700, error) == 0) {
		writing->record_begun = true;
		writing->record.edit.unnoted = writing->system;
		if (pga_edit_begin_in(&writing->services.edit, harden->file.path,
				      writing->system ? 0644 : 0600, writing->system ? 0755 : 0700,
				      error) == 0) {
			writing->services_begun = true;
			writing->services.edit.unnoted = writing->system;
			result = 0;
		}
	}
	free(path);
	return result;
}

static bool is_same_text(const struct pga_text *one, const struct pga_text *other)
{
	return one->length == other->length &&
	       (one->length == 0 || memcmp(one->bytes, other->bytes, one->length) == 0);
}

/* Every change is one of the bytes that were looked at. */
static int check_unchanged(const struct writing *writing, struct pga_error *error)
{
	const struct pga_harden *harden = writing->harden;

	if (is_same_text(&writing->services.edit.before, &harden->file.bytes))
		return 0;
	return pga_fail(error, "nothing was changed; run it again",
			"%s: changed while its servers were asked", harden->file.path);
}

static int change_entry(struct pga_text *bytes, const struct pga_hardening *item,
			struct pga_error *error)
{
	for (size_t i = 0; i < item->change_count; i++) {
		const struct pga_harden_change *change = &item->changes[i];
		struct pga_service_edit edit;

		if (pga_service_set(pga_text_string(bytes), bytes->length, item->name,
				    change->keyword, change->after, &edit, error) != 0)
			return -1;
		pga_text_free(bytes);
		*bytes = edit.bytes;
		edit.bytes = (struct pga_text)PGA_TEXT_EMPTY;
		pga_service_edit_free(&edit);
	}
	return 0;
}

/* The record of an entry takes the place of an earlier one: that is how it was last. */
static int record_entry(struct writing *writing, const struct pga_text *before,
			const struct pga_hardening *item, struct pga_error *error)
{
	struct pga_text *record = &writing->record.after;
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_text old = PGA_TEXT_EMPTY;
	struct pga_text new = PGA_TEXT_EMPTY;
	/* PGSERVICEFILE may be relative to a directory that --undo is not run in. */
	char *path = realpath(writing->services.edit.path, NULL);
	int result = -1;

	if (path == NULL)
		return pga_fail_errno(error, NULL, "could not look at %s",
				      writing->services.edit.path);
	pga_harden_record_drop(record, writing->services.edit.path, item->name, &rest);
	if (pga_harden_add_lines(before, item->name, &old, error) == 0 &&
	    pga_harden_add_lines(&writing->services.after, item->name, &new, error) == 0) {
		pga_harden_record_add(&rest, path, item->name, &old, &new);
		pga_text_free(record);
		*record = rest;
		rest = (struct pga_text)PGA_TEXT_EMPTY;
		result = record->failed ? pga_fail_memory(error) : 0;
	}
	free(path);
	pga_text_free(&rest);
	pga_text_free(&old);
	pga_text_free(&new);
	return result;
}

static int change_entries(struct writing *writing, struct pga_error *error)
{
	const struct pga_harden *harden = writing->harden;
	const struct pga_text *before = &writing->services.edit.before;

	pga_text_add_bytes(&writing->record.after, pga_text_string(&writing->record.edit.before),
			   writing->record.edit.before.length);
	pga_text_add_bytes(&writing->services.after, pga_text_string(before), before->length);
	if (writing->record.after.failed || writing->services.after.failed)
		return pga_fail_memory(error);
	for (size_t i = 0; i < harden->count; i++)
		if (harden->items[i].state == PGA_HARDEN_READY &&
		    (change_entry(&writing->services.after, &harden->items[i], error) != 0 ||
		     record_entry(writing, before, &harden->items[i], error) != 0))
			return -1;
	if (pga_transaction_put(&writing->record, error) != 0)
		return -1;
	return pga_transaction_put(&writing->services, error);
}

/* libpq reads each entry out of the new file. */
static int prove_entries(const struct writing *writing, struct pga_error *error)
{
	const struct pga_harden *harden = writing->harden;

	for (size_t i = 0; i < harden->count; i++)
		if (harden->items[i].state == PGA_HARDEN_READY &&
		    pga_service_prove(&writing->services.edit, harden->items[i].name,
				      &harden->items[i].settings, &harden->policy, error) != 0)
			return -1;
	return 0;
}

static int write_all(struct writing *writing, struct pga_error *error)
{
	struct pga_transaction_file *const files[] = {&writing->record, &writing->services};

	if (pga_transaction_stage(files, 2, error) != 0 || prove_entries(writing, error) != 0)
		return -1;
	return writing->dry_run ? 0 : pga_transaction_commit(files, 2, error);
}

int pga_harden_write(struct pga_harden *harden, bool dry_run, struct pga_error *error)
{
	struct writing writing = {.harden = harden,
				  .system = harden->wish->place == PGA_SERVICE_SYSTEM,
				  .dry_run = dry_run};
	int result = -1;

	if (pga_harden_count(harden, PGA_HARDEN_READY) == 0)
		return 0;
	if (begin(&writing, error) == 0 && check_unchanged(&writing, error) == 0 &&
	    change_entries(&writing, error) == 0)
		result = write_all(&writing, error);
	harden->readable_by_others = (writing.services.edit.mode & 0044) != 0;
	if (writing.services_begun)
		pga_transaction_end(&writing.services);
	if (writing.record_begun)
		pga_transaction_end(&writing.record);
	return result;
}
