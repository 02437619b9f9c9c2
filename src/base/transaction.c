#include "base/transaction.h"

#include "base/cleanup.h"
#include "base/manifest.h"

#include <signal.h>

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
	if (pga_edit_apply(&file->edit, file->change == PGA_REMOVED, error) != 0)
		return -1;
	file->committed = true;
	return 0;
}

/* The error that led here is the one to tell of, and with it the file that stays changed. */
static void take_back(struct pga_transaction_file *file, struct pga_error *error)
{
	struct pga_error why;
	struct pga_error both;

	if (!file->committed)
		return;
	file->committed = false;
	if (pga_edit_take_back(&file->edit, &why) == 0)
		return;
	file->committed = true;
	(void)pga_fail(&both, "look at both files", "%s; and %s stays as it was changed before: %s",
		       error->message, file->edit.path, why.message);
	*error = both;
}

static int commit_all(struct pga_transaction_file *const *files, size_t count,
		      struct pga_error *error)
{
	for (size_t i = 0; i < count; i++) {
		if (commit(files[i], error) == 0)
			continue;
		while (i-- > 0)
			take_back(files[i], error);
		return -1;
	}
	return 0;
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
	struct pga_noting noting = {.home = NULL};
	sigset_t signals;
	int result;

	/* A signal comes before all of them or behind. */
	pga_signals_hold(&signals);
	for (size_t i = 0; i < count; i++)
		if (files[i]->change == PGA_CREATED || files[i]->change == PGA_CHANGED)
			pga_noting_add(&noting, &files[i]->edit);
	pga_noting_write(&noting);
	result = commit_all(files, count, error);
	for (size_t i = 0; i < count; i++)
		if (files[i]->committed)
			pga_edit_keep(&files[i]->edit);
	pga_noting_end(&noting, result == 0);
	pga_signals_release(&signals);
	return result;
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
