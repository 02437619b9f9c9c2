#include "base/userfile.h"

#include "base/file.h"
#include "base/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_same_path(const char *a, const char *b)
{
	return a != NULL && b != NULL ? strcmp(a, b) == 0 : a == b;
}

/* What another file said counts no more. */
static void keep(struct pga_user_file *file, const struct pga_user_file *before)
{
	if (before == NULL || !is_same_path(file->path, before->path))
		return;
	file->found = before->found;
	pga_text_add_bytes(&file->content, before->content.bytes, before->content.length);
}

int pga_user_file_read(struct pga_user_file *file, const char *name,
		       const struct pga_user_file *before, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	bool found;

	memset(file, 0, sizeof *file);
	file->stamp = pga_file_identity_of(NULL);
	file->path = pga_user_config(name);
	/* A process without a home has no file of the user's; one that cannot find out does not
	 * know. */
	if (file->path == NULL)
		return errno == ENOENT ? 0 : pga_fail_home(error);
	keep(file, before);
	if (pga_user_config_is_out_of_reach(file->path))
		return file->content.failed ? pga_fail_memory(error) : 0;
	if (pga_file_read_stamped(file->path, &content, &found, &file->stamp, error) != 0) {
		pga_text_free(&content);
		return -1;
	}
	pga_text_free(&file->content);
	file->content = content;
	file->found = found;
	return 0;
}

bool pga_user_file_is_fresh(const struct pga_user_file *file, const char *name)
{
	char *path = pga_user_config(name);
	struct pga_file_identity now = pga_file_identity_of(path);
	const bool fresh =
	    is_same_path(path, file->path) && pga_file_identity_proves_same(&file->stamp, &now);

	free(path);
	return fresh;
}

void pga_user_file_free(struct pga_user_file *file)
{
	free(file->path);
	pga_text_free(&file->content);
	memset(file, 0, sizeof *file);
}
