/* What is executed, for recording.py: gcc's -fsanitize-coverage=trace-pc calls this in every basic
 * block, and it sets a byte of a file that each process of the program or library shares. So the
 * record holds whatever becomes of the process: _exit, a signal, another environment, another user.
 *
 * COVER_DIRECTORY is where the files are; without a file of this object's name nothing is recorded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* libc's other name for open(), which no unit leads elsewhere (--wrap). */
int __open(const char *path, int flags, ...);

static unsigned char *executed;
static size_t length;
static int state; /* 0 not looked yet, 1 somebody is looking, 2 done */

static void open_record(void)
{
	char path[4096];
	Dl_info own;
	struct stat status;

	if (dladdr(__ehdr_start, &own) == 0 || own.dli_fname == NULL)
		return;
	const char *name = strrchr(own.dli_fname, '/');
	(void)snprintf(path, sizeof path, "%s/%s", COVER_DIRECTORY,
		       name != NULL ? name + 1 : own.dli_fname);
	int fd = __open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0) {
		length = (size_t)status.st_size;
		void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			executed = map;
	}
	(void)close(fd);
}

__attribute__((visibility("hidden"))) void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	uintptr_t offset = (uintptr_t)__builtin_return_address(0) - (uintptr_t)__ehdr_start;
	int unknown = 0;

	if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == 0 &&
	    __atomic_compare_exchange_n(&state, &unknown, 1, 0, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		int error = errno;
		open_record();
		errno = error;
		__atomic_store_n(&state, 2, __ATOMIC_RELEASE);
	}
	if (executed != NULL && offset < length)
		executed[offset] = 1;
}
