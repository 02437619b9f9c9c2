#include "base/staged.h"

#include "base/acting.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 16

/* As the directory's owner, where this is root. */
static int open_as_owner(const struct pga_directory *directory, const char *name, int flags)
{
	int file;

	if (pga_act_as(directory->owner, directory->group) != 0)
		return -1;
	file = openat(directory->fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      0600);
	pga_act_as_self();
	return file;
}

/* Returns -1 with errno. */
static int choose(const struct pga_directory *directory, char **path)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	uint64_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return -1;
	pga_text_addf(&text, "%s/" PGA_STAGED_PREFIX "%0*" PRIx64, directory->path, DIGITS, number);
	free(*path);
	*path = pga_text_take(&text);
	if (*path != NULL)
		return 0;
	errno = ENOMEM;
	return -1;
}

/* The new file goes with the process. Returns it, or -1. */
static int note(const struct pga_directory *directory, int file, char **path,
		struct pga_leftover **leftover, struct pga_error *error)
{
	const char *name = strrchr(*path, '/') + 1;

	*leftover = pga_leftover_add(directory->fd, name, 0, error);
	if (*leftover == NULL) {
		(void)unlinkat(directory->fd, name, 0);
		(void)close(file);
		free(*path);
		*path = NULL;
		return -1;
	}
	/* A file system without locks has none to ask for either: see the other side. */
	(void)flock(file, LOCK_EX | LOCK_NB);
	return file;
}

int pga_staged_make(const struct pga_directory *directory, char **path,
		    struct pga_leftover **leftover, struct pga_error *error)
{
	sigset_t signals;
	int file = -1;

	*path = NULL;
	*leftover = NULL;
	pga_signals_hold(&signals);
	do {
		if (choose(directory, path) != 0) {
			(void)pga_fail_errno(error, NULL, "could not choose a name");
			goto done;
		}
		file = open_as_owner(directory, strrchr(*path, '/') + 1, O_RDWR | O_CREAT | O_EXCL);
	} while (file < 0 && errno == EEXIST);
	if (file >= 0)
		file = note(directory, file, path, leftover, error);
done:
	pga_signals_release(&signals);
	return file;
}

static bool is_name(const char *name)
{
	const size_t length = strlen(PGA_STAGED_PREFIX);

	return strncmp(name, PGA_STAGED_PREFIX, length) == 0 &&
	       strspn(name + length, "0123456789abcdef") == DIGITS && name[length + DIGITS] == '\0';
}

static bool is_abandoned(const struct pga_directory *directory, const char *name)
{
	const int file = open_as_owner(directory, name, O_RDWR);
	struct stat status;
	bool abandoned;

	if (file < 0)
		return false;
	abandoned = fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
		    status.st_uid == pga_acting_user(directory->owner) &&
		    flock(file, LOCK_EX | LOCK_NB) == 0;
	(void)close(file);
	return abandoned;
}

void pga_staged_sweep(const struct pga_directory *directory)
{
	const int file = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = file >= 0 ? fdopendir(file) : NULL;
	struct dirent *entry;

	if (names == NULL) {
		if (file >= 0)
			(void)close(file);
		return;
	}
	while ((entry = readdir(names)) != NULL)
		if (is_name(entry->d_name) && is_abandoned(directory, entry->d_name))
			(void)unlinkat(directory->fd, entry->d_name, 0);
	(void)closedir(names);
}
