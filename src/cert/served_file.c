#include "cert/served_file.h"

#include "base/transaction.h"

#include <stdlib.h>
#include <string.h>

/* bytes NULL: it goes. before, existed and changed get what was and was done; each may be NULL. */
static int write_file(const char *path, const struct pga_text *bytes, struct pga_text *before,
		      bool *existed, bool *changed, struct pga_error *error)
{
	struct pga_transaction_file file = {.committed = false};
	struct pga_transaction_file *const files[1] = {&file};
	int result = pga_edit_begin(&file.edit, path, 0600, error);

	if (result != 0)
		return -1;
	/* What stands there is the server's: uninstall is not to look for it. */
	file.edit.unnoted = true;
	if (before != NULL) {
		pga_text_add_bytes(before, pga_text_string(&file.edit.before),
				   file.edit.before.length);
		*existed = file.edit.existed;
		if (before->failed)
			result = pga_fail_memory(error);
	}
	if (result == 0 && bytes != NULL) {
		pga_text_add_bytes(&file.after, pga_text_string(bytes), bytes->length);
		result = pga_transaction_put(&file, error);
	} else if (result == 0) {
		file.change = file.edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
	}
	if (result == 0)
		result = pga_transaction_write(files, 1, error);
	if (result == 0 && changed != NULL)
		*changed = file.change != PGA_UNCHANGED;
	pga_transaction_end(&file);
	return result;
}

int pga_served_file_put(const struct pga_cluster *cluster, const char *name,
			const struct pga_text *bytes, struct pga_served_file *file,
			struct pga_error *error)
{
	memset(file, 0, sizeof *file);
	file->path = pga_cluster_file(cluster, name);
	if (file->path == NULL)
		return pga_fail_memory(error);
	return write_file(file->path, bytes, &file->before, &file->existed, &file->written, error);
}

int pga_served_file_take_back(struct pga_served_file *file, struct pga_error *error)
{
	if (!file->written)
		return 0;
	file->written = false;
	return write_file(file->path, file->existed ? &file->before : NULL, NULL, NULL, NULL,
			  error);
}

void pga_served_file_free(struct pga_served_file *file)
{
	free(file->path);
	pga_text_free(&file->before);
	memset(file, 0, sizeof *file);
}
