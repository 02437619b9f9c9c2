#include "profile/directory.h"

#include "base/text.h"
#include "policy/system_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* alphasort(3) goes by the language. */
static int by_bytes(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static bool ends(const char *name, const char *suffix)
{
	const size_t length = strlen(name);
	const size_t end = strlen(suffix);

	return name[0] != '.' && length > end && strcmp(name + length - end, suffix) == 0;
}

int pga_profile_directory(const char *directory, const char *suffix, const char *stake,
			  pga_take_profile_file *take, void *context, struct pga_error *error)
{
	struct dirent **entries = NULL;
	int result = pga_system_check_ownership(directory, stake, error);
	int count = 0;

	if (result == 0) {
		count = scandir(directory, &entries, NULL, by_bytes);
		if (count < 0 && errno != ENOENT)
			result = pga_fail_errno(error, "every file in it has to be readable",
						"could not read %s", directory);
	}
	for (int i = 0; i < count; i++) {
		struct pga_text path = PGA_TEXT_EMPTY;

		pga_text_addf(&path, "%s/%s", directory, entries[i]->d_name);
		if (path.failed)
			result = pga_fail_memory(error);
		if (result == 0 && ends(entries[i]->d_name, suffix))
			result = pga_system_check_ownership(pga_text_string(&path), stake, error);
		if (result == 0 && ends(entries[i]->d_name, suffix))
			result = take(context, pga_text_string(&path), error);
		pga_text_free(&path);
		free(entries[i]);
	}
	free(entries);
	return result;
}
