/* Entries that were there, and that "pganchor service harden" has changed: they are again as they
 * were, if nobody has changed them since. */
#include "uninstall/plan.h"

#include "base/file.h"
#include "service/harden_record.h"

#include <stdlib.h>
#include <string.h>

static int read_records(struct pga_harden_records *records, struct pga_error *error)
{
	char *path = pga_harden_record_path(PGA_SERVICE_USER, error);
	struct pga_text bytes = PGA_TEXT_EMPTY;
	bool found;
	int result = -1;

	if (path != NULL && pga_file_read(path, &bytes, &found, error) == 0)
		result = pga_harden_records_parse(records, &bytes, error);
	pga_text_free(&bytes);
	free(path);
	return result;
}

static int keep(struct pga_uninstall *plan, const struct pga_harden_record *record,
		struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&what, "service %s in %s", record->name, record->path);
	result = what.failed ? pga_fail_memory(error)
			     : pga_leave_keep(plan, pga_text_string(&what),
					      "changed since it was hardened", "", error);
	pga_text_free(&what);
	return result;
}

int pga_uninstall_unharden(struct pga_uninstall *plan, const char *path, struct pga_text *bytes,
			   struct pga_text *what, struct pga_error *error)
{
	struct pga_harden_records records = {.count = 0};
	int result = read_records(&records, error);

	for (size_t i = 0; result == 0 && i < records.count; i++) {
		const struct pga_harden_record *record = &records.records[i];
		struct pga_unhardening item = {.name = NULL};

		if (!pga_harden_record_is_of(record, path) ||
		    pga_harden_record_find(&records, path, record->name) != record)
			continue;
		result = pga_harden_record_put_back(record, bytes, &item, error);
		if (result == 0 && item.state == PGA_UNHARDEN_RESTORED && !item.already)
			pga_text_addf(what, "%s%s as it was before it was hardened",
				      what->length > 0 ? ", " : "service ", record->name);
		else if (result == 0 && item.state == PGA_UNHARDEN_CHANGED)
			result = keep(plan, record, error);
		pga_unhardening_free(&item);
	}
	pga_harden_records_free(&records);
	return result;
}
