#include "base/home_text.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The home, of which a shell of the user's would make ~; NULL where that is not sure. */
static const char *own_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *entry = geteuid() != 0 ? getpwuid(geteuid()) : NULL;

	if (home == NULL || entry == NULL || home[0] != '/' || strcmp(home, entry->pw_dir) != 0 ||
	    home[strlen(home) - 1] == '/')
		return NULL;
	return home;
}

void pga_text_add_home_short(struct pga_text *text, const char *message)
{
	const char *home = own_home();
	const char *at = message;
	const char *found;

	while (home != NULL && (found = strstr(at, home)) != NULL) {
		const size_t length = strlen(home);
		const char end = found[length];
		const bool begins = found == message || strchr(" \t\n(", found[-1]) != NULL;
		const bool ends = end == '\0' || strchr("/ \t\n),;:", end) != NULL;

		pga_text_add_bytes(text, at, (size_t)(found - at));
		if (begins && ends)
			pga_text_add(text, "~");
		else
			pga_text_add_bytes(text, found, length);
		at = found + length;
	}
	pga_text_add(text, at);
}
