#include "base/transaction.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pga_transaction_put(struct pga_transaction_file *file, struct pga_error *error)
{
	if (file->after.failed)
		return pga_fail_memory(error);
	file->change = file->edit.existed ? PGA_CHANGED : PGA_CREATED;
	return 0;
}

static int stage(struct pga_transaction_file *file, struct pga_error *error)
{
	if (file->change == PGA_UNCHANGED || file->change == PGA_REMOVED)
		return 0;
	return pga_edit_stage(&file->edit, pga_text_string(&file->after), file->after.length,
			      error);
}

static int commit(struct pga_transaction_file *file, struct pga_error *error)
{
	if (file->change == PGA_UNCHANGED)
		return 0;
	file->made = file->edit.made.count;
	if (file->change == PGA_REMOVED && unlink(file->edit.path) != 0)
		return pga_fail_errno(error, "nothing was changed", "cannot remove %s",
				      file->edit.path);
	if (file->change != PGA_REMOVED && pga_edit_commit(&file->edit, error) != 0)
		return -1;
	file->committed = true;
	return 0;
}

/* A commit keeps the folders that were made for it. */
static void remove_folders(const char *innermost, size_t count)
{
	char *path = strdup(innermost);
	char *at = path;

	for (; at != NULL && count > 0; count--) {
		(void)rmdir(at);
		at = dirname(at);
	}
	free(path);
}

/* Brings back what the file was before its commit, by an edit of its own: this process has the
 * folder's lock still. The error that led here is the one to tell of. */
static void take_back(const struct pga_transaction_file *file)
{
	struct pga_edit edit;
	struct pga_error error;

	if (file->change == PGA_CREATED) {
		(void)unlink(file->edit.path);
		remove_folders(file->edit.folder, file->made);
		return;
	}
	if (pga_edit_begin(&edit, file->edit.path, file->edit.mode, &error) != 0)
		return;
	if (pga_edit_stage(&edit, pga_text_string(&file->edit.before), file->edit.before.length,
			   &error) == 0)
		(void)pga_edit_commit(&edit, &error);
	pga_edit_end(&edit);
}

int pga_transaction_stage(struct pga_transaction_file *const *files, size_t count,
			  struct pga_error *error)
{
	for (size_t i = 0; i < count; i++)
		if (stage(files[i], error) != 0)
			return -1;
	return 0;
}

int pga_transaction_commit(struct pga_transaction_file *const *files, size_t count,
			   struct pga_error *error)
{
	for (size_t i = 0; i < count; i++) {
		if (commit(files[i], error) == 0)
			continue;
		while (i-- > 0)
			if (files[i]->committed)
				take_back(files[i]);
		return -1;
	}
	return 0;
}

int pga_transaction_write(struct pga_transaction_file *const *files, size_t count,
			  struct pga_error *error)
{
	return pga_transaction_stage(files, count, error) == 0
		   ? pga_transaction_commit(files, count, error)
		   : -1;
}

void pga_transaction_end(struct pga_transaction_file *file)
{
	pga_edit_end(&file->edit);
	pga_text_free(&file->after);
}
