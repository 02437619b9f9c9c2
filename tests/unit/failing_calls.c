#include "failing_calls.h"

#include "base/text.h"
#include "cmocka_start.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *name; /* NULL: none */
	unsigned left;    /* calls until then */
	unsigned times;
	int code;
	bool failed;
} failing;
static unsigned opens_until_zero;
static bool gives_zero;
static bool slow;
static bool interrupted;

void fail_call(const char *name, unsigned number, unsigned times, int code)
{
	failing.name = name;
	failing.left = number;
	failing.times = times;
	failing.code = code;
	failing.failed = false;
}

bool end_failing(void)
{
	failing.name = NULL;
	gives_zero = false;
	return failing.failed;
}

void give_zero(unsigned number)
{
	gives_zero = true;
	opens_until_zero = number;
	failing.failed = false;
}

void transfer_slowly(bool slowly)
{
	slow = slowly;
	interrupted = false;
}

static struct pga_text *trace; /* NULL: there is none */

void trace_calls(struct pga_text *into)
{
	trace = into;
}

/* The flags of an open(2), in words. */
static const char *words_of(int flags)
{
	static const struct {
		int flag;
		const char *word;
	} known[] = {{O_WRONLY, " WRONLY"},     {O_RDWR, " RDWR"},
		     {O_CREAT, " CREAT"},       {O_EXCL, " EXCL"},
		     {O_PATH, " PATH"},         {O_DIRECTORY, " DIRECTORY"},
		     {O_NOFOLLOW, " NOFOLLOW"}, {O_NONBLOCK, " NONBLOCK"},
		     {O_NOCTTY, " NOCTTY"},     {O_CLOEXEC, " CLOEXEC"}};
	static char words[128];

	words[0] = '\0';
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if ((flags & known[i].flag) == known[i].flag)
			(void)strcat(words, known[i].word);
	return words;
}

/* What happens before a call. */
static struct {
	const char *name;
	unsigned left;
	void (*happens)(void);
} meanwhile;

void call_before(const char *name, unsigned number, void (*happens)(void))
{
	meanwhile.name = name;
	meanwhile.left = number;
	meanwhile.happens = happens;
}

static bool fails(const char *name)
{
	if (meanwhile.name != NULL && strcmp(meanwhile.name, name) == 0 && --meanwhile.left == 0) {
		meanwhile.name = NULL;
		meanwhile.happens();
	}
	if (failing.name == NULL || strcmp(failing.name, name) != 0)
		return false;
	if (failing.left > 1) {
		failing.left--;
		return false;
	}
	if (failing.times == 0)
		return false;
	failing.times--;
	failing.failed = true;
	errno = failing.code;
	return true;
}

int __real_close(int file);
int __real_fcntl(int file, int command, ...);

static int opened(int file)
{
	int moved;

	if (file < 0 || !gives_zero)
		return file;
	/* The lowest that is free is 0 itself, until something has it. */
	moved = --opens_until_zero == 0 && file == 0 ? 0 : __real_fcntl(file, F_DUPFD_CLOEXEC, 3);
	if (moved != 0)
		(void)__real_close(file);
	failing.failed = failing.failed || moved == 0;
	return moved;
}

/* Whether a transfer is interrupted now; else it is of one byte at the most. */
static bool is_slow(size_t *length)
{
	if (!slow)
		return false;
	interrupted = !interrupted;
	*length = *length > 1 ? 1 : *length;
	errno = EINTR;
	return interrupted;
}

#define TRACE(...)                                         \
	do {                                               \
		if (trace != NULL)                         \
			pga_text_addf(trace, __VA_ARGS__); \
	} while (0)

/* A call that fails, or does what it is to do. */
#define WRAP(type, name, failure, parameters, arguments)                   \
	type __real_##name parameters;                                     \
	type __wrap_##name parameters;                                     \
	type __wrap_##name parameters                                      \
	{                                                                  \
		return fails(#name) ? (failure) : __real_##name arguments; \
	}

/* Ours, where the program has it: root may not act as everybody. */
__attribute__((weak)) int __real_pga_act_as(uid_t owner, gid_t group);
int __wrap_pga_act_as(uid_t owner, gid_t group);
int __wrap_pga_act_as(uid_t owner, gid_t group)
{
	return fails("pga_act_as") ? -1 : __real_pga_act_as(owner, group);
}

/* The same of one that is traced. */
#define WRAP_TRACED(name, parameters, arguments, ...)               \
	int __real_##name parameters;                               \
	int __wrap_##name parameters;                               \
	int __wrap_##name parameters                                \
	{                                                           \
		TRACE(__VA_ARGS__);                                 \
		return fails(#name) ? -1 : __real_##name arguments; \
	}

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, (void *block, size_t size), (block, size))
WRAP(void *, reallocarray, NULL, (void *block, size_t count, size_t size), (block, count, size))
WRAP(char *, strdup, NULL, (const char *string), (string))
WRAP(char *, strndup, NULL, (const char *string, size_t most), (string, most))
WRAP(char *, getcwd, NULL, (char *buffer, size_t size), (buffer, size))
WRAP(int, stat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, lstat, -1, (const char *path, struct stat *status), (path, status))
WRAP(int, access, -1, (const char *path, int mode), (path, mode))
WRAP(ssize_t, readlinkat, -1, (int at, const char *name, char *buffer, size_t size),
     (at, name, buffer, size))
WRAP_TRACED(mkdirat, (int at, const char *name, mode_t mode), (at, name, mode), "mkdirat %s %04o\n",
	    name, (unsigned)mode)
WRAP_TRACED(unlinkat, (int at, const char *name, int flags), (at, name, flags),
	    "unlinkat %.13s %#x\n", name, (unsigned)flags)
WRAP_TRACED(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new),
	    "renameat %.13s %s\n", old, new)
WRAP_TRACED(fchmod, (int file, mode_t mode), (file, mode), "fchmod %04o\n", (unsigned)mode)
WRAP(int, fchown, -1, (int file, uid_t owner, gid_t group), (file, owner, group))
WRAP(int, futimens, -1, (int file, const struct timespec *times), (file, times))
WRAP_TRACED(flock, (int file, int operation), (file, operation), "flock%s%s\n",
	    (operation & LOCK_EX) != 0 ? " EX" : "", (operation & LOCK_NB) != 0 ? " NB" : "")
WRAP_TRACED(ftruncate, (int file, off_t length), (file, length), "ftruncate %ld\n", (long)length)
WRAP(ssize_t, getrandom, -1, (void *buffer, size_t length, unsigned flags), (buffer, length, flags))
WRAP(ssize_t, fgetxattr, -1, (int file, const char *name, void *value, size_t size),
     (file, name, value, size))
WRAP(ssize_t, flistxattr, -1, (int file, char *names, size_t size), (file, names, size))
WRAP(int, fsetxattr, -1, (int file, const char *name, const void *value, size_t size, int flags),
     (file, name, value, size, flags))
WRAP(int, fremovexattr, -1, (int file, const char *name), (file, name))
WRAP(int, poll, -1, (struct pollfd * files, nfds_t count, int wait), (files, count, wait))
WRAP(pid_t, waitpid, -1, (pid_t pid, int *status, int options), (pid, status, options))
WRAP(int, pipe2, -1, (int ends[2], int flags), (ends, flags))
WRAP(int, dup2, -1, (int from, int to), (from, to))
WRAP(int, setenv, -1, (const char *name, const char *value, int replace), (name, value, replace))

/* A write that has moved nothing at all is no error either. */
static bool is_idle(const char *name)
{
	static unsigned turn;

	if (!slow || strstr(name, "write") == NULL || ++turn % 3 != 0)
		return false;
	errno = EIO; /* of whatever was before */
	return true;
}

/* A call that moves bytes, and is slow where that is wanted. */
#define WRAP_TRANSFER(name, parameters, arguments)                                      \
	ssize_t __real_##name parameters;                                               \
	ssize_t __wrap_##name parameters;                                               \
	ssize_t __wrap_##name parameters                                                \
	{                                                                               \
		if (is_idle(#name))                                                     \
			return 0;                                                       \
		return fails(#name) || is_slow(&length) ? -1 : __real_##name arguments; \
	}

WRAP_TRANSFER(read, (int file, void *bytes, size_t length), (file, bytes, length))
WRAP_TRANSFER(write, (int file, const void *bytes, size_t length), (file, bytes, length))
WRAP_TRANSFER(pwrite, (int file, const void *bytes, size_t length, off_t at),
	      (file, bytes, length, at))

/* What the time is: stopped, so that nothing that was changed since settles. */
static struct timespec stopped;
static time_t seconds_each;
static time_t hurried;
static long milliseconds_each;
static long milliseconds;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (fails("clock_gettime"))
		return -1;
	if (clock == CLOCK_REALTIME && stopped.tv_sec != 0) {
		*now = stopped;
		return 0;
	}
	if (__real_clock_gettime(clock, now) != 0)
		return -1;
	hurried += seconds_each;
	now->tv_sec += hurried;
	if (milliseconds_each > 0) {
		milliseconds += milliseconds_each;
		now->tv_sec = 1000 + milliseconds / 1000;
		now->tv_nsec = milliseconds % 1000 * 1000000;
	}
	return 0;
}

void hurry_clock(time_t seconds)
{
	seconds_each = seconds;
	hurried = 0;
}

void hurry_clock_a_little(long each)
{
	milliseconds_each = each;
	milliseconds = -each;
}

void stop_clock(time_t ahead)
{
	(void)__real_clock_gettime(CLOCK_REALTIME, &stopped);
	stopped.tv_sec += ahead;
}

static bool times_stopped;

void stop_times(bool stop)
{
	times_stopped = stop;
}

static int looked(int result, struct stat *status)
{
	if (result == 0 && times_stopped)
		status->st_mtim = status->st_ctim = stopped;
	return result;
}

int __real_fstat(int file, struct stat *status);
int __wrap_fstat(int file, struct stat *status);
int __wrap_fstat(int file, struct stat *status)
{
	return fails("fstat") ? -1 : looked(__real_fstat(file, status), status);
}

int __real_fstatat(int at, const char *name, struct stat *status, int flags);
int __wrap_fstatat(int at, const char *name, struct stat *status, int flags);
int __wrap_fstatat(int at, const char *name, struct stat *status, int flags)
{
	return fails("fstatat") ? -1 : looked(__real_fstatat(at, name, status, flags), status);
}

/* Nobody pulls the plug of a test: it waits for no disk. */
int __wrap_fsync(int file);
int __wrap_fsync(int file)
{
	(void)file;
	TRACE("%s\n", "fsync");
	return fails("fsync") ? -1 : 0;
}

int __wrap_close(int file);
int __wrap_close(int file)
{
	const bool failed = fails("close");
	const int code = errno;
	const int result = __real_close(file);

	if (!failed)
		return result;
	errno = code;
	return -1;
}

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags)
{
	return fails("memfd_create") ? -1 : opened(__real_memfd_create(name, flags));
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	TRACE("open %.13s%s\n", path, words_of(flags));
	return fails("open") ? -1 : opened(__real_open(path, flags));
}

int __real_openat(int at, const char *name, int flags, ...);
int __wrap_openat(int at, const char *name, int flags, ...);
int __wrap_openat(int at, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	if ((flags & O_CREAT) != 0) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	TRACE("openat %.13s%s %04o\n", name, words_of(flags), mode);
	return fails("openat") ? -1 : opened(__real_openat(at, name, flags, mode));
}

int __wrap_fcntl(int file, int command, ...);

/* Our own ask for a copy, and nothing else. */
int __wrap_fcntl(int file, int command, ...)
{
	va_list arguments;
	int least;

	va_start(arguments, command);
	least = va_arg(arguments, int);
	va_end(arguments);
	TRACE("fcntl%s %d\n", command == F_DUPFD_CLOEXEC ? " DUPFD_CLOEXEC" : "", least);
	return fails("fcntl") ? -1 : __real_fcntl(file, command, least);
}

size_t names_in(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count - 2;
}
