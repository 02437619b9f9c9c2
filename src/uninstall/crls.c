/* The CRLs that pganchor has put in place: crls.conf, those of root.crl, the files of anchors, and
 * the sslcrl of the entries that name them. */
#include "uninstall/plan.h"

#include "anchor/crls.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/path.h"
#include "base/paths.h"
#include "service/rewrite.h"

#include <stdlib.h>
#include <string.h>

static bool is_in(const struct pga_crl_record *record, const struct pga_crl_record *first)
{
	return record->scoped == first->scoped &&
	       (!first->scoped || strcmp(record->anchor, first->anchor) == 0);
}

static int keep(struct pga_uninstall *plan, const char *path, const struct pga_crl_record *record,
		struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&what, "%s: the CRL of %s", path, record->issuer);
	result = what.failed
		     ? pga_fail_memory(error)
		     : pga_leave_keep(plan, pga_text_string(&what),
				      "it is not what pganchor has put there any more", "", error);
	pga_text_free(&what);
	return result;
}

static int put_rest(struct pga_uninstall *plan, struct pga_leave_file *file,
		    const struct pga_crl_block *blocks, size_t count, const struct pga_text *rest,
		    struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++) {
		if (blocks[i].pem == NULL)
			result = keep(plan, file->file.edit.path, blocks[i].record, error);
		else
			pga_text_addf(&what, "%s%s", what.length > 0 ? ", " : "CRL ",
				      blocks[i].record->name);
	}
	if (result == 0 && what.failed)
		result = pga_fail_memory(error);
	if (result == 0 && what.length > 0)
		result = pga_leave_put(plan, file, rest, pga_text_string(&what), error);
	pga_text_free(&what);
	return result;
}

/* Those of the file that the first of them is in. Returns how many. */
static size_t choose(const struct pga_crls *crls, const struct pga_crl_record *first,
		     struct pga_crl_block *blocks)
{
	size_t count = 0;

	for (size_t i = 0; i < crls->count; i++)
		if (is_in(&crls->records[i], first))
			blocks[count++].record = &crls->records[i];
	return count;
}

/* All of the file that the first of them is in. */
static int plan_file(struct pga_uninstall *plan, const struct pga_crls *crls,
		     const struct pga_crl_record *first, struct pga_error *error)
{
	struct pga_crl_block *blocks = calloc(crls->count, sizeof *blocks);
	struct pga_text rest = PGA_TEXT_EMPTY;
	struct pga_leave_file *file = NULL;
	char *path = pga_crl_path(first, error);
	size_t count = 0;
	int result = -1;

	if (blocks == NULL)
		(void)pga_fail_memory(error);
	else
		count = choose(crls, first, blocks);
	if (path != NULL && blocks != NULL)
		result = pga_leave_open(plan, path, &file, error);
	if (result == 0 && file != NULL) {
		file->rank = PGA_RANK_CRLS;
		result = pga_crl_blocks_cut(&file->file.edit.before, blocks, count, &rest, error);
		if (result == 0)
			result = put_rest(plan, file, blocks, count, &rest, error);
	}
	for (size_t i = 0; blocks != NULL && i < count; i++)
		free(blocks[i].pem);
	free(blocks);
	free(path);
	pga_text_free(&rest);
	return result;
}

static bool is_first(const struct pga_crls *crls, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_in(&crls->records[i], &crls->records[index]))
			return false;
	return true;
}

int pga_uninstall_plan_crls(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_crls crls;
	int result = pga_crls_read(&crls, error);

	/* Those of anchors first, and root.crl: the order in which crl locks their directories. */
	for (int root = 0; root < 2; root++)
		for (size_t i = 0; i < crls.count && result == 0; i++)
			if (crls.records[i].scoped == (root == 0) && is_first(&crls, i))
				result = plan_file(plan, &crls, &crls.records[i], error);
	if (result == 0)
		result = pga_leave_take(plan, pga_user_config(PGA_CRLS_FILE), "", error);
	pga_crls_free(&crls);
	return result;
}

/* The name of the first entry that has this file as its sslcrl; NULL: none. The caller frees it. */
static char *entry_with(const struct pga_text *bytes, const char *path)
{
	struct pga_ini_reader reader =
	    pga_ini_start(pga_text_string(bytes), bytes->length, PGA_INI_PGSERVICE);
	struct pga_ini_span name = {NULL, 0};
	struct pga_ini_line line;

	while (pga_ini_next(&reader, &line)) {
		if (line.kind == PGA_INI_SECTION)
			name = line.name;
		else if (line.kind == PGA_INI_SETTING && name.bytes != NULL &&
			 pga_ini_equals(line.name, "sslcrl") && pga_ini_equals(line.value, path))
			return pga_ini_copy(name);
	}
	return NULL;
}

static int unbind(struct pga_text *bytes, const char *path, struct pga_text *what,
		  struct pga_error *error)
{
	char *name;

	while ((name = entry_with(bytes, path)) != NULL) {
		struct pga_service_edit edit;
		const size_t before = bytes->length;
		int result = pga_service_set(pga_text_string(bytes), before, name, "sslcrl", NULL,
					     &edit, error);

		if (result == 0) {
			pga_text_free(bytes);
			*bytes = edit.bytes;
			edit.bytes = (struct pga_text)PGA_TEXT_EMPTY;
			pga_text_addf(what, "%ssslcrl of %s", what->length > 0 ? ", " : "", name);
		}
		pga_service_edit_free(&edit);
		free(name);
		if (result != 0)
			return -1;
		/* A later entry of the same name, which libpq never reads. */
		if (bytes->length == before)
			return 0;
	}
	return 0;
}

/* Whether nothing of the user's is in the file, so that it goes. */
static int look_what_stays(const struct pga_crls *crls, const struct pga_crl_record *first,
			   const char *path, bool *goes, struct pga_error *error)
{
	struct pga_crl_block *blocks = calloc(crls->count, sizeof *blocks);
	struct pga_text before = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	size_t count = 0;
	bool found;
	int result = -1;

	if (blocks == NULL) {
		(void)pga_fail_memory(error);
	} else {
		count = choose(crls, first, blocks);
		result = pga_file_read(path, &before, &found, error);
	}
	if (result == 0)
		result = pga_crl_blocks_cut(&before, blocks, count, &rest, error);
	*goes = rest.length == 0;
	for (size_t i = 0; i < count; i++)
		free(blocks[i].pem);
	free(blocks);
	pga_text_free(&before);
	pga_text_free(&rest);
	return result;
}

int pga_uninstall_unbind_crls(struct pga_text *bytes, struct pga_text *what,
			      struct pga_error *error)
{
	struct pga_crls crls;
	int result = pga_crls_read(&crls, error);

	for (size_t i = 0; i < crls.count && result == 0; i++) {
		bool goes;
		char *path;

		if (!crls.records[i].scoped || !is_first(&crls, i))
			continue;
		path = pga_crl_path(&crls.records[i], error);
		result = path != NULL ? look_what_stays(&crls, &crls.records[i], path, &goes, error)
				      : -1;
		if (result == 0 && goes)
			result = unbind(bytes, path, what, error);
		free(path);
	}
	pga_crls_free(&crls);
	return result;
}
