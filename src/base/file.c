#include "base/file.h"

#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int pga_file_read_open(int file, const char *path, struct pga_text *content,
		       struct pga_file_identity *stamp, struct pga_error *error)
{
	char buffer[4096]; /* a thread of somebody else's may have a small stack */
	struct stat status;
	ssize_t count;

	if (fstat(file, &status) != 0)
		return pga_fail_errno(error, NULL, "could not look at %s", path);
	*stamp = pga_file_identity_from(&status);
	if (!S_ISREG(status.st_mode))
		return pga_fail(error, "move it away, or name another file",
				"%s: not a regular file", path);
	while ((count = read(file, buffer, sizeof buffer)) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return pga_fail_errno(error, NULL, "could not read %s", path);
		pga_text_add_bytes(content, buffer, (size_t)count);
		if (content->length > PGA_FILE_LIMIT)
			return pga_fail(error, "is it the right file?", "%s: larger than %zu MiB",
					path, PGA_FILE_LIMIT / 1024 / 1024);
	}
	return content->failed ? pga_fail_memory(error) : 0;
}

static int read_whole(const char *path, struct pga_text *content, bool *found,
		      struct pga_file_identity *stamp, struct pga_error *error)
{
	int result;
	int file;

	if (found != NULL)
		*found = false;
	*stamp = pga_file_identity_of(NULL);
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file < 0) {
		if (found != NULL && (errno == ENOENT || errno == ENOTDIR))
			return 0;
		return pga_fail_errno(error, "check the path and its permissions",
				      "could not open %s", path);
	}
	result = pga_file_read_open(file, path, content, stamp, error);
	(void)close(file);
	if (result == 0 && found != NULL)
		*found = true;
	return result;
}

int pga_file_read(const char *path, struct pga_text *content, bool *found, struct pga_error *error)
{
	struct pga_file_identity stamp;

	return read_whole(path, content, found, &stamp, error);
}

int pga_file_read_stamped(const char *path, struct pga_text *content, bool *found,
			  struct pga_file_identity *stamp, struct pga_error *error)
{
	if (read_whole(path, content, found, stamp, error) != 0)
		return -1;
	return *found ? 0 : pga_file_check_link(path, error);
}

int pga_file_check_link(const char *path, struct pga_error *error)
{
	struct stat status;

	if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode) || stat(path, &status) == 0)
		return 0;
	return pga_fail(error, "put back what it leads to, or remove the link",
			"%s: a symbolic link that leads to nothing", path);
}

/* The most of a line that a message shows. */
#define SHOWN_LENGTH 200

int pga_write_all(int file, const char *bytes, size_t length)
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

int pga_fail_at_line(struct pga_error *error, const char *hint, const char *path, size_t number,
		     const char *what, const char *text, size_t length)
{
	if (pga_is_secure_execution())
		return pga_fail(error, hint, "%s, line %zu: %s", path, number, what);
	return pga_fail(error, hint, "%s, line %zu: %s: %.*s", path, number, what,
			(int)(length <= SHOWN_LENGTH ? length : pga_text_whole(text, SHOWN_LENGTH)),
			text);
}
