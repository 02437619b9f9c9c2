/* Between the program and pganchor-secret stands a process that executes nothing and shares the
 * program's memory: what it waits for is its own child, and it is one without an exit signal
 * itself, which wait() and SIGCHLD are not told of (clone(2), __WCLONE). execve(2) would give it
 * one. */
#include "gate/keyring.h"

#include "base/quiet_write.h"
#include "gate/passfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK ((size_t)64 * 1024) /* of each of the two processes */
/* Milliseconds that it may take: a little more than it gives itself. */
#define BOUND (PGA_SECRET_LIMIT + 300)

static const char program[] = PKGLIBEXECDIR "/" PGA_SECRET_PROGRAM;

struct attempt {
	int request;
	int answer;
	char *stacks;
	char *environment[4];
	enum pga_secret_status status;
};

/* What the keyring is found by. The rest of the program's environment is no business of its, the
 * gate that it has in LD_PRELOAD among it. */
static const char passed_on[][32] = {"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME"};

static bool copy_environment(struct attempt *attempt)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
		struct pga_text word = PGA_TEXT_EMPTY;
		const char *value = getenv(passed_on[i]);

		if (value == NULL)
			continue;
		pga_text_addf(&word, "%s=%s", passed_on[i], value);
		attempt->environment[count] = pga_text_take(&word);
		if (attempt->environment[count++] == NULL)
			return false;
	}
	return true;
}

static int write_request(const struct pga_text *request)
{
	const int file = gate_memory_file();

	if (file >= 0 &&
	    pga_write_quietly(file, request->bytes, request->length) == (ssize_t)request->length &&
	    lseek(file, 0, SEEK_SET) == 0)
		return file;
	if (file >= 0)
		(void)close(file);
	return -1;
}

static int become_helper(void *argument)
{
	const struct attempt *attempt = argument;
	char name[] = PGA_SECRET_PROGRAM;
	char *const words[] = {name, NULL};
	struct sigaction default_action = {.sa_handler = SIG_DFL};
	const int nowhere = open("/dev/null", O_WRONLY);
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &default_action, NULL);
	/* Neither is one of the three. */
	if (dup2(attempt->request, STDIN_FILENO) < 0 || dup2(attempt->answer, STDOUT_FILENO) < 0 ||
	    dup2(nowhere, STDERR_FILENO) < 0)
		_exit(PGA_SECRET_FAILED);
	/* What a program has left open without O_CLOEXEC is not for it. Older kernels do without.
	 */
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	/* Ctrl-C at the terminal is for the program. */
	(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(program, words, attempt->environment);
	_exit(errno == ENOENT ? PGA_SECRET_ABSENT : (int)GATE_NOT_ASKED);
}

/* Whether the child has ended by then. SIGCHLD is blocked, and so kept until it is asked for. */
static bool has_ended(pid_t child, const struct timespec *until, int *status)
{
	sigset_t ends;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGCHLD);
	for (;;) {
		const pid_t ended = waitpid(child, status, WNOHANG);
		struct timespec now;
		struct timespec left;

		if (ended != 0)
			return ended == child;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		left.tv_sec = until->tv_sec - now.tv_sec;
		left.tv_nsec = until->tv_nsec - now.tv_nsec;
		if (left.tv_nsec < 0) {
			left.tv_sec--;
			left.tv_nsec += 1000000000;
		}
		if (left.tv_sec < 0)
			return false;
		(void)sigtimedwait(&ends, NULL, &left);
	}
}

static int stand_between(void *argument)
{
	struct attempt *attempt = argument;
	struct sigaction default_action = {.sa_handler = SIG_DFL};
	struct timespec until;
	pid_t child;
	int status;

	/* Where the program ignores it, nobody would be told how a child has ended. */
	(void)sigaction(SIGCHLD, &default_action, NULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += BOUND % 1000 * 1000000L;
	until.tv_sec += BOUND / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	child = clone(become_helper, attempt->stacks + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD,
		      attempt);
	if (child < 0)
		_exit(0);
	if (has_ended(child, &until, &status)) {
		if (WIFEXITED(status))
			attempt->status = (enum pga_secret_status)WEXITSTATUS(status);
		_exit(0);
	}
	attempt->status = PGA_SECRET_LATE;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, &status, 0);
	_exit(0);
}

static void run(struct attempt *attempt)
{
	char *stacks = mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pid_t between;

	if (stacks == MAP_FAILED)
		return;
	attempt->stacks = stacks;
	between = clone(stand_between, stacks + 2 * STACK, CLONE_VM | CLONE_VFORK, attempt);
	/* A program that waits with __WALL may have been told first. */
	while (between > 0 && waitpid(between, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
	(void)munmap(stacks, 2 * STACK);
}

enum pga_secret_status gate_keyring_ask(const struct pga_text *request, int answer)
{
	struct attempt attempt = {.request = -1, .answer = answer, .status = GATE_NOT_ASKED};
	const int saved = errno;

	if (!request->failed && copy_environment(&attempt))
		attempt.request = write_request(request);
	if (attempt.request >= 0) {
		run(&attempt);
		(void)close(attempt.request);
	}
	for (size_t i = 0; i < sizeof attempt.environment / sizeof attempt.environment[0]; i++)
		free(attempt.environment[i]);
	errno = saved;
	return attempt.status;
}
