/* A machine of the test's own: what our own objects look for in /proc, /var/log and /run/log, they
 * find below the test's directory, by the linker (--wrap, MOVED_WRAPS in Makefile.am). */
#ifndef PGA_TESTS_UNIT_MOVED_ROOT_H
#define PGA_TESTS_UNIT_MOVED_ROOT_H

#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* A call that fails for a path as the machine knows it: root may do everything. */
static struct {
	const char *call; /* NULL: none */
	const char *path;
	int code;
} denied;

/* The flags of the last open(2). */
static int opened_with;

/* What fstat(2) tells, changed; NULL: as it is. Returns its result. */
static int (*played_status)(int file, struct stat *status);

static inline void deny(const char *call, const char *path, int code)
{
	denied.call = call;
	denied.path = path;
	denied.code = code;
}

static bool is_denied(const char *call, const char *path)
{
	if (denied.call == NULL || strcmp(call, denied.call) != 0 || strcmp(path, denied.path) != 0)
		return false;
	errno = denied.code;
	return true;
}

/* The path where the test has put it; two may be in use at a time. */
static const char *moved(const char *path)
{
	static const char *const roots[] = {"/proc", "/var/log", "/run/log"};
	static char paths[2][PATH_MAX + sizeof scratch];
	static unsigned turn;

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		const size_t length = strlen(roots[i]);
		char *at = paths[turn % 2];

		if (strncmp(path, roots[i], length) != 0 ||
		    (path[length] != '/' && path[length] != '\0'))
			continue;
		turn++;
		(void)snprintf(at, sizeof paths[0], "%s%s", scratch, path);
		return at;
	}
	return path;
}

#define MOVED(type, name, failure, parameters, arguments)                            \
	type __real_##name parameters;                                               \
	type __wrap_##name parameters;                                               \
	type __wrap_##name parameters                                                \
	{                                                                            \
		return is_denied(#name, path) ? (failure) : __real_##name arguments; \
	}

MOVED(DIR *, opendir, NULL, (const char *path), (moved(path)))
MOVED(FILE *, fopen, NULL, (const char *path, const char *mode), (moved(path), mode))
MOVED(ssize_t, readlink, -1, (const char *path, char *target, size_t size),
      (moved(path), target, size))
MOVED(int, scandir, -1,
      (const char *path, struct dirent ***names, int (*filter)(const struct dirent *),
       int (*compare)(const struct dirent **, const struct dirent **)),
      (moved(path), names, filter, compare))

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	const int result = is_denied("access", path) ? -1 : __real_access(moved(path), mode);

	/* Of what went well, errno says nothing. */
	if (result == 0)
		errno = ENOENT;
	return result;
}

/* What stat(2) tells, changed; NULL: as it is. */
static void (*played_look)(struct stat *status);

int __real_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status);
int __wrap_stat(const char *path, struct stat *status)
{
	const int result = is_denied("stat", path) ? -1 : __real_stat(moved(path), status);

	if (played_look != NULL && result == 0)
		played_look(status);
	return result;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	opened_with = flags;
	return is_denied("open", path) ? -1 : __real_open(moved(path), flags);
}

int __real_fstat(int file, struct stat *status);
int __wrap_fstat(int file, struct stat *status);
int __wrap_fstat(int file, struct stat *status)
{
	const int result = __real_fstat(file, status);

	return played_status != NULL && result == 0 ? played_status(file, status) : result;
}

/* Makes the directories of a path below the test's directory. */
static inline void make_directories(const char *path)
{
	char place[PATH_MAX + sizeof scratch];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		(void)snprintf(place, sizeof place, "%s%.*s", scratch, (int)(slash - path), path);
		assert_true(mkdir(place, 0755) == 0 || errno == EEXIST);
	}
}

/* A file of that machine; with a path that ends with a slash, a directory. */
static inline void put_moved(const char *path, const char *content)
{
	char place[PATH_MAX + sizeof scratch];

	make_directories(path);
	(void)snprintf(place, sizeof place, "%s%s", scratch, path);
	if (path[strlen(path) - 1] != '/')
		put(place, content);
}

/* The number that the next file will get: the same as before where nothing was left open. */
static inline int next_descriptor(void)
{
	const int file = __real_open("/", O_RDONLY | O_CLOEXEC);

	assert_true(file >= 0 && close(file) == 0);
	return file;
}

#endif
