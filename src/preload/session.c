#include "preload/session.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool pga_user_session_runs(void)
{
	const char *directory = getenv("XDG_RUNTIME_DIR");
	struct pga_text path = PGA_TEXT_EMPTY;
	bool runs;

	if (directory != NULL && directory[0] == '/')
		pga_text_addf(&path, "%s/systemd/private", directory);
	else
		pga_text_addf(&path, "/run/user/%lu/systemd/private", (unsigned long)getuid());
	runs = access(pga_text_string(&path), F_OK) == 0;
	pga_text_free(&path);
	return runs;
}

bool pga_log_is_heard(void)
{
	const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
	const int end = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool heard;

	if (end < 0)
		return false;
	heard = connect(end, (const struct sockaddr *)&address, sizeof address) == 0;
	(void)close(end);
	return heard;
}

/* Whether the file has this line, with blanks around it at the most. */
static bool has_line(const char *path, const char *line)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	bool found;
	bool has = false;

	if (pga_file_read(path, &content, &found, &ignored) == 0)
		for (const char *at = pga_text_string(&content); *at != '\0' && !has;
		     at += strspn(at, "\n")) {
			const char *word = at + strspn(at, " \t");
			size_t length = strcspn(word, " \t\n");

			has = length == strlen(line) && strncmp(word, line, length) == 0;
			at += strcspn(at, "\n");
		}
	pga_text_free(&content);
	return has;
}

/* Without memory the path stays empty, and so that of no file. */
static void add_below(struct pga_text *text, const char *root, const char *path)
{
	pga_text_addf(text, "%s%s", root != NULL ? root : "", path);
}

bool pga_x_sessions_lose_preload(const char *root)
{
	struct pga_text script = PGA_TEXT_EMPTY;
	struct pga_text options = PGA_TEXT_EMPTY;
	struct pga_text agent = PGA_TEXT_EMPTY;
	struct stat status;
	bool lose;

	add_below(&script, root, "/etc/X11/Xsession.d/90x11-common_ssh-agent");
	add_below(&options, root, "/etc/X11/Xsession.options");
	add_below(&agent, root, "/usr/bin/ssh-agent");
	lose = access(pga_text_string(&script), F_OK) == 0 &&
	       has_line(pga_text_string(&options), "use-ssh-agent") &&
	       stat(pga_text_string(&agent), &status) == 0 && (status.st_mode & S_ISGID) != 0;
	pga_text_free(&script);
	pga_text_free(&options);
	pga_text_free(&agent);
	return lose;
}

char *pga_find_musl(const char *root)
{
	struct pga_text directory = PGA_TEXT_EMPTY;
	struct pga_text path = PGA_TEXT_EMPTY;
	const struct dirent *entry;
	bool found = false;
	DIR *opened;

	add_below(&directory, root, "/lib");
	opened = opendir(pga_text_string(&directory));
	while (opened != NULL && !found && (entry = readdir(opened)) != NULL) {
		found = fnmatch("ld-musl-*.so.1", entry->d_name, 0) == 0;
		if (found)
			pga_text_addf(&path, "%s/%s", pga_text_string(&directory), entry->d_name);
	}
	if (opened != NULL)
		(void)closedir(opened);
	pga_text_free(&directory);
	return found ? pga_text_take(&path) : NULL;
}
