#include "diagnose/quiet_libpq.h"

#include "base/paths.h"
#include "base/terminal.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether libpq would say a word of this one (passwordFromFile()). */
static bool is_warned_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 &&
	       (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0);
}

static bool would_warn(void)
{
	const char *named = getenv("PGPASSFILE");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_home();
	bool would = named != NULL && is_warned_of(named);

	if (home != NULL && !would) {
		pga_text_addf(&path, "%s/.pgpass", home);
		would = is_warned_of(pga_text_string(&path));
	}
	pga_text_free(&path);
	free(home);
	return would;
}

struct pga_quiet pga_quiet_begin(void)
{
	struct pga_quiet quiet = {-1, strlen(pga_warnings())};
	int nowhere;

	if (!would_warn())
		return quiet;
	(void)fflush(stderr);
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	quiet.error = nowhere >= 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
	if (quiet.error >= 0)
		(void)dup2(nowhere, STDERR_FILENO);
	if (nowhere >= 0)
		(void)close(nowhere);
	return quiet;
}

void pga_quiet_end(const struct pga_quiet *quiet)
{
	if (quiet->error < 0)
		return;
	(void)fflush(stderr);
	(void)dup2(quiet->error, STDERR_FILENO);
	(void)close(quiet->error);
	if (strlen(pga_warnings()) > quiet->warned)
		pga_print(stderr, "%s", pga_warnings() + quiet->warned);
}
