/* The records of entries that pganchor itself changes: they can be put back as before. */
#include "service/harden_record.h"

#include <string.h>

static bool is_same(const struct pga_text *one, const struct pga_text *other)
{
	return one->length == other->length &&
	       (one->length == 0 || memcmp(one->bytes, other->bytes, one->length) == 0);
}

/* Adds the record as it is to be to after: none, where the entry was as before it was hardened. */
static int write_record(const struct pga_harden_record *record, const struct pga_text *old,
			const struct pga_text *new, const struct pga_harden_change_of *change,
			struct pga_text *after, struct pga_error *error)
{
	struct pga_text before = PGA_TEXT_EMPTY;
	struct pga_text changed = PGA_TEXT_EMPTY;
	int result = 0;

	if (pga_harden_record_restore(record, old, &before))
		result = change->make(change->context, &before, &changed, error);
	if (result == 0 && changed.length > 0)
		pga_harden_record_add(after, record->path, record->name, &changed, new);
	if (result == 0 && (before.failed || changed.failed || after->failed))
		result = pga_fail_memory(error);
	pga_text_free(&before);
	pga_text_free(&changed);
	return result;
}

static int follow(const struct pga_harden_record *record, const struct pga_text *before,
		  const struct pga_text *after, const struct pga_harden_change_of *change,
		  struct pga_text *bytes, struct pga_error *error)
{
	struct pga_text old = PGA_TEXT_EMPTY;
	struct pga_text new = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	int result = -1;

	if (pga_harden_add_lines(before, record->name, &old, error) != 0 ||
	    pga_harden_add_lines(after, record->name, &new, error) != 0)
		goto done;
	result = 0;
	if (is_same(&old, &new) || !pga_harden_record_is_about(record, &old))
		goto done;
	pga_harden_record_drop(bytes, record->path, record->name, &rest);
	result = rest.failed ? pga_fail_memory(error)
			     : write_record(record, &old, &new, change, &rest, error);
	if (result == 0) {
		pga_text_free(bytes);
		*bytes = rest;
		rest = (struct pga_text)PGA_TEXT_EMPTY;
	}
done:
	pga_text_free(&old);
	pga_text_free(&new);
	pga_text_free(&rest);
	return result;
}

int pga_harden_records_follow(struct pga_text *bytes, const char *path,
			      const struct pga_text *before, const struct pga_text *after,
			      const struct pga_harden_change_of *change, struct pga_error *error)
{
	struct pga_harden_records records;
	int result = pga_harden_records_parse(&records, bytes, error);

	for (size_t i = 0; result == 0 && i < records.count; i++) {
		const struct pga_harden_record *record = &records.records[i];

		if (pga_harden_record_is_of(record, path) &&
		    pga_harden_record_find(&records, path, record->name) == record)
			result = follow(record, before, after, change, bytes, error);
	}
	pga_harden_records_free(&records);
	return result;
}
