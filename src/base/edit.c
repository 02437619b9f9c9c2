#include "base/edit.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The name of a staged file: hidden, and telling whose it is. Letters that mkostemp() chooses
 * follow. */
#define STAGED ".%s.pganchor-"

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

static const char *base_of(const struct pga_edit *edit)
{
	const char *slash = strrchr(edit->path, '/');

	return slash != NULL ? slash + 1 : edit->path;
}

/* What mkostemp() puts in the place of the Xs. */
#define RANDOM_LETTERS 6

/* Removes what an earlier edit of this file staged and left behind when it was killed. Whoever
 * holds the folder's lock is the only one who edits in it. */
static void sweep(const struct pga_edit *edit)
{
	struct pga_text prefix = PGA_TEXT_EMPTY;
	DIR *folder = opendir(edit->folder);
	struct dirent *entry;

	pga_text_addf(&prefix, STAGED, base_of(edit));
	while (!prefix.failed && folder != NULL && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, pga_text_string(&prefix), prefix.length) == 0 &&
		    strlen(entry->d_name) == prefix.length + RANDOM_LETTERS)
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder != NULL)
		(void)closedir(folder);
	pga_text_free(&prefix);
}

int pga_edit_begin(struct pga_edit *edit, const char *path, mode_t mode, struct pga_error *error)
{
	return pga_edit_begin_in(edit, path, mode, 0700, error);
}

int pga_edit_begin_in(struct pga_edit *edit, const char *path, mode_t mode, mode_t folder_mode,
		      struct pga_error *error)
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
	if (pga_folders_make(&edit->made, edit->folder, folder_mode, error) != 0)
		goto failed;
	edit->lock = pga_folder_lock(edit->folder, error);
	if (edit->lock < 0)
		goto failed;
	sweep(edit);
	edit->stamp = pga_stamp_of(edit->path);
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
	int file;

	pga_text_addf(&name, "%s/" STAGED "XXXXXX", edit->folder, base_of(edit));
	edit->staged_path = pga_text_take(&name);
	if (edit->staged_path == NULL)
		return pga_fail_memory(error);
	file = mkostemp(edit->staged_path, O_CLOEXEC);
	if (file < 0) {
		(void)pga_fail_errno(error,
				     "nothing was changed; check the folder's permissions, or run "
				     "this as its owner",
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
	struct pga_stamp stamp = pga_stamp_of(edit->path);
	int folder;

	if (!pga_stamp_same(&stamp, &edit->stamp))
		return pga_fail(error, "nothing was changed; try again",
				"%s: another program changed it in the meantime", edit->path);
	if (rename(edit->staged_path, edit->path) != 0)
		return pga_fail_errno(error, "the file is as it was", "cannot replace %s",
				      edit->path);
	free(edit->staged_path);
	edit->staged_path = NULL;
	pga_folders_keep(&edit->made);
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
	pga_folders_remove(&edit->made);
	if (edit->lock >= 0)
		pga_folder_unlock(edit->lock);
	free(edit->staged_path);
	free(edit->folder);
	free(edit->path);
	pga_text_free(&edit->before);
	memset(edit, 0, sizeof *edit);
	edit->lock = -1;
}
