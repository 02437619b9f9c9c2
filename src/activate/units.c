/* The services that have a drop-in called as ours. */
#include "activate/switch.h"

#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

/* The folder's name without ".d": the service's. */
static char *service_of(char *path)
{
	char *name = strdup(basename(dirname(path)));
	size_t length = name != NULL ? strlen(name) : 0;

	if (length > 2 && strcmp(name + length - 2, ".d") == 0)
		name[length - 2] = '\0';
	return name;
}

char **pga_switch_units(enum pga_way way, const char *root, size_t *count)
{
	struct pga_switch any;
	struct pga_error ignored;
	struct pga_text pattern = PGA_TEXT_EMPTY;
	glob_t found = {0};
	char **names = NULL;

	*count = 0;
	if (pga_switch_find(&any, way, root, "any", &ignored) != 0)
		return NULL;
	pga_text_addf(&pattern, "%s/*.service.d/pganchor.conf", dirname(dirname(any.path)));
	if (!pattern.failed && glob(pga_text_string(&pattern), 0, NULL, &found) == 0)
		names = calloc(found.gl_pathc, sizeof *names);
	for (size_t i = 0; names != NULL && i < found.gl_pathc; i++) {
		names[*count] = service_of(found.gl_pathv[i]);
		if (names[*count] != NULL)
			(*count)++;
	}
	globfree(&found);
	pga_text_free(&pattern);
	pga_switch_end(&any);
	return names;
}
