#include "base/session_bus.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool pga_has_session_bus(void)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *directory = getenv("XDG_RUNTIME_DIR");
	struct pga_text path = PGA_TEXT_EMPTY;
	struct stat status;
	bool found;

	if (address != NULL && address[0] != '\0')
		return strstr(address, "autolaunch:") == NULL;
	if (directory == NULL || directory[0] != '/')
		return false;
	pga_text_addf(&path, "%s/bus", directory);
	found = stat(pga_text_string(&path), &status) == 0 && S_ISSOCK(status.st_mode);
	pga_text_free(&path);
	return found;
}
