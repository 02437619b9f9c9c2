/* The services that have a drop-in called as ours. */
#include "activate/switch.h"

#include <dirent.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ending[] = ".service.d";

/* The service's name, where this is the name of a folder of drop-ins, and ours is in it; else NULL.
 */
static char *service_of(const char *folder, const char *name)
{
	const size_t length = strlen(name);
	struct pga_text path = PGA_TEXT_EMPTY;
	char *service = NULL;

	if (length < sizeof ending || strcmp(name + length - (sizeof ending - 1), ending) != 0)
		return NULL;
	pga_text_addf(&path, "%s/%s/pganchor.conf", folder, name);
	if (!path.failed && access(path.bytes, F_OK) == 0)
		service = strndup(name, length - strlen(".d"));
	pga_text_free(&path);
	return service;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Read entry by entry, not by a pattern: root may be called anything. */
char **pga_switch_units(enum pga_way way, const char *root, size_t *count)
{
	struct pga_switch any;
	struct pga_error ignored;
	const char *folder;
	const struct dirent *entry;
	DIR *opened;
	char **names = NULL;

	*count = 0;
	if (pga_switch_find(&any, way, root, "any", &ignored) != 0)
		return NULL;
	folder = dirname(dirname(any.path));
	opened = opendir(folder);
	while (opened != NULL && (entry = readdir(opened)) != NULL) {
		char *name = service_of(folder, entry->d_name);
		char **grown = name != NULL ? reallocarray(names, *count + 1, sizeof *names) : NULL;

		if (grown == NULL) {
			free(name);
			continue;
		}
		names = grown;
		names[(*count)++] = name;
	}
	if (opened != NULL)
		(void)closedir(opened);
	if (*count > 0)
		qsort(names, *count, sizeof *names, by_name);
	pga_switch_end(&any);
	return names;
}
