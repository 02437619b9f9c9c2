#include "base/append.h"

#include "base/file.h"
#include "base/quiet_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRIES 100
#define PAUSE 10000000L /* nanoseconds */

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

/* above: it may be made, in a directory that is there. */
static int make_directory(const char *path, bool above, mode_t mode, struct pga_error *error)
{
	char *outer = directory_of(path);
	struct stat status;
	int result = 0;

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
	if (result != 0 || mkdir(path, mode) == 0 || errno == EEXIST)
		return result;
	return pga_fail_errno(error, NULL, "could not make the directory %s", path);
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
	file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		    whom == PGA_FOR_EVERYBODY ? 0644 : 0600);
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
		if ((errno != EWOULDBLOCK && errno != EINTR) || tries == TRIES)
			return pga_fail_errno(error, "another process adds to it; try again",
					      "could not lock %s", path);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

int pga_append_begin(struct pga_append *append, const char *path, enum pga_append_for whom,
		     struct pga_error *error)
{
	struct pga_file_identity stamp;

	memset(append, 0, sizeof *append);
	append->path = path;
	append->file = open_own(path, whom, error);
	if (append->file < 0)
		return -1;
	if (lock(append->file, path, error) == 0 &&
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

	if (written == (ssize_t)bytes->length) {
		if (fdatasync(append->file) == 0)
			return 0;
		failed = errno;
	}
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
	else
		result = write_whole(append, &whole, error);
	if (result == 0)
		pga_text_add_bytes(&append->content, whole.bytes, whole.length);
	pga_text_free(&whole);
	return result;
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
}
