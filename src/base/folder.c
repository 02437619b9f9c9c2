#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folders that this process has locked. flock() belongs to an open file, so that a process
 * which locked the same folder twice (root.crt may be a link into the folder of the pins) would
 * wait for itself for ever. */
static struct held {
	dev_t device;
	ino_t inode;
	unsigned count; /* 0: this place is free */
	int file;
} * locks_held;

static int lock_count; /* places, free ones too */

/* NFS locks a file only through a descriptor that may write, which a folder's never may: there, the
 * lock is a file of its own. Every pganchor that edits in this folder meets the same answer, so all
 * take the same lock. */
static int open_lock_file(const char *folder)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/.pganchor.lock", folder) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int wait_for_lock(int file)
{
	while (flock(file, LOCK_EX) != 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* One more place; -1 where there is no memory. */
static int add_place(void)
{
	struct held *grown = reallocarray(locks_held, (size_t)lock_count + 1, sizeof *locks_held);

	if (grown == NULL)
		return -1;
	locks_held = grown;
	memset(&locks_held[lock_count], 0, sizeof *locks_held);
	return lock_count++;
}

int pga_folder_lock(const char *folder, struct pga_error *error)
{
	struct stat status;
	int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int place = -1;

	if (file < 0 || fstat(file, &status) != 0)
		goto failed;
	for (int i = 0; i < lock_count; i++) {
		if (locks_held[i].count == 0) {
			place = i;
		} else if (locks_held[i].device == status.st_dev &&
			   locks_held[i].inode == status.st_ino) {
			(void)close(file);
			locks_held[i].count++;
			return i;
		}
	}
	if (place < 0)
		place = add_place();
	if (place < 0)
		goto failed;
	if (wait_for_lock(file) != 0) {
		if (errno != EBADF && errno != ENOLCK && errno != EOPNOTSUPP)
			goto failed;
		(void)close(file);
		file = open_lock_file(folder);
		if (file < 0 || wait_for_lock(file) != 0)
			goto failed;
	}
	locks_held[place].device = status.st_dev;
	locks_held[place].inode = status.st_ino;
	locks_held[place].count = 1;
	locks_held[place].file = file;
	return place;
failed:
	(void)pga_fail_errno(error, "check that you may read and write the folder",
			     "cannot lock %s", folder);
	if (file >= 0)
		(void)close(file);
	return -1;
}

void pga_folder_unlock(int lock)
{
	if (--locks_held[lock].count == 0)
		(void)close(locks_held[lock].file);
}

int pga_folders_make(struct pga_folders *made, const char *folder, mode_t mode,
		     struct pga_error *error)
{
	char above[PATH_MAX];
	struct stat status;

	if (stat(folder, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return 0;
		return pga_fail(error, "move it away", "%s: not a folder", folder);
	}
	if (errno != ENOENT)
		return pga_fail_errno(error, NULL, "cannot look at %s", folder);
	if (strlen(folder) >= sizeof above ||
	    made->count == sizeof made->paths / sizeof made->paths[0])
		return pga_fail(error, "make it with mkdir -p", "%s: no such folder", folder);
	(void)snprintf(above, sizeof above, "%s", folder);
	if (pga_folders_make(made, dirname(above), mode, error) != 0)
		return -1;
	if (mkdir(folder, mode) != 0)
		/* Another process may have made it in between. */
		return errno == EEXIST
			   ? 0
			   : pga_fail_errno(error, "check the permissions of the folder above it",
					    "cannot make the folder %s", folder);
	made->paths[made->count] = strdup(folder);
	if (made->paths[made->count++] == NULL)
		return pga_fail_memory(error);
	/* Whatever the umask is. */
	if (chmod(folder, mode) != 0)
		return pga_fail_errno(error, NULL, "cannot set the mode of %s", folder);
	return 0;
}

void pga_folders_keep(struct pga_folders *made)
{
	while (made->count > 0)
		free(made->paths[--made->count]);
}

void pga_folders_remove(struct pga_folders *made)
{
	while (made->count > 0) {
		char *folder = made->paths[--made->count];

		if (folder != NULL)
			(void)rmdir(folder);
		free(folder);
	}
}
