#include "base/places.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

char *pga_home(void)
{
	const char *home = getenv("HOME");
	struct passwd entry;
	struct passwd *found = NULL;
	char buffer[4096];
	int failed;

	if (home != NULL && home[0] != '\0')
		return strdup(home);
	failed = getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found);
	if (failed != 0 || found == NULL) {
		errno = failed != 0 ? failed : ENOENT;
		return NULL;
	}
	return strdup(found->pw_dir);
}

/* The text, or NULL with errno set. */
static char *taken(struct pga_text *text)
{
	char *bytes = pga_text_take(text);

	if (bytes == NULL)
		errno = ENOMEM;
	return bytes;
}

char *pga_user_config(const char *name)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	if (config != NULL && config[0] == '/') {
		pga_text_addf(&path, "%s/pganchor/%s", config, name);
		return taken(&path);
	}
	home = pga_home();
	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.config/pganchor/%s", home, name);
	free(home);
	return taken(&path);
}
