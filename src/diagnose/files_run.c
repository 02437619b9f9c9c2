#include "diagnose/files_run.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct known {
	struct pga_file_number number; /* in front: what is looked for is a number */
	struct pga_binary binary;
};

static int by_number(const void *left, const void *right)
{
	const struct pga_file_number *a = left;
	const struct pga_file_number *b = right;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->device > b->device) - (a->device < b->device);
}

const struct pga_binary *pga_file_run_find(const struct pga_files_run *files,
					   const struct pga_file_number *number)
{
	struct known *const *found = tfind(number, &files->tree, by_number);

	return found != NULL ? &(*found)->binary : NULL;
}

const struct pga_binary *pga_file_run_read(struct pga_files_run *files, const char *path)
{
	const struct pga_binary *found;
	struct pga_file_number number;
	struct known *added;
	struct stat status;

	if (stat(path, &status) != 0)
		return NULL;
	number = (struct pga_file_number){status.st_dev, status.st_ino};
	found = pga_file_run_find(files, &number);
	if (found != NULL)
		return found;
	added = calloc(1, sizeof *added);
	if (added == NULL) {
		files->failed = true;
		return NULL;
	}
	added->number = number;
	if (!pga_binary_read(path, &added->binary))
		pga_binary_free(&added->binary);
	if (tsearch(added, &files->tree, by_number) != NULL)
		return &added->binary;
	pga_binary_free(&added->binary);
	free(added);
	files->failed = true;
	return NULL;
}

static void free_known(void *node)
{
	struct known *known = node;

	pga_binary_free(&known->binary);
	free(known);
}

void pga_files_run_free(struct pga_files_run *files)
{
	tdestroy(files->tree, free_known);
	files->tree = NULL;
}
