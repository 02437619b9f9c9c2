#include "diagnose/rotated.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What follows the log's name in that of a rotated one: a number, or the date (dateext), and
 * perhaps what it is compressed with. NULL for another file. */
static const char *suffix_of(const char *name, const char *log)
{
	const size_t length = strlen(log);
	const char *number = name + length + 1;
	size_t digits;

	if (strncmp(name, log, length) != 0 || (name[length] != '.' && name[length] != '-'))
		return NULL;
	digits = strspn(number, "0123456789-");
	if (digits == 0 || (number[digits] != '\0' && number[digits] != '.'))
		return NULL;
	return number + digits;
}

static int add(struct pga_rotated *rotated, const char *path, bool is_plain,
	       struct pga_error *error)
{
	char **grown;

	if (!is_plain) {
		pga_text_addf(&rotated->compressed, "%s%s",
			      rotated->compressed.bytes != NULL ? ", " : "", path);
		return rotated->compressed.failed ? pga_fail_memory(error) : 0;
	}
	grown = reallocarray(rotated->paths, rotated->count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	rotated->paths = grown;
	grown[rotated->count] = strdup(path);
	if (grown[rotated->count] == NULL)
		return pga_fail_memory(error);
	rotated->count++;
	return 0;
}

static int look_at(struct pga_rotated *rotated, int directory, const char *place, const char *name,
		   const char *suffix, time_t since, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	struct stat status;
	int result;

	if (fstatat(directory, name, &status, 0) != 0 || !S_ISREG(status.st_mode) ||
	    status.st_size == 0 || status.st_mtime < since)
		return 0;
	pga_text_addf(&path, "%s/%s", place, name);
	result = path.failed ? pga_fail_memory(error)
			     : add(rotated, pga_text_string(&path), suffix[0] == '\0', error);
	pga_text_free(&path);
	return result;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

int pga_rotated_find(struct pga_rotated *rotated, const char *path, time_t since,
		     struct pga_error *error)
{
	const char *log = strrchr(path, '/') + 1;
	char *place = strndup(path, (size_t)(log - path - 1));
	struct dirent **names = NULL;
	int directory = -1;
	int count = -1;
	int result = -1;

	memset(rotated, 0, sizeof *rotated);
	if (place == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	count = directory >= 0 ? scandir(place, &names, NULL, by_name) : -1;
	if (count < 0) {
		(void)pga_fail_errno(error, "name the file with --file", "could not look into %s",
				     place);
		goto done;
	}
	result = 0;
	for (int i = 0; i < count && result == 0; i++) {
		const char *suffix = suffix_of(names[i]->d_name, log);

		if (suffix != NULL)
			result = look_at(rotated, directory, place, names[i]->d_name, suffix, since,
					 error);
	}
done:
	while (count > 0)
		free(names[--count]);
	free(names);
	if (directory >= 0)
		(void)close(directory);
	free(place);
	return result;
}

void pga_rotated_free(struct pga_rotated *rotated)
{
	while (rotated->count > 0)
		free(rotated->paths[--rotated->count]);
	free(rotated->paths);
	pga_text_free(&rotated->compressed);
	memset(rotated, 0, sizeof *rotated);
}
