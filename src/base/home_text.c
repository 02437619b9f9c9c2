#include "base/home_text.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The home, where the message has it and a shell of the user's would make it of ~; else NULL. The
 * password database, which may be a server's, is asked last. */
static const char *own_home(const char *message)
{
	const char *home = getenv("HOME");
	const struct passwd *entry;

	if (home == NULL || home[0] != '/' || home[strlen(home) - 1] == '/' ||
	    strstr(message, home) == NULL || geteuid() == 0)
		return NULL;
	entry = getpwuid(geteuid());
	return entry != NULL && strcmp(home, entry->pw_dir) == 0 ? home : NULL;
}

void pga_text_add_home_short(struct pga_text *text, const char *message)
{
	const char *home = own_home(message);
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
