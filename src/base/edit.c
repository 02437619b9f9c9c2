#include "base/edit.h"

#include "base/acting.h"
#include "base/attributes.h"
#include "base/file.h"
#include "base/manifest.h"
#include "base/path.h"
#include "base/staged.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What there is to do where the directory or its file system does not let a file be changed. */
static const char *advice(int code)
{
	switch (code) {
	case EBUSY:
	case EXDEV:
		return "nothing was changed; it is mounted by itself, as in a container: change "
		       "the file that is mounted there";
	case EROFS:
		return "nothing was changed; it is on a read-only file system: change it where it "
		       "comes from";
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "nothing was changed; make room on the disk and try again";
	case EACCES:
	case EPERM:
		return "nothing was changed; check the directory's permissions, or run this as its "
		       "owner";
	default:
		return "nothing was changed";
	}
}

static int read_old(struct pga_edit *edit, struct pga_error *error)
{
	struct stat status;

	edit->file = openat(edit->directory.fd, edit->name,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (edit->file < 0 && errno == ENOENT)
		return 0;
	if (edit->file < 0)
		return pga_fail_errno(error, "check the path and its permissions",
				      "could not open %s", edit->path);
	if (pga_file_read_open(edit->file, edit->path, &edit->before, &edit->stamp, error) != 0)
		return -1;
	if (fstat(edit->file, &status) != 0)
		return pga_fail_errno(error, NULL, "could not look at %s", edit->path);
	edit->existed = true;
	edit->mode = status.st_mode & 07777;
	edit->owner = status.st_uid;
	edit->group = status.st_gid;
	edit->modified = status.st_mtim;
	edit->names = status.st_nlink;
	return 0;
}

/* The path of the file itself, and of the directory that it is in. */
static int find(struct pga_edit *edit, const char *path, char **directory, struct pga_error *error)
{
	struct pga_real_path real;
	int result = -1;

	if (pga_real_path(&real, path, error) != 0) {
		edit->leads_outside = real.leads_outside;
		return -1;
	}
	edit->linked = real.linked;
	edit->path = strdup(real.linked ? real.path : path);
	*directory = strndup(real.path, (size_t)(strrchr(real.path, '/') - real.path));
	if (edit->path == NULL || *directory == NULL) {
		(void)pga_fail_memory(error);
	} else {
		edit->name = strrchr(edit->path, '/');
		edit->name = edit->name != NULL ? edit->name + 1 : edit->path;
		if (edit->name[0] != '\0')
			result = 0;
		else
			(void)pga_fail(error, "name the file", "%s: a directory", path);
	}
	pga_real_path_free(&real);
	return result;
}

/* The directory, locked. Whoever has made it, and needs it no more, removes it with its lock. */
static int lock(struct pga_edit *edit, const char *path, mode_t mode, struct pga_error *error)
{
	struct stat status;

	for (;;) {
		if (pga_directory_open(&edit->directory, &edit->made, path, mode, error) != 0)
			return -1;
		if (pga_lock_take(&edit->lock, &edit->directory, error) == 0)
			return 0;
		if (fstat(edit->directory.fd, &status) != 0 || status.st_nlink > 0)
			return -1;
		pga_made_remove(&edit->made);
		pga_directory_close(&edit->directory);
	}
}

int pga_edit_begin(struct pga_edit *edit, const char *path, mode_t mode, struct pga_error *error)
{
	return pga_edit_begin_in(edit, path, mode, 0700, error);
}

int pga_edit_begin_in(struct pga_edit *edit, const char *path, mode_t mode, mode_t directory_mode,
		      struct pga_error *error)
{
	char *directory = NULL;
	bool leads_outside;
	int result = -1;

	memset(edit, 0, sizeof *edit);
	edit->directory.fd = edit->file = edit->staged = -1;
	edit->mode = mode;
	if (find(edit, path, &directory, error) == 0 &&
	    lock(edit, directory, directory_mode, error) == 0) {
		pga_staged_sweep(&edit->directory);
		result = read_old(edit, error);
	}
	free(directory);
	if (result == 0)
		return 0;
	leads_outside = edit->leads_outside;
	pga_edit_end(edit);
	edit->leads_outside = leads_outside;
	return -1;
}

static int keep_owner(const struct pga_edit *edit, int file)
{
	struct stat status;

	if (!edit->existed && !edit->owned)
		return 0;
	if (fstat(file, &status) != 0)
		return -1;
	if (status.st_uid == edit->owner && status.st_gid == edit->group)
		return 0;
	return fchown(file, edit->owner, edit->group);
}

/* A network's file system tells at close(), of any descriptor, what could not be written. The file
 * itself stays open, with its lock. */
static int flush(int file)
{
	const int copy = fsync(file) == 0 ? fcntl(file, F_DUPFD_CLOEXEC, 3) : -1;

	return copy < 0 ? -1 : close(copy);
}

static void unstage(struct pga_edit *edit)
{
	pga_leftover_remove(edit->leftover);
	edit->leftover = NULL;
	if (edit->staged >= 0)
		(void)close(edit->staged);
	edit->staged = -1;
	free(edit->staged_path);
	edit->staged_path = NULL;
}

static int fill(struct pga_edit *edit, const char *bytes, size_t length, struct pga_error *error)
{
	const int file = edit->staged;

	if (keep_owner(edit, file) != 0)
		return pga_fail_errno(error, "nothing was changed; run this as the file's owner",
				      "could not keep the owner of %s", edit->path);
	if (edit->existed && pga_attributes_copy(edit->file, file, edit->path, error) != 0)
		return -1;
	if (fchmod(file, edit->mode) != 0 || pga_write_all(file, bytes, length) != 0 ||
	    flush(file) != 0)
		return pga_fail_errno(error, advice(errno), "could not write the new %s",
				      edit->path);
	return 0;
}

/* The file gets a new inode, so that it is the old one or the new one at every instant; an editor
 * that writes into the old one, for its other names' sake, can leave half of it behind. */
static void warn_of_other_names(const struct pga_edit *edit)
{
	if (edit->existed && edit->names > 1)
		pga_print_warning(
		    "%s: has %ju other %s (hard links), which will keep what is in it "
		    "now\n    link them again afterwards, or use symbolic links",
		    edit->path, (uintmax_t)edit->names - 1, edit->names > 2 ? "names" : "name");
}

int pga_edit_stage(struct pga_edit *edit, const char *bytes, size_t length, struct pga_error *error)
{
	unstage(edit);
	warn_of_other_names(edit);
	edit->staged =
	    pga_staged_make(&edit->directory, &edit->staged_path, &edit->leftover, error);
	if (edit->staged < 0) {
		if (edit->staged_path == NULL)
			return -1;
		(void)pga_fail_errno(error, advice(errno), "could not write a new file in %s",
				     edit->directory.path);
		unstage(edit);
		return -1;
	}
	if (fill(edit, bytes, length, error) == 0)
		return 0;
	unstage(edit);
	return -1;
}

/* File systems count time in ticks: what was written twice in the tick in which it was read has the
 * same stamp. */
static bool holds_the_same(const struct pga_edit *edit)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_file_identity stamp;
	struct pga_error error;
	const int file = openat(edit->directory.fd, edit->name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	bool same;

	if (file < 0)
		return false;
	same = pga_file_read_open(file, edit->path, &bytes, &stamp, &error) == 0 &&
	       bytes.length == edit->before.length &&
	       memcmp(pga_text_string(&bytes), pga_text_string(&edit->before), bytes.length) == 0;
	(void)close(file);
	pga_text_free(&bytes);
	return same;
}

static int look_again(const struct pga_edit *edit, struct pga_error *error)
{
	const struct pga_file_identity now = pga_file_identity_at(edit->directory.fd, edit->name);

	if (pga_file_identity_same(&now, &edit->stamp) &&
	    (edit->stamp.settled || !edit->existed || holds_the_same(edit)))
		return 0;
	return pga_fail(error, "nothing was changed; try again",
			"%s: another program changed it in the meantime", edit->path);
}

/* Puts the staged file in the file's place. */
static int rename_staged(struct pga_edit *edit)
{
	const int directory = edit->directory.fd;

	if (edit->staged_path == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (renameat(directory, strrchr(edit->staged_path, '/') + 1, directory, edit->name) != 0)
		return -1;
	pga_leftover_forget(edit->leftover);
	edit->leftover = NULL;
	unstage(edit);
	return 0;
}

/* The rename is done; a file system that cannot flush a directory is no reason to call it undone.
 */
static void flush_directory(struct pga_edit *edit)
{
	(void)fsync(edit->directory.fd);
	edit->after = pga_file_identity_at(edit->directory.fd, edit->name);
}

int pga_edit_apply(struct pga_edit *edit, bool remove, struct pga_error *error)
{
	if (look_again(edit, error) != 0)
		return -1;
	if (remove && unlinkat(edit->directory.fd, edit->name, 0) != 0)
		return pga_fail_errno(error, advice(errno), "could not remove %s", edit->path);
	if (!remove && rename_staged(edit) != 0)
		return pga_fail_errno(error, advice(errno), "could not replace %s", edit->path);
	flush_directory(edit);
	return 0;
}

void pga_edit_keep(struct pga_edit *edit)
{
	pga_made_keep(&edit->made);
	pga_lock_release(edit->lock);
	edit->lock = NULL;
}

int pga_edit_commit(struct pga_edit *edit, struct pga_error *error)
{
	struct pga_noting noting = {.home = NULL};
	sigset_t signals;
	int result;

	pga_signals_hold(&signals);
	pga_noting_add(&noting, edit);
	pga_noting_write(&noting);
	result = pga_edit_apply(edit, false, error);
	if (result == 0)
		pga_edit_keep(edit);
	pga_noting_end(&noting, result == 0);
	pga_signals_release(&signals);
	return result;
}

int pga_edit_take_back(struct pga_edit *edit, struct pga_error *error)
{
	const struct timespec times[2] = {{0, UTIME_OMIT}, edit->modified};
	const struct pga_file_identity now = pga_file_identity_at(edit->directory.fd, edit->name);

	if (!pga_file_identity_same(&now, &edit->after))
		return pga_fail(error, NULL, "%s: another program changed it in the meantime",
				edit->path);
	if (!edit->existed && unlinkat(edit->directory.fd, edit->name, 0) != 0)
		return pga_fail_errno(error, NULL, "could not remove %s", edit->path);
	if (edit->existed) {
		if (pga_edit_stage(edit, pga_text_string(&edit->before), edit->before.length,
				   error) != 0)
			return -1;
		if (futimens(edit->staged, times) != 0 || rename_staged(edit) != 0)
			return pga_fail_errno(error, NULL, "could not put back %s", edit->path);
	}
	flush_directory(edit);
	return 0;
}

void pga_edit_end(struct pga_edit *edit)
{
	const bool begun = edit->path != NULL;

	if (begun) {
		unstage(edit);
		if (edit->file >= 0)
			(void)close(edit->file);
		/* Its file is in the directory that may go. */
		pga_lock_release(edit->lock);
		pga_made_remove(&edit->made);
		pga_directory_close(&edit->directory);
	}
	free(edit->path);
	pga_text_free(&edit->before);
	pga_text_free(&edit->notes);
	memset(edit, 0, sizeof *edit);
	edit->directory.fd = edit->file = edit->staged = -1;
}
