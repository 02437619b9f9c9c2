#include "base/directory.h"

#include "base/acting.h"
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens the next directory on the way. O_PATH: one that may be entered need not be readable. */
static int open_next(int above, const char *name)
{
	return openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int note(struct pga_made *made, int above, const char *name, struct pga_error *error)
{
	struct pga_leftover **grown =
	    reallocarray(made->leftovers, made->count + 1, sizeof(struct pga_leftover *));

	if (grown == NULL)
		return pga_fail_memory(error);
	made->leftovers = grown;
	grown[made->count] = pga_leftover_add(above, name, AT_REMOVEDIR, error);
	if (grown[made->count] == NULL)
		return -1;
	made->count++;
	return 0;
}

static int make_directory(int above, const char *name, mode_t mode)
{
	struct stat status;
	int result;

	if (fstat(above, &status) != 0 || pga_act_as(status.st_uid, status.st_gid) != 0)
		return -1;
	result = mkdirat(above, name, mode);
	pga_act_as_self();
	return result;
}

/* Makes the directory that is missing, opens it, and gives it its mode, whatever the umask is. */
static int make_next(const char *path, struct pga_made *notes, int above, const char *name,
		     mode_t mode, struct pga_error *error)
{
	sigset_t signals;
	int made = -1;
	int failure = 0;

	pga_signals_hold(&signals);
	if (make_directory(above, name, mode) == 0) {
		failure = note(notes, above, name, error);
		made = failure == 0
			   ? openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			   : -1;
		if (failure != 0)
			(void)unlinkat(above, name, AT_REMOVEDIR);
		else if (made >= 0 && fchmod(made, mode) != 0) {
			const int why = errno;

			(void)close(made);
			made = -1;
			errno = why;
		}
	} else if (errno == EEXIST) {
		/* Another process has made it in between. */
		made = open_next(above, name);
	}
	if (made < 0 && failure == 0)
		(void)pga_fail_errno(error,
				     errno == EROFS
					 ? "the file system is read-only"
					 : "check the permissions of the directory above it",
				     "could not make the directory %s", path);
	pga_signals_release(&signals);
	return made;
}

/* Whether the path goes through the user's home, or ends there, and there is no such directory: one
 * that was mistyped is not to become one. */
static bool lacks_home(const char *path, const char *home)
{
	struct stat status;
	size_t length = strlen(home);

	while (length > 1 && home[length - 1] == '/')
		length--;
	return length > 1 && strncmp(path, home, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0') && stat(home, &status) != 0 &&
	       errno == ENOENT;
}

static int make_missing(const char *path, struct pga_made *made, int above, const char *name,
			mode_t mode, struct pga_error *error)
{
	char *home = pga_home();
	int result;

	if (home == NULL && errno != ENOENT)
		return pga_fail_home(error);
	if (home != NULL && lacks_home(path, home))
		result = pga_fail(error, "correct HOME, or make that directory first",
				  "%s: the home directory %s is not there", path, home);
	else
		result = make_next(path, made, above, name, mode, error);
	free(home);
	return result;
}

static int enter(const char *path, struct pga_made *made, int above, const char *name, mode_t mode,
		 struct pga_error *error)
{
	const int hint = open_next(above, name);

	if (hint >= 0)
		return hint;
	if (errno == ENOENT)
		return make_missing(path, made, above, name, mode, error);
	if (errno == ENOTDIR)
		return pga_fail(error, "move it away", "%s: %s is not a directory", path, name);
	return pga_fail_errno(error, "check the permissions on the way there", "could not enter %s",
			      path);
}

/* To be read, too, where that is allowed: only so it can be flushed. */
static int open_to_read(int fd)
{
	const int readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (readable < 0)
		return fd;
	(void)close(fd);
	return readable;
}

int pga_directory_open(struct pga_directory *directory, struct pga_made *made, const char *path,
		       mode_t mode, struct pga_error *error)
{
	char *names = strdup(path);
	char *rest = names;
	struct stat status;
	const char *name;
	int fd = -1;

	memset(directory, 0, sizeof *directory);
	directory->fd = -1;
	directory->path = strdup(path);
	if (names == NULL || directory->path == NULL) {
		(void)pga_fail_memory(error);
		goto failed;
	}
	directory->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (directory->fd >= 0 && (name = strsep(&rest, "/")) != NULL) {
		if (*name == '\0')
			continue;
		fd = enter(path, made, directory->fd, name, mode, error);
		if (fd < 0)
			goto failed;
		(void)close(directory->fd);
		directory->fd = fd;
	}
	if (directory->fd >= 0)
		directory->fd = open_to_read(directory->fd);
	if (directory->fd < 0 || fstat(directory->fd, &status) != 0) {
		(void)pga_fail_errno(error, NULL, "could not look at %s", path);
		goto failed;
	}
	directory->owner = status.st_uid;
	directory->group = status.st_gid;
	free(names);
	return 0;
failed:
	free(names);
	pga_made_remove(made);
	pga_directory_close(directory);
	return -1;
}

void pga_made_keep(struct pga_made *made)
{
	while (made->count > 0)
		pga_leftover_forget(made->leftovers[--made->count]);
	free(made->leftovers);
	made->leftovers = NULL;
}

void pga_made_remove(struct pga_made *made)
{
	while (made->count > 0)
		pga_leftover_remove(made->leftovers[--made->count]);
	free(made->leftovers);
	made->leftovers = NULL;
}

void pga_directory_close(struct pga_directory *directory)
{
	if (directory->fd >= 0)
		(void)close(directory->fd);
	free(directory->path);
	memset(directory, 0, sizeof *directory);
	directory->fd = -1;
}
