#include "base/subprocess.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

/* ASan ends a program in which something is loaded before it, and this tool itself is asked what
 * ld.so loads. */
static void allow_preload(void)
{
#ifdef WITH_ASAN
	static const char wanted[] = "verify_asan_link_order=0";
	const char *options = getenv("ASAN_OPTIONS");
	struct pga_text text = PGA_TEXT_EMPTY;

	if (options != NULL && strstr(options, wanted) != NULL)
		return;
	pga_text_addf(&text, "%s:%s", options != NULL ? options : "", wanted);
	if (!text.failed)
		(void)setenv("ASAN_OPTIONS", text.bytes, 1);
	pga_text_free(&text);
#endif
}

/* The environment with another LD_PRELOAD. The words belong to environ, and the last to preload. */
static char **environment_with(struct pga_text *preload)
{
	size_t count = 0;
	size_t kept = 0;
	char **copy;

	allow_preload();
	while (environ[count] != NULL)
		count++;
	copy = calloc(count + 2, sizeof *copy);
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", sizeof "LD_PRELOAD=" - 1) != 0)
			copy[kept++] = environ[i];
	copy[kept] = preload->bytes;
	return copy;
}

/* What is done with the output, and with what comes of it. */
struct sink {
	struct pga_subprocess *child;
	pga_subprocess_take *take; /* NULL: it is kept in child */
	void *context;
	unsigned seconds; /* of the whole, or of silence where it is not kept */
	bool group;       /* whatever it starts ends with it */
	bool refused;     /* take wanted no more */
	bool too_much;    /* it was more than can be kept */
	int lost;         /* the errno with which it could not be read; 0 */
	pid_t pid;        /* the program */
	bool ended;       /* it has, with this status; somebody else may have its streams yet */
	int status;
	int untold; /* the errno with which it could not be told whether it has; 0 */
};

/* Takes what there is to read. Returns false at the end of the stream, and where no more of it is
 * wanted. */
static bool take_some(int stream, struct sink *sink, struct pga_text *text)
{
	char buffer[16384];
	const ssize_t count = read(stream, buffer, sizeof buffer);

	if (count < 0 && errno != EINTR && errno != EAGAIN)
		sink->lost = errno;
	if (count < 0)
		return sink->lost == 0;
	if (count == 0)
		return false;
	if (sink->take != NULL && text == &sink->child->output) {
		sink->refused = !sink->take(sink->context, buffer, (size_t)count);
		return !sink->refused;
	}
	sink->too_much = text->length + (size_t)count > PGA_FILE_LIMIT;
	if (!sink->too_much)
		pga_text_add_bytes(text, buffer, (size_t)count);
	return !sink->too_much;
}

static int64_t now_in_milliseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How often a program whose streams say nothing is looked at, in milliseconds. */
#define LOOK 100

/* Looks whether it has ended: what it has started, a server, say, may go on with its streams for
 * ever. */
static void look(struct sink *sink)
{
	pid_t ended;

	if (sink->take != NULL || sink->group)
		return;
	ended = waitpid(sink->pid, &sink->status, WNOHANG);
	sink->ended = ended == sink->pid;
	if (ended < 0 && errno != EINTR)
		sink->untold = errno;
}

/* Takes both streams to their ends, or to where the program itself has ended and no more comes.
 * Returns false where that has not come by the deadline, and where no more of them is wanted. */
static bool take_all(int output, int errors, int64_t *deadline, struct sink *sink)
{
	struct pollfd streams[2] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};

	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		const int64_t left = *deadline - now_in_milliseconds();
		/* What it has said before it ended is there by now. */
		const int pause = sink->ended ? 0 : left < LOOK ? (int)left : LOOK;
		const int ready = left > 0 ? poll(streams, 2, pause) : 0;

		if (left <= 0)
			return false;
		if (ready == 0 && sink->ended)
			return true;
		if (ready == 0)
			look(sink);
		if (sink->untold != 0)
			return true;
		if (ready < 0 && errno != EINTR)
			sink->lost = errno;
		if (sink->lost != 0)
			return false;
		if (ready <= 0)
			continue;
		if (streams[0].revents != 0 && !take_some(output, sink, &sink->child->output))
			streams[0].fd = -1;
		if (streams[1].revents != 0 && !take_some(errors, sink, &sink->child->errors))
			streams[1].fd = -1;
		if (sink->refused || sink->too_much || sink->lost != 0)
			return false;
		if (sink->take != NULL)
			*deadline = now_in_milliseconds() + (int64_t)sink->seconds * 1000;
	}
	return true;
}

/* Waits for the end of a program that has closed its streams, or that is killed since it is late.
 * Returns 0, or -1 with errno. */
static int wait_for(struct sink *sink, bool *in_time, int64_t deadline)
{
	const struct timespec pause = {0, 2000000};
	const pid_t target = sink->group ? -sink->pid : sink->pid;
	bool killed = !*in_time;
	pid_t ended;

	if (sink->untold != 0) {
		errno = sink->untold;
		return -1;
	}
	if (sink->ended)
		return 0;
	/* Also where it has ended, and what it has started has not. */
	if (killed)
		(void)kill(target, SIGKILL);
	while ((ended = waitpid(sink->pid, &sink->status, killed ? 0 : WNOHANG)) != sink->pid) {
		if (ended < 0 && errno != EINTR)
			return -1;
		if (!killed && now_in_milliseconds() >= deadline) {
			*in_time = false;
			killed = true;
			(void)kill(target, SIGKILL);
		} else if (!killed) {
			(void)nanosleep(&pause, NULL);
		}
	}
	return 0;
}

/* ---- a group, which ends with whoever waits for it ---- */

static const int endings[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

static volatile sig_atomic_t group_now;

static void end_with_group(int number)
{
	/* Not the same: what a shell starts behind itself ignores SIGINT. */
	if (group_now > 0)
		(void)kill(-(pid_t)group_now, SIGTERM);
	/* As it would have been without: the handler was for once. */
	(void)raise(number);
}

/* Those that are ignored stay so: the program ignores them, too. */
static void watch_endings(struct sigaction before[ENDINGS])
{
	struct sigaction ending = {.sa_handler = end_with_group, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < ENDINGS; i++) {
		(void)sigaction(endings[i], NULL, &before[i]);
		if (before[i].sa_handler == SIG_DFL)
			(void)sigaction(endings[i], &ending, NULL);
	}
}

static void watch_no_endings(const struct sigaction before[ENDINGS])
{
	for (size_t i = 0; i < ENDINGS; i++)
		(void)sigaction(endings[i], &before[i], NULL);
	group_now = 0;
}

/* mask: of its signals, which are blocked here until it is known whom they end, too. */
static int set_group(posix_spawnattr_t *attributes, const sigset_t *mask)
{
	int failure = posix_spawnattr_setpgroup(attributes, 0);

	if (failure == 0)
		failure = posix_spawnattr_setsigmask(attributes, mask);
	if (failure == 0)
		failure = posix_spawnattr_setflags(attributes,
						   POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	return failure;
}

static int start(const char *const *argv, char **environment, const int *output, const int *errors,
		 const sigset_t *mask, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *words[24] = {NULL}; /* the same, in the type that POSIX wants */
	size_t count = 0;
	int failure;

	while (argv[count] != NULL)
		count++;
	if (count == 0 || count >= sizeof words / sizeof words[0])
		return EINVAL;
	memcpy(words, argv, count * sizeof words[0]);
	failure = posix_spawnattr_init(&attributes);
	if (failure != 0)
		return failure;
	failure = posix_spawn_file_actions_init(&actions);
	if (failure != 0) {
		(void)posix_spawnattr_destroy(&attributes);
		return failure;
	}
	if (mask != NULL)
		failure = set_group(&attributes, mask);
	if (failure == 0)
		failure = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(&actions, output[1], 1);
	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
	if (failure == 0)
		failure = posix_spawnp(pid, argv[0], &actions, &attributes, words, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return failure;
}

/* Whoever ends this process while it starts, ends the program, too. */
static int start_group(const char *const *argv, char **environment, const int *output,
		       const int *errors, pid_t *pid)
{
	sigset_t before;
	sigset_t held;
	int failure;

	(void)sigemptyset(&held);
	for (size_t i = 0; i < ENDINGS; i++)
		(void)sigaddset(&held, endings[i]);
	(void)pthread_sigmask(SIG_BLOCK, &held, &before);
	failure = start(argv, environment, output, errors, &before, pid);
	if (failure == 0)
		group_now = *pid;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

static void close_both(int *ends)
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			(void)close(ends[i]);
}

/* Why what a program said was not taken to its end. */
static int fail_to_take(const char *program, const struct sink *sink, struct pga_error *error)
{
	if (sink->refused)
		return pga_fail(error, NULL, "what %s says could not be taken", program);
	if (sink->lost != 0) {
		errno = sink->lost;
		return pga_fail_errno(error, NULL, "could not read what %s says", program);
	}
	if (sink->too_much)
		return pga_fail(error, NULL, "%s says more than %zu MiB", program,
				(size_t)PGA_FILE_LIMIT / 1024 / 1024);
	return pga_fail(error, "see why it does not answer, and try again",
			sink->take != NULL ? "%s has said nothing for %u seconds"
					   : "%s has not ended in %u seconds",
			program, sink->seconds);
}

/* Starts the program and takes what it says, to its end. Both pipes are there. */
static int run(const char *const *argv, char **environment, struct sink *sink, int *output,
	       int *errors, struct pga_error *error)
{
	struct pga_subprocess *child = sink->child;
	int64_t deadline = now_in_milliseconds() + (int64_t)sink->seconds * 1000;
	bool in_time = true;
	const int failure = sink->group
				? start_group(argv, environment, output, errors, &sink->pid)
				: start(argv, environment, output, errors, NULL, &sink->pid);

	if (failure != 0) {
		errno = failure;
		return pga_fail_errno(error, NULL, "could not start %s", argv[0]);
	}
	(void)close(output[1]);
	(void)close(errors[1]);
	output[1] = errors[1] = -1;
	in_time = take_all(output[0], errors[0], &deadline, sink);
	if (wait_for(sink, &in_time, deadline) != 0)
		return pga_fail_errno(error, NULL, "could not tell how %s ended", argv[0]);
	child->late = !in_time && !sink->refused && !sink->too_much && sink->lost == 0;
	if (!in_time)
		return fail_to_take(argv[0], sink, error);
	child->status =
	    WIFSIGNALED(sink->status) ? 128 + WTERMSIG(sink->status) : WEXITSTATUS(sink->status);
	return child->output.failed || child->errors.failed ? pga_fail_memory(error) : 0;
}

static int run_into(struct sink *sink, const char *const *argv, const char *preload,
		    struct pga_error *error)
{
	/* Whoever started us may have SIGCHLD ignored, which execve(2) passes on: the kernel then
	 * throws a child's exit status away, and waitpid(2) fails. */
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	struct sigaction before;
	struct pga_text variable = PGA_TEXT_EMPTY;
	char **environment = NULL;
	int output[2] = {-1, -1};
	int errors[2] = {-1, -1};
	int result = -1;

	memset(sink->child, 0, sizeof *sink->child);
	(void)sigaction(SIGCHLD, &as_usual, &before);
	if (preload != NULL) {
		pga_text_addf(&variable, "LD_PRELOAD=%s", preload);
		environment = variable.failed ? NULL : environment_with(&variable);
		if (environment == NULL) {
			(void)pga_fail_memory(error);
			goto done;
		}
	}
	if (pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0)
		(void)pga_fail_errno(error, NULL, "could not start %s", argv[0]);
	else
		result = run(argv, environment != NULL ? environment : environ, sink, output,
			     errors, error);
done:
	(void)sigaction(SIGCHLD, &before, NULL);
	close_both(output);
	close_both(errors);
	free(environment);
	pga_text_free(&variable);
	return result;
}

int pga_subprocess_run_for(unsigned seconds, const char *const *argv, const char *preload,
			   struct pga_subprocess *child, struct pga_error *error)
{
	struct sink sink = {.child = child, .seconds = seconds};

	return run_into(&sink, argv, preload, error);
}

int pga_subprocess_run_group(unsigned seconds, const char *const *argv,
			     struct pga_subprocess *child, struct pga_error *error)
{
	struct sink sink = {.child = child, .seconds = seconds, .group = true};
	struct sigaction before[ENDINGS];
	int result;

	watch_endings(before);
	result = run_into(&sink, argv, NULL, error);
	watch_no_endings(before);
	return result;
}

int pga_subprocess_stream(unsigned seconds, const char *const *argv, pga_subprocess_take *take,
			  void *context, struct pga_subprocess *child, struct pga_error *error)
{
	struct sink sink = {.child = child, .take = take, .context = context, .seconds = seconds};

	return run_into(&sink, argv, "", error);
}

int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error)
{
	return pga_subprocess_run_for(PGA_SUBPROCESS_SECONDS, argv, preload, child, error);
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->output);
	pga_text_free(&child->errors);
}
