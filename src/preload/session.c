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

static char *below(const char *root, const char *path)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s%s", root != NULL ? root : "", path);
	return pga_text_take(&text);
}

bool pga_x_sessions_lose_preload(const char *root)
{
	char *script = below(root, "/etc/X11/Xsession.d/90x11-common_ssh-agent");
	char *options = below(root, "/etc/X11/Xsession.options");
	char *agent = below(root, "/usr/bin/ssh-agent");
	struct stat status;
	const bool lose = script != NULL && options != NULL && agent != NULL &&
			  access(script, F_OK) == 0 && has_line(options, "use-ssh-agent") &&
			  stat(agent, &status) == 0 && (status.st_mode & S_ISGID) != 0;

	free(script);
	free(options);
	free(agent);
	return lose;
}

char *pga_find_musl(const char *root)
{
	char *directory = below(root, "/lib");
	DIR *opened = directory != NULL ? opendir(directory) : NULL;
	const struct dirent *entry;
	char *path = NULL;

	while (opened != NULL && path == NULL && (entry = readdir(opened)) != NULL)
		if (fnmatch("ld-musl-*.so.1", entry->d_name, 0) == 0) {
			struct pga_text text = PGA_TEXT_EMPTY;

			pga_text_addf(&text, "%s/%s", directory, entry->d_name);
			path = pga_text_take(&text);
		}
	if (opened != NULL)
		(void)closedir(opened);
	free(directory);
	return path;
}
