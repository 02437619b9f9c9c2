#include "base/append.h"

#include "base/file.h"
#include "base/quiet_write.h"
#include "base/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRIES 100
#define PAUSE 10000000L /* nanoseconds */

/* How often the file may have been replaced by another one while we waited for its lock. */
#define REPLACEMENTS 5

static int check_own(const struct stat *status, const char *path, struct pga_error *error)
{
	if (status->st_uid == geteuid())
		return 0;
	return pga_fail(error, "connect as its owner, or set HOME to a home of your own",
			"%s: belongs to another user", path);
}

/* The directory of this path; the caller frees it. NULL for want of memory. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash != path ? (size_t)(slash - path) : 1);
}

/* Whatever the process's umask is, the owner can use what was made. */
static int make_one(const char *path, mode_t mode, struct pga_error *error)
{
	if (mkdir(path, mode) == 0 && chmod(path, mode) == 0)
		return 0;
	if (errno == EEXIST)
		return 0;
	return pga_fail_errno(error, NULL, "could not make the directory %s", path);
}

/* above: it may be made, in a directory that is there. */
static int make_directory(const char *path, bool above, mode_t mode, struct pga_error *error)
{
	char *outer = directory_of(path);
	struct stat status;
	int result;

	if (stat(path, &status) == 0)
		result = check_own(&status, path, error);
	else if (errno != ENOENT)
		result = pga_fail_errno(error, NULL, "could not look at %s", path);
	else if (outer == NULL)
		result = pga_fail_memory(error);
	else if (above)
		result = make_directory(outer, false, mode, error);
	else if (stat(outer, &status) != 0)
		result = pga_fail_errno(error, NULL, "could not look at %s", outer);
	else
		result = check_own(&status, outer, error);
	free(outer);
	if (result != 0 || stat(path, &status) == 0)
		return result;
	return make_one(path, mode, error);
}

static int open_or_make(const char *path, enum pga_append_for whom)
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	const mode_t mode = whom == PGA_FOR_EVERYBODY ? 0644 : 0600;
	int file = open(path, flags);

	if (file >= 0 || errno != ENOENT)
		return file;
	file = open(path, flags | O_CREAT | O_EXCL, mode);
	if (file >= 0)
		(void)fchmod(file, mode);
	else if (errno == EEXIST)
		file = open(path, flags);
	return file;
}

/* In a program that has closed its standard descriptors, the file must not be one of them, not for
 * an instant: what another thread writes to its standard error would be in it. Those that are free
 * are filled with what cannot be written to. */
static int open_above_standard(const char *path, enum pga_append_for whom)
{
	int fillers[STDERR_FILENO + 1];
	size_t count = 0;
	int file = -1;
	int failed;

	do {
		const int filler = open("/", O_PATH | O_CLOEXEC);

		if (filler < 0)
			goto done;
		if (filler > STDERR_FILENO) {
			(void)close(filler);
			break;
		}
		fillers[count++] = filler;
	} while (count <= STDERR_FILENO);
	file = open_or_make(path, whom);
	if (file >= 0 && file <= STDERR_FILENO) {
		/* Another thread has closed one just now. */
		(void)close(file);
		file = -1;
		errno = EAGAIN;
	}
done:
	failed = errno;
	while (count > 0)
		(void)close(fillers[--count]);
	errno = failed;
	return file;
}

static int open_own(const char *path, enum pga_append_for whom, struct pga_error *error)
{
	char *directory = directory_of(path);
	struct stat status;
	int file = -1;

	if (directory == NULL)
		return pga_fail_memory(error);
	if (make_directory(directory, true, whom == PGA_FOR_EVERYBODY ? 0755 : 0700, error) != 0)
		goto done;
	file = open_above_standard(path, whom);
	if (file < 0) {
		(void)pga_fail_errno(error, NULL, "could not open %s to add to it", path);
		goto done;
	}
	if (fstat(file, &status) != 0 || check_own(&status, path, error) != 0) {
		(void)close(file);
		file = -1;
	}
done:
	free(directory);
	return file;
}

/* A process that was stopped while it had the lock must not stop others for ever. */
static int lock(int file, const char *path, struct pga_error *error)
{
	const struct timespec pause = {.tv_nsec = PAUSE};

	for (int tries = 0; flock(file, LOCK_EX | LOCK_NB) != 0; tries++) {
		if (errno == EWOULDBLOCK && tries < TRIES)
			(void)nanosleep(&pause, NULL);
		else
			return pga_fail_errno(
			    error,
			    errno == EWOULDBLOCK ? "another process adds to it; try again" : NULL,
			    "could not lock %s", path);
	}
	return 0;
}

/* Whether the path still leads to this file: an editor puts a new one in its place. */
static bool is_in_place(int file, const char *path)
{
	struct stat own;
	struct stat there;

	return fstat(file, &own) == 0 && stat(path, &there) == 0 && own.st_dev == there.st_dev &&
	       own.st_ino == there.st_ino;
}

static int fail_replaced(const char *path, struct pga_error *error)
{
	return pga_fail(error, "try again", "%s: was replaced meanwhile", path);
}

static int open_locked(struct pga_append *append, enum pga_append_for whom, struct pga_error *error)
{
	for (int tries = 0; tries < REPLACEMENTS; tries++) {
		append->file = open_own(append->path, whom, error);
		if (append->file < 0 || lock(append->file, append->path, error) != 0)
			return -1;
		if (is_in_place(append->file, append->path))
			return 0;
		(void)close(append->file);
		append->file = -1;
	}
	return fail_replaced(append->path, error);
}

int pga_append_begin(struct pga_append *append, const char *path, enum pga_append_for whom,
		     struct pga_error *error)
{
	struct pga_file_identity stamp;

	memset(append, 0, sizeof *append);
	append->path = path;
	append->file = -1;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &append->cancellation);
	pga_block_signals(&append->signals);
	if (open_locked(append, whom, error) == 0 &&
	    pga_file_read_open(append->file, path, &append->content, &stamp, error) == 0)
		return 0;
	pga_append_end(append);
	return -1;
}

/* Where a part was written (the disk is full), it is taken back. */
static int write_whole(const struct pga_append *append, const struct pga_text *bytes,
		       struct pga_error *error)
{
	const ssize_t written = pga_write_quietly(append->file, bytes->bytes, bytes->length);
	int failed = written < 0 ? errno : ENOSPC;

	if (written == (ssize_t)bytes->length)
		return is_in_place(append->file, append->path) ? 0
							       : fail_replaced(append->path, error);
	if (written > 0 && ftruncate(append->file, (off_t)append->content.length) != 0)
		failed = errno;
	errno = failed;
	return pga_fail_errno(error, NULL, "could not add to %s", append->path);
}

int pga_append_lines(struct pga_append *append, const struct pga_text *lines,
		     struct pga_error *error)
{
	const struct pga_text *before = &append->content;
	struct pga_text whole = PGA_TEXT_EMPTY;
	int result;

	if (before->length > 0 && before->bytes[before->length - 1] != '\n')
		pga_text_add(&whole, "\n");
	pga_text_add_bytes(&whole, lines->bytes, lines->length);
	if (whole.failed || lines->failed)
		result = pga_fail_memory(error);
	else if (before->length + whole.length > PGA_FILE_LIMIT)
		result = pga_fail(error, "take lines out that say nothing any more",
				  "%s: would be larger than %zu MiB", append->path,
				  PGA_FILE_LIMIT / 1024 / 1024);
	else
		result = write_whole(append, &whole, error);
	if (result == 0)
		pga_text_add_bytes(&append->content, whole.bytes, whole.length);
	pga_text_free(&whole);
	return result;
}

int pga_append_take_back(struct pga_append *append, size_t length, struct pga_error *error)
{
	if (ftruncate(append->file, (off_t)length) != 0)
		return pga_fail_errno(error, NULL, "could not take back what was added to %s",
				      append->path);
	append->content.length = length;
	return 0;
}

int pga_append_sync(const struct pga_append *append, struct pga_error *error)
{
	/* Not every file system can. */
	if (fdatasync(append->file) == 0 || errno == EINVAL || errno == EROFS)
		return 0;
	return pga_fail_errno(error, NULL, "could not write %s to the disk", append->path);
}

void pga_append_end(struct pga_append *append)
{
	if (append->file >= 0) {
		/* A child that was forked meanwhile has the lock by the same open file. */
		(void)flock(append->file, LOCK_UN);
		(void)close(append->file);
	}
	append->file = -1;
	pga_text_free(&append->content);
	pga_restore_signals(&append->signals);
	(void)pthread_setcancelstate(append->cancellation, NULL);
}
