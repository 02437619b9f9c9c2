#include "base/memory_file.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(struct pga_memory_file *file, unsigned flags, struct pga_error *error)
{
	file->path[0] = '\0';
	file->descriptor = memfd_create("pganchor", flags);
	if (file->descriptor < 0)
		return pga_fail_errno(error, NULL, "could not make a file in memory");
	(void)snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->descriptor);
	if (access(file->path, R_OK) == 0)
		return 0;
	pga_memory_file_end(file);
	return pga_fail_errno(error, "mount /proc", "could not open a file in memory");
}

int pga_memory_file_make(struct pga_memory_file *file, struct pga_error *error)
{
	return make(file, MFD_CLOEXEC, error);
}

int pga_memory_file_put(const struct pga_memory_file *file, const char *bytes, size_t length,
			struct pga_error *error)
{
	struct stat before;
	size_t written = 0;

	/* The pages that it has are used again. */
	if (fstat(file->descriptor, &before) != 0 ||
	    ((size_t)before.st_size > length && ftruncate(file->descriptor, (off_t)length) != 0))
		return pga_fail_errno(error, NULL, "could not shorten a file in memory");
	while (written < length) {
		ssize_t count =
		    pwrite(file->descriptor, bytes + written, length - written, (off_t)written);

		if (count < 0 && errno != EINTR)
			return pga_fail_errno(error, NULL, "could not write a file in memory");
		written += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

void pga_memory_file_end(struct pga_memory_file *file)
{
	if (file->descriptor >= 0)
		(void)close(file->descriptor);
	file->descriptor = -1;
}

/* The descriptor of this process that the path is a name of; -1: none. */
static int descriptor_of(const char *path)
{
	static const char *const directories[] = {"/dev/fd/", "/proc/self/fd/"};

	if (strcmp(path, "/dev/stdin") == 0)
		return STDIN_FILENO;
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
		size_t length = strlen(directories[i]);
		const char *digits = path + length;

		if (strncmp(path, directories[i], length) == 0 && digits[0] != '\0' &&
		    strlen(digits) < 8 && digits[strspn(digits, "0123456789")] == '\0')
			return (int)strtol(digits, NULL, 10);
	}
	return -1;
}

bool pga_is_descriptor(const char *path)
{
	return descriptor_of(path) >= 0;
}

static int read_to_end(const char *path, struct pga_text *text, struct pga_error *error)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[16384];
	ssize_t count = -1;

	/* What has found no memory once grows no more. */
	while (descriptor >= 0 && !text->failed && text->length < PGA_FILE_LIMIT &&
	       ((count = read(descriptor, buffer, sizeof buffer)) > 0 ||
		(count < 0 && errno == EINTR)))
		if (count > 0)
			pga_text_add_bytes(text, buffer, (size_t)count);
	if (text->failed)
		(void)pga_fail_memory(error);
	else if (count < 0)
		(void)pga_fail_errno(error, NULL, "could not read %s", path);
	else if (count > 0)
		(void)pga_fail(error, NULL, "%s: larger than %zu bytes", path, PGA_FILE_LIMIT);
	if (descriptor >= 0)
		(void)close(descriptor);
	return count == 0 && !text->failed ? 0 : -1;
}

/* Lets the path lead to the copy, which belongs to the process from then on. */
static int put_in_place(const char *variable, const char *path, struct pga_memory_file *copy,
			struct pga_error *error)
{
	int descriptor = descriptor_of(path);

	if (descriptor < 0) {
		if (setenv(variable, copy->path, 1) != 0)
			return pga_fail_memory(error);
		copy->descriptor = -1;
		return 0;
	}
	if (dup2(copy->descriptor, descriptor) < 0)
		return pga_fail_errno(error, NULL, "could not keep %s", path);
	return 0;
}

int pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
			       struct pga_error *error)
{
	const char *path = getenv(variable);
	struct pga_memory_file copy = PGA_NO_MEMORY_FILE;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct stat status;
	int result = -1;

	/* What is missing is for others to say. */
	if (path == NULL || stat(path, &status) != 0 || !S_ISFIFO(status.st_mode) ||
	    (descriptors_alone && !pga_is_descriptor(path)))
		return 0;
	if (read_to_end(path, &text, error) == 0 && make(&copy, 0, error) == 0 &&
	    pga_memory_file_put(&copy, pga_text_string(&text), text.length, error) == 0)
		result = put_in_place(variable, path, &copy, error);
	pga_memory_file_end(&copy);
	pga_text_free(&text);
	return result;
}
