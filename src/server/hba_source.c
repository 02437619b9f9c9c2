/* Files of rules on this machine. */
#include "server/hba_tree.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int read_local(void *context, const char *path, struct pga_text *bytes, bool *found,
		      struct pga_error *error)
{
	(void)context;
	return pga_file_read(path, bytes, found, error);
}

static int list_local(void *context, const char *path, struct pga_text *names,
		      struct pga_error *error)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	struct stat status;

	(void)context;
	if (directory == NULL)
		return pga_fail(error, NULL, "could not read directory %s: %s", path,
				strerror(errno));
	while ((entry = readdir(directory)) != NULL)
		if (fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 &&
		    !S_ISDIR(status.st_mode))
			pga_text_add_bytes(names, entry->d_name, strlen(entry->d_name) + 1);
	(void)closedir(directory);
	return names->failed ? pga_fail_memory(error) : 0;
}

const struct pga_hba_source pga_hba_local = {.read = read_local, .list = list_local};
