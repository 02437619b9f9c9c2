#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int pga_file_read(const char *path, struct pga_text *content, bool *found, struct pga_error *error)
{
	char buffer[16384];
	struct stat status;
	ssize_t count;
	int result = -1;
	int file;

	if (found != NULL)
		*found = false;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file < 0) {
		if (found != NULL && (errno == ENOENT || errno == ENOTDIR))
			return 0;
		return pga_fail_errno(error, "check the path and its permissions", "cannot open %s",
				      path);
	}
	if (fstat(file, &status) != 0) {
		(void)pga_fail_errno(error, NULL, "cannot look at %s", path);
		goto done;
	}
	if (!S_ISREG(status.st_mode)) {
		(void)pga_fail(error, "move it away, or name another file",
			       "%s: not a regular file", path);
		goto done;
	}
	while ((count = read(file, buffer, sizeof buffer)) > 0) {
		pga_text_add_bytes(content, buffer, (size_t)count);
		if (content->length > PGA_FILE_LIMIT) {
			(void)pga_fail(error, "is it the right file?", "%s: larger than %zu MiB",
				       path, PGA_FILE_LIMIT / 1024 / 1024);
			goto done;
		}
	}
	if (count < 0) {
		(void)pga_fail_errno(error, NULL, "cannot read %s", path);
		goto done;
	}
	if (content->failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (found != NULL)
		*found = true;
	result = 0;
done:
	(void)close(file);
	return result;
}

/* The folders that this process has locked. flock() belongs to an open file, so that a process
 * which locked the same folder twice (root.crt may be a link into the folder of the pins) would
 * wait for itself for ever. */
static struct {
	dev_t device;
	ino_t inode;
	unsigned count; /* 0: this place is free */
	int file;
} locks_held[8];

#define LOCKS_HELD ((int)(sizeof locks_held / sizeof locks_held[0]))

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

/* Returns the place in locks_held, or -1. */
static int lock_folder(const char *folder, struct pga_error *error)
{
	struct stat status;
	int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int place = -1;

	if (file < 0 || fstat(file, &status) != 0)
		goto failed;
	for (int i = 0; i < LOCKS_HELD; i++) {
		if (locks_held[i].count == 0) {
			place = i;
		} else if (locks_held[i].device == status.st_dev &&
			   locks_held[i].inode == status.st_ino) {
			(void)close(file);
			locks_held[i].count++;
			return i;
		}
	}
	if (place < 0) {
		errno = ENOLCK;
		goto failed;
	}
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

static void unlock_folder(int place)
{
	if (--locks_held[place].count == 0)
		(void)close(locks_held[place].file);
}

/* Makes the folder and those above it that are missing, and notes each in the edit, outermost
 * first. */
static int make_folders(struct pga_edit *edit, const char *folder, struct pga_error *error)
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
	    edit->made_count == sizeof edit->made_folders / sizeof(char *))
		return pga_fail(error, "make it with mkdir -p", "%s: no such folder", folder);
	(void)snprintf(above, sizeof above, "%s", folder);
	if (make_folders(edit, dirname(above), error) != 0)
		return -1;
	if (mkdir(folder, 0700) != 0)
		/* Another process may have made it in between. */
		return errno == EEXIST
			   ? 0
			   : pga_fail_errno(error, NULL, "cannot make the folder %s", folder);
	edit->made_folders[edit->made_count] = strdup(folder);
	if (edit->made_folders[edit->made_count++] == NULL)
		return pga_fail_memory(error);
	return 0;
}

/* Follows a symbolic link to the file that it stands for. */
static char *follow(const char *path, struct pga_error *error)
{
	struct stat status;
	char *real;

	if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode)) {
		real = strdup(path);
		if (real == NULL)
			(void)pga_fail_memory(error);
		return real;
	}
	real = realpath(path, NULL);
	if (real == NULL)
		(void)pga_fail_errno(error, "make the file that it points to, or remove the link",
				     "cannot follow the symbolic link %s", path);
	return real;
}

int pga_edit_begin(struct pga_edit *edit, const char *path, mode_t mode, struct pga_error *error)
{
	struct stat status;
	char *copy = NULL;

	memset(edit, 0, sizeof *edit);
	edit->lock = -1;
	edit->mode = mode;
	edit->owner = (uid_t)-1;
	edit->group = (gid_t)-1;
	edit->path = follow(path, error);
	if (edit->path == NULL)
		goto failed;
	copy = strdup(edit->path);
	edit->folder = copy != NULL ? strdup(dirname(copy)) : NULL;
	if (edit->folder == NULL) {
		(void)pga_fail_memory(error);
		goto failed;
	}
	if (make_folders(edit, edit->folder, error) != 0)
		goto failed;
	edit->lock = lock_folder(edit->folder, error);
	if (edit->lock < 0)
		goto failed;
	if (pga_file_read(edit->path, &edit->before, &edit->existed, error) != 0)
		goto failed;
	if (edit->existed && stat(edit->path, &status) == 0) {
		edit->mode = status.st_mode & 07777;
		edit->owner = status.st_uid;
		edit->group = status.st_gid;
	}
	free(copy);
	return 0;
failed:
	free(copy);
	pga_edit_end(edit);
	return -1;
}

/* Copies the extended attributes (ACLs and SELinux labels among them), as far as this user may. */
static void copy_attributes(const char *from, int to)
{
	char names[4096];
	char value[4096];
	ssize_t length = listxattr(from, names, sizeof names);

	for (ssize_t i = 0; i < length; i += (ssize_t)strlen(names + i) + 1) {
		ssize_t size = getxattr(from, names + i, value, sizeof value);

		if (size >= 0)
			(void)fsetxattr(to, names + i, value, (size_t)size, 0);
	}
}

static int write_all(int file, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t count = write(file, bytes, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		bytes += count;
		length -= (size_t)count;
	}
	return 0;
}

static int keep_owner(const struct pga_edit *edit, int file)
{
	struct stat status;

	if (!edit->existed)
		return 0;
	if (fstat(file, &status) != 0)
		return -1;
	if (status.st_uid == edit->owner && status.st_gid == edit->group)
		return 0;
	return fchown(file, edit->owner, edit->group);
}

int pga_edit_stage(struct pga_edit *edit, const char *bytes, size_t length, struct pga_error *error)
{
	struct pga_text name = PGA_TEXT_EMPTY;
	const char *base = strrchr(edit->path, '/');
	int file;

	pga_text_addf(&name, "%s/.%s.pganchor-XXXXXX", edit->folder,
		      base != NULL ? base + 1 : edit->path);
	edit->staged_path = pga_text_take(&name);
	if (edit->staged_path == NULL)
		return pga_fail_memory(error);
	file = mkostemp(edit->staged_path, O_CLOEXEC);
	if (file < 0) {
		(void)pga_fail_errno(error, "nothing was changed; check the folder's permissions",
				     "cannot write a new file in %s", edit->folder);
		free(edit->staged_path);
		edit->staged_path = NULL;
		return -1;
	}
	if (keep_owner(edit, file) != 0) {
		(void)pga_fail_errno(error, "nothing was changed; run this as the file's owner",
				     "cannot keep the owner of %s", edit->path);
		goto failed;
	}
	if (edit->existed)
		copy_attributes(edit->path, file);
	if (fchmod(file, edit->mode) != 0 || write_all(file, bytes, length) != 0 ||
	    fsync(file) != 0) {
		(void)pga_fail_errno(error,
				     "nothing was changed; make room on the disk and try again",
				     "cannot write the new %s", edit->path);
		goto failed;
	}
	if (close(file) != 0)
		return pga_fail_errno(error, "nothing was changed", "cannot write the new %s",
				      edit->path);
	return 0;
failed:
	(void)close(file);
	return -1;
}

int pga_edit_commit(struct pga_edit *edit, struct pga_error *error)
{
	int folder;

	if (rename(edit->staged_path, edit->path) != 0)
		return pga_fail_errno(error, "the file is as it was", "cannot replace %s",
				      edit->path);
	free(edit->staged_path);
	edit->staged_path = NULL;
	while (edit->made_count > 0)
		free(edit->made_folders[--edit->made_count]);
	folder = open(edit->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0) {
		/* The rename is done; a file system that cannot flush a folder is no reason to call
		 * it undone. */
		(void)fsync(folder);
		(void)close(folder);
	}
	return 0;
}

void pga_edit_end(struct pga_edit *edit)
{
	if (edit->path == NULL)
		return;
	if (edit->staged_path != NULL)
		(void)unlink(edit->staged_path);
	while (edit->made_count > 0) {
		char *folder = edit->made_folders[--edit->made_count];

		if (folder != NULL)
			(void)rmdir(folder);
		free(folder);
	}
	if (edit->lock >= 0)
		unlock_folder(edit->lock);
	free(edit->staged_path);
	free(edit->folder);
	free(edit->path);
	pga_text_free(&edit->before);
	memset(edit, 0, sizeof *edit);
	edit->lock = -1;
}
