/* The services that have a drop-in called as ours. */
#include "preload/enable.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ending[] = ".service.d";

static bool ends_in(const char *name, const char *end)
{
	const size_t length = strlen(name);

	return length >= strlen(end) && strcmp(name + length - strlen(end), end) == 0;
}

/* The service's name, where this is the name of a directory of drop-ins, and ours is in it; else
 * NULL. Returns -1 where that cannot be told. */
static int service_of(enum pga_way way, const char *root, const char *name, char **service,
		      struct pga_error *error)
{
	char *found = ends_in(name, ending) ? strndup(name, strlen(name) - strlen(".d")) : NULL;
	struct pga_activation file;
	struct pga_error ignored;
	struct stat status;
	int result = 0;

	*service = NULL;
	/* What is no service's name has no drop-in of ours. */
	if (found == NULL || pga_activation_find(&file, way, root, found, &ignored) != 0) {
		free(found);
		return 0;
	}
	if (lstat(file.path, &status) == 0)
		*service = found;
	else if (errno != ENOENT && errno != ENOTDIR)
		result =
		    pga_fail_errno(error, "nothing was changed", "could not look at %s", file.path);
	if (*service == NULL)
		free(found);
	pga_activation_end(&file);
	return result;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The types of units that are no service (systemd.unit(5)). */
static const char *const other_types[] = {".automount", ".device", ".mount", ".path",   ".scope",
					  ".slice",     ".socket", ".swap",  ".target", ".timer"};

char *pga_unit_name(const char *unit, struct pga_error *error)
{
	/* systemd.unit(5), and the type behind the last dot. */
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
	const size_t length = unit != NULL ? strlen(unit) : 0;
	struct pga_text name = PGA_TEXT_EMPTY;
	char *made;

	if (length == 0 || length > 200 || unit[0] == '.' || unit[0] == '@' ||
	    unit[strspn(unit, letters)] != '\0') {
		(void)pga_fail(error, "systemctl list-units --type=service lists them",
			       "%s: not the name of a service", unit != NULL ? unit : "");
		return NULL;
	}
	for (size_t i = 0; i < sizeof other_types / sizeof other_types[0]; i++)
		if (ends_in(unit, other_types[i])) {
			(void)pga_fail(
			    error, "name the service that it belongs to; nothing was changed",
			    "%s: not a service: it starts no program with an environment", unit);
			return NULL;
		}
	pga_text_addf(&name, "%s%s", unit, ends_in(unit, ".service") ? "" : ".service");
	made = pga_text_take(&name);
	if (made == NULL)
		(void)pga_fail_memory(error);
	return made;
}

/* Adds the name, which becomes the list's. */
static int add_name(char ***names, size_t *count, char *name, struct pga_error *error)
{
	char **grown = reallocarray(*names, *count + 1, sizeof **names);

	if (grown == NULL) {
		free(name);
		return pga_fail_memory(error);
	}
	*names = grown;
	grown[(*count)++] = name;
	return 0;
}

/* Reads the directory entry by entry, not by a pattern: it may be called anything. */
static int read_directory(enum pga_way way, const char *root, const char *path, char ***names,
			  size_t *count, struct pga_error *error)
{
	DIR *opened = opendir(path);
	const struct dirent *entry;
	int result = 0;

	if (opened == NULL)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : pga_fail_errno(error, "nothing was changed", "could not read %s",
					    path);
	for (errno = 0; result == 0 && (entry = readdir(opened)) != NULL; errno = 0) {
		char *name = NULL;

		result = service_of(way, root, entry->d_name, &name, error);
		if (name != NULL)
			result = add_name(names, count, name, error);
	}
	if (result == 0 && errno != 0)
		result = pga_fail_errno(error, "nothing was changed", "could not read %s", path);
	(void)closedir(opened);
	return result;
}

int pga_activation_units(enum pga_way way, const char *root, char ***names, size_t *count,
			 struct pga_error *error)
{
	struct pga_activation any;
	int result;

	*names = NULL;
	*count = 0;
	if (pga_activation_find(&any, way, root, "any", error) != 0)
		return -1;
	result = read_directory(way, root, dirname(dirname(any.path)), names, count, error);
	if (*count > 0)
		qsort(*names, *count, sizeof **names, by_name);
	pga_activation_end(&any);
	return result;
}
