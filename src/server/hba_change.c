#include "server/hba_change.h"

#include "server/hba_sql.h"

#include <stdlib.h>
#include <string.h>

int pga_hba_find(struct pga_hba_server *server, struct pga_hba_tree *tree, struct pga_error *error)
{
	char *path = pga_hba_server_ask(server, "SHOW hba_file", error);
	int result = path != NULL ? 0 : -1;

	if (result == 0)
		result = pga_hba_tree_read(tree, &server->source, path, server->version, error);
	free(path);
	return result;
}

static int stage(struct pga_hba_change *change, size_t part, struct pga_error *error)
{
	struct pga_transaction_file *file = &change->files[part];
	const struct pga_text *read = &change->tree->parts[part].file.bytes;
	const char *path = change->tree->parts[part].path;

	if (file->change != PGA_CHANGED)
		return 0;
	if (pga_edit_begin(&file->edit, path, 0600, error) != 0)
		return -1;
	file->edit.unnoted = true;
	if (file->edit.before.length != read->length ||
	    memcmp(pga_text_string(&file->edit.before), pga_text_string(read), read->length) != 0)
		return pga_fail(error, "start again; nothing was changed",
				"%s: another program has changed it meanwhile", path);
	return pga_edit_stage(&file->edit, pga_text_string(&file->after), file->after.length,
			      error);
}

/* What libpq has said already is no file's name. */
static int write_by_sql(struct pga_hba_change *change, size_t part, struct pga_error *error)
{
	struct pga_transaction_file *file = &change->files[part];
	const struct pga_hba_part *own = &change->tree->parts[part];
	struct pga_error why;

	if (file->change != PGA_CHANGED)
		return 0;
	file->committed = true; /* whatever comes of it: in place, it can be a part of it */
	if (pga_hba_sql_write(change->server->session, own->path, &own->file.bytes, &file->after,
			      error) == 0)
		return 0;
	why = *error;
	return pga_fail(error, why.hint, "%s: %s", own->path, why.message);
}

int pga_hba_change_write(struct pga_hba_change *change, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0;
	     result == 0 && change->server->service != NULL && i < change->tree->part_count; i++)
		result = write_by_sql(change, i, error);
	if (change->server->service != NULL)
		return result;
	for (size_t i = 0; result == 0 && i < change->tree->part_count; i++)
		result = stage(change, i, error);
	for (size_t i = 0; result == 0 && i < change->tree->part_count; i++) {
		struct pga_transaction_file *file = &change->files[i];

		if (file->change != PGA_CHANGED)
			continue;
		result = pga_edit_apply(&file->edit, false, error);
		file->committed = result == 0;
	}
	return result;
}

int pga_hba_change_load(struct pga_hba_change *change, struct pga_error *error)
{
	change->loaded = true;
	return pga_cluster_reload(change->server->session, error);
}

/* Over SQL, what is neither the old file nor the new one is a part of the new one, or somebody
 * else's. */
static int put_back_by_sql(struct pga_hba_change *change, size_t part, struct pga_error *error)
{
	const struct pga_hba_part *own = &change->tree->parts[part];
	struct pga_text now = PGA_TEXT_EMPTY;
	bool found = false;
	int result = change->server->source.read(change->server->source.context, own->path, &now,
						 &found, error);
	const struct pga_text *after = &change->files[part].after;

	if (result == 0 && now.length == own->file.bytes.length &&
	    memcmp(pga_text_string(&now), pga_text_string(&own->file.bytes), now.length) == 0)
		(void)0;
	else if (result == 0 && now.length <= after->length &&
		 memcmp(pga_text_string(&now), pga_text_string(after), now.length) == 0)
		result = pga_hba_sql_write(change->server->session, own->path, &now,
					   &own->file.bytes, error);
	else if (result == 0)
		result = pga_fail(error, NULL, "another program has changed it since");
	pga_text_free(&now);
	return result;
}

static int put_back(struct pga_hba_change *change, size_t part, struct pga_error *error)
{
	return change->server->service != NULL
		   ? put_back_by_sql(change, part, error)
		   : pga_edit_take_back(&change->files[part].edit, error);
}

int pga_hba_change_put_back(struct pga_hba_change *change, const char *what,
			    struct pga_error *error)
{
	struct pga_error first = *error;
	struct pga_error why;
	struct pga_text hint = PGA_TEXT_EMPTY;

	for (size_t i = change->tree->part_count; i-- > 0;) {
		struct pga_transaction_file *file = &change->files[i];

		if (!file->committed)
			continue;
		if (put_back(change, i, &why) == 0)
			file->committed = false;
		else
			pga_text_addf(&hint, "what stays: %s (%s). ", change->tree->parts[i].path,
				      why.message);
	}
	if (change->loaded && pga_cluster_reload(change->server->session, &why) != 0)
		pga_text_addf(&hint, "what stays: the rules that it has loaded (%s). ",
			      why.message);
	if (hint.length == 0)
		pga_text_add(&hint, "all was put back as it was");
	(void)pga_fail(error, pga_text_string(&hint), "%s: %s", what, first.message);
	pga_text_free(&hint);
	return -1;
}

void pga_hba_change_keep(struct pga_hba_change *change)
{
	for (size_t i = 0; i < change->tree->part_count; i++)
		if (change->files[i].committed && change->server->service == NULL)
			pga_edit_keep(&change->files[i].edit);
}
