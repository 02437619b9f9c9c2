#include "cert/cluster.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

char *pga_cluster_file(const struct pga_cluster *cluster, const char *name)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	pga_text_addf(&path, "%s/%s", cluster->directory, name);
	return pga_text_take(&path);
}

int pga_cluster_read(const struct pga_cluster *cluster, const char *name, struct pga_text *text,
		     bool *found, struct pga_error *error)
{
	char *path = pga_cluster_file(cluster, name);
	struct pga_as_owner as = {.changed = false};
	int result =
	    path != NULL ? pga_cluster_as_owner(cluster, &as, error) : pga_fail_memory(error);

	if (result == 0) {
		result = pga_file_read(path, text, found, error);
		pga_cluster_as_before(&as);
	}
	free(path);
	return result;
}

static int fail_for_owner(const struct pga_cluster *cluster, struct pga_error *error)
{
	const struct passwd *owner = getpwuid(cluster->owner);

	return pga_fail(error,
			"run it as that user or as root, such as with sudo. Nothing was changed",
			"%s: it belongs to %s, who alone can change it", cluster->directory,
			owner != NULL ? owner->pw_name : "another user");
}

static int read_version(struct pga_cluster *cluster, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	bool found = false;
	int result = pga_cluster_read(cluster, "PG_VERSION", &text, &found, error);

	if (result == 0 && !found)
		result = pga_fail(
		    error,
		    "it is what SHOW data_directory says, or pg_lsclusters on Debian, with a file "
		    "PG_VERSION in it",
		    "%s: no data directory of PostgreSQL", cluster->directory);
	if (result == 0)
		cluster->version = (int)strtol(pga_text_string(&text), NULL, 10);
	if (result == 0 && cluster->version < 10)
		result = pga_fail(error, NULL,
				  "%s: PostgreSQL %.*s; from 10 on, a server loads another "
				  "certificate while it runs",
				  cluster->directory, (int)strcspn(pga_text_string(&text), "\n"),
				  pga_text_string(&text));
	pga_text_free(&text);
	return result;
}

/* Whether the process is there and works in this directory, as every server does. Where that cannot
 * be looked at, that it is there has to do. */
static bool runs(const struct pga_cluster *cluster, pid_t process)
{
	char link[64];
	char at[4096];
	ssize_t length;

	if (process <= 0 || (kill(process, 0) != 0 && errno != EPERM))
		return false;
	(void)snprintf(link, sizeof link, "/proc/%ld/cwd", (long)process);
	length = readlink(link, at, sizeof at - 1);
	if (length < 0)
		return errno != ENOENT;
	at[length] = '\0';
	return strcmp(at, cluster->directory) == 0;
}

/* postmaster.pid: the process, the directory, when it was started, the port, the directory of its
 * socket, and more. */
static int read_pid_file(struct pga_cluster *cluster, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *rest;
	const char *line;
	size_t length;
	bool found = false;
	int result = pga_cluster_read(cluster, "postmaster.pid", &text, &found, error);
	int number = 0;
	pid_t process = 0;

	rest = pga_text_string(&text);
	while (result == 0 && pga_next_line(&rest, &line, &length)) {
		number++;
		if (number == 1)
			process = (pid_t)strtol(line, NULL, 10);
		else if (number == 4)
			cluster->port = (unsigned)strtoul(line, NULL, 10);
		else if (number == 5) {
			free(cluster->socket_directory);
			cluster->socket_directory = strndup(line, length);
		}
	}
	pga_text_free(&text);
	if (result == 0 && cluster->socket_directory == NULL)
		result = pga_fail_memory(error);
	if (result == 0 && found && runs(cluster, process))
		cluster->postmaster = process;
	cluster->left = found && cluster->postmaster == 0;
	return result;
}

int pga_cluster_look(struct pga_cluster *cluster, const char *path, struct pga_error *error)
{
	struct stat status;

	memset(cluster, 0, sizeof *cluster);
	cluster->socket_directory = strdup("");
	cluster->directory = realpath(path, NULL);
	if (cluster->directory == NULL)
		return pga_fail_errno(error, NULL, "%s", path);
	if (stat(cluster->directory, &status) != 0)
		return pga_fail_errno(error, NULL, "%s", cluster->directory);
	cluster->owner = status.st_uid;
	cluster->group = status.st_gid;
	if (!S_ISDIR(status.st_mode))
		return pga_fail(error, NULL, "%s: no directory", cluster->directory);
	if (geteuid() != 0 && geteuid() != cluster->owner)
		return fail_for_owner(cluster, error);
	if (read_version(cluster, error) != 0)
		return -1;
	return read_pid_file(cluster, error);
}

void pga_cluster_free(struct pga_cluster *cluster)
{
	free(cluster->directory);
	free(cluster->socket_directory);
	memset(cluster, 0, sizeof *cluster);
}

/* PostgreSQL's names are the same in either case, and what stands behind one is a blank or "=". */
bool pga_cluster_line_sets(const char *line, size_t length,
			   const struct pga_cluster_setting *settings, size_t count)
{
	size_t start = 0;

	while (start < length && pga_is_blank(line[start]))
		start++;
	for (size_t i = 0; i < count; i++) {
		const size_t own = settings[i].name != NULL ? strlen(settings[i].name) : 0;

		if (own > 0 && length - start > own &&
		    strncasecmp(line + start, settings[i].name, own) == 0 &&
		    (line[start + own] == '=' || pga_is_blank(line[start + own])))
			return true;
	}
	return false;
}

static void add_setting(const struct pga_cluster_setting *setting, struct pga_text *text)
{
	if (setting->name == NULL || setting->value == NULL)
		return;
	pga_text_addf(text, "%s = '", setting->name);
	for (const char *at = setting->value; *at != '\0'; at++)
		pga_text_addf(text, "%s%c", *at == '\'' ? "'" : "", *at);
	pga_text_add(text, "'\n");
}

void pga_cluster_set(const struct pga_text *before, const struct pga_cluster_setting *settings,
		     size_t count, struct pga_text *after)
{
	const char *rest = pga_text_string(before);
	const char *line;
	size_t length;

	if (before->length == 0)
		pga_text_add(after, "# Do not edit this file manually!\n"
				    "# It will be overwritten by the ALTER SYSTEM command.\n");
	while (pga_next_line(&rest, &line, &length)) {
		if (pga_cluster_line_sets(line, length, settings, count))
			continue;
		pga_text_add_bytes(after, line, length);
		pga_text_add(after, "\n");
	}
	for (size_t i = 0; i < count; i++)
		add_setting(&settings[i], after);
}

int pga_cluster_as_owner(const struct pga_cluster *cluster, struct pga_as_owner *as,
			 struct pga_error *error)
{
	const struct passwd *owner = getpwuid(cluster->owner);

	as->changed = geteuid() == 0 && cluster->owner != 0;
	if (!as->changed)
		return 0;
	as->group = getegid();
	as->count = getgroups(PGA_GROUPS_AT_MOST, as->groups);
	if (as->count >= 0 &&
	    (owner != NULL ? initgroups(owner->pw_name, owner->pw_gid)
			   : setgroups(1, &cluster->group)) == 0 &&
	    setegid(cluster->group) == 0 && seteuid(cluster->owner) == 0)
		return 0;
	(void)pga_fail_errno(error, "nothing was changed", "could not act as the owner of %s",
			     cluster->directory);
	if (as->count >= 0)
		pga_cluster_as_before(as);
	return -1;
}

void pga_cluster_as_before(const struct pga_as_owner *as)
{
	if (as->changed && (seteuid(0) != 0 || setegid(as->group) != 0 ||
			    setgroups((size_t)as->count, as->groups) != 0))
		abort(); /* root's own, which nobody can refuse */
}
