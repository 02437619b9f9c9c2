#include "base/subprocess.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The environment with another LD_PRELOAD. The words belong to environ, and the last to preload. */
static char **environment_with(struct pga_text *preload)
{
	size_t count = 0;
	size_t kept = 0;
	char **copy;

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

/* Takes what there is to read. Returns false at the end of the stream. */
static bool take(int stream, struct pga_text *text)
{
	char buffer[16384];
	ssize_t count = read(stream, buffer, sizeof buffer);

	if (count < 0)
		return errno == EINTR || errno == EAGAIN;
	if (text->length < PGA_FILE_LIMIT)
		pga_text_add_bytes(text, buffer, (size_t)count);
	return count > 0;
}

static void take_all(int output, int errors, struct pga_subprocess *child)
{
	struct pollfd streams[2] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};

	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		if (poll(streams, 2, -1) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		if (streams[0].revents != 0 && !take(output, &child->output))
			streams[0].fd = -1;
		if (streams[1].revents != 0 && !take(errors, &child->errors))
			streams[1].fd = -1;
	}
}

static int start(const char *const *argv, char **environment, const int *output, const int *errors,
		 pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char *words[16] = {NULL}; /* the same, in the type that POSIX wants */
	size_t count = 0;
	int failure;

	while (argv[count] != NULL)
		count++;
	if (count == 0 || count >= sizeof words / sizeof words[0])
		return EINVAL;
	memcpy(words, argv, count * sizeof words[0]);
	failure = posix_spawn_file_actions_init(&actions);
	if (failure != 0)
		return failure;
	failure = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(&actions, output[1], 1);
	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
	if (failure == 0)
		failure = posix_spawnp(pid, argv[0], &actions, NULL, words, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failure;
}

static void close_both(int *ends)
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			(void)close(ends[i]);
}

int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error)
{
	struct pga_text variable = PGA_TEXT_EMPTY;
	char **environment = NULL;
	int output[2] = {-1, -1};
	int errors[2] = {-1, -1};
	int result = -1;
	int status = 0;
	pid_t pid = 0;

	memset(child, 0, sizeof *child);
	if (preload != NULL) {
		pga_text_addf(&variable, "LD_PRELOAD=%s", preload);
		environment = variable.failed ? NULL : environment_with(&variable);
		if (environment == NULL) {
			(void)pga_fail_memory(error);
			goto done;
		}
	}
	if (pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
		(void)pga_fail_errno(error, NULL, "cannot start %s", argv[0]);
		goto done;
	}
	status = start(argv, environment != NULL ? environment : environ, output, errors, &pid);
	if (status != 0) {
		errno = status;
		(void)pga_fail_errno(error, NULL, "cannot start %s", argv[0]);
		goto done;
	}
	(void)close(output[1]);
	(void)close(errors[1]);
	output[1] = errors[1] = -1;
	take_all(output[0], errors[0], child);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (child->output.failed || child->errors.failed)
		(void)pga_fail_memory(error);
	else
		result = 0;
done:
	close_both(output);
	close_both(errors);
	free(environment);
	pga_text_free(&variable);
	return result;
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->output);
	pga_text_free(&child->errors);
}
