#include "gate/passfile.h"

#include "base/quiet_write.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_LINES ((off_t)1 << 20) /* bytes of a user's own password file that are copied */

int gate_memory_file(void)
{
	const int file = memfd_create("pganchor", MFD_CLOEXEC);
	int above;

	if (file < 0 || file > STDERR_FILENO)
		return file;
	above = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(file);
	return above;
}

/* What takes the place of a password file is named so that it is known again, with what it has
 * taken the place of: /proc/self/fd, the bits of a number as "/" and "/.", a slash, and the
 * descriptor. The number is that of a path here, which is never freed: a process has one, seldom
 * two. */
#define FILES "/proc/self/fd"
#define BITS  8
static _Atomic(char *) replaced[1U << BITS];

static bool remember(const char *path, unsigned *number)
{
	char *copy = strdup(path);

	for (*number = 0; copy != NULL && *number < 1U << BITS; (*number)++) {
		char *there = NULL;

		if (atomic_compare_exchange_strong(&replaced[*number], &there, copy))
			return true;
		if (strcmp(there, path) == 0) {
			free(copy);
			return true;
		}
	}
	free(copy);
	return false;
}

static void name(struct gate_passfile *passfile, unsigned number)
{
	char mark[2 * BITS + 1] = "";
	size_t length = 0;

	for (unsigned bit = 0; bit < BITS; bit++) {
		mark[length++] = '/';
		if ((number >> bit & 1) != 0)
			mark[length++] = '.';
	}
	(void)snprintf(passfile->path, sizeof passfile->path, FILES "%s/%d", mark, passfile->file);
}

static const char *recall(const char *path)
{
	unsigned number = 0;

	if (strncmp(path, FILES, strlen(FILES)) != 0)
		return NULL;
	path += strlen(FILES);
	for (unsigned bit = 0; bit < BITS; bit++) {
		if (*path++ != '/')
			return NULL;
		if (*path == '.') {
			number |= 1U << bit;
			path++;
		}
	}
	if (*path++ != '/' || *path == '\0' || strspn(path, "0123456789") != strlen(path))
		return NULL;
	return atomic_load(&replaced[number]);
}

bool gate_passfile_is_in(const struct pga_effective *effective)
{
	const char *path = pga_effective_value(effective, "passfile");

	return path != NULL && recall(path) != NULL;
}

void gate_passfile_restore(PQconninfoOption *options)
{
	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
	     option++) {
		const char *before;

		if (strcmp(option->keyword, "passfile") != 0 || option->val == NULL)
			continue;
		before = recall(option->val);
		if (before == NULL)
			continue;
		/* Without memory for it, it is not set; libpq then takes its default. */
		free(option->val);
		option->val = before[0] != '\0' ? strdup(before) : NULL;
	}
}

static bool write_all(int file, const char *bytes, size_t length)
{
	while (length > 0) {
		const ssize_t written = pga_write_quietly(file, bytes, length);

		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* The lines of the user's own file come first: what libpq finds without the gate, it finds with it.
 * One that libpq would not read (passwordFromFile()) has none. */
static bool copy_own_lines(int file, const char *path)
{
	const int own = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	char buffer[4096];
	ssize_t length = 0;
	char last = '\n';
	bool copied = true;

	if (own < 0)
		return true;
	if (fstat(own, &stat) != 0 || !S_ISREG(stat.st_mode) ||
	    (stat.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		(void)close(own);
		return true;
	}
	if (stat.st_size > OWN_LINES)
		copied = false;
	while (copied && (length = read(own, buffer, sizeof buffer)) > 0) {
		copied = write_all(file, buffer, (size_t)length);
		last = buffer[length - 1];
	}
	copied = copied && length == 0 && (last == '\n' || write_all(file, "\n", 1));
	explicit_bzero(buffer, sizeof buffer);
	(void)close(own);
	return copied;
}

/* libpq opens it by its name, once more. */
static bool can_be_opened(const struct gate_passfile *passfile)
{
	const int again = open(passfile->path, O_RDONLY | O_CLOEXEC);

	if (again < 0)
		return false;
	(void)close(again);
	return true;
}

bool gate_passfile_write(struct gate_passfile *passfile, const char *lines, size_t length,
			 const char *before, bool copies)
{
	unsigned number;

	if (!remember(before, &number))
		return false;
	passfile->file = gate_memory_file();
	if (passfile->file < 0)
		return false;
	name(passfile, number);
	if (fchmod(passfile->file, S_IRUSR | S_IWUSR) == 0 &&
	    (!copies || copy_own_lines(passfile->file, before)) &&
	    write_all(passfile->file, lines, length) && can_be_opened(passfile))
		return true;
	gate_passfile_close(passfile);
	return false;
}

void gate_passfile_close(struct gate_passfile *passfile)
{
	if (passfile->file >= 0)
		(void)close(passfile->file);
	passfile->file = -1;
}
