#include "preload/watch.h"

#include "preload/watch_filter.h"
#include "preload/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the watcher says before the program starts. */
struct report {
	int result;
	pid_t watcher;
	struct pga_error error;
};

/* A message of one byte, with room for one descriptor, laid out as cmsg(3) shows. */
struct message {
	char byte;
	struct iovec content;
	struct msghdr header;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control;
};

static void lay_out(struct message *message)
{
	memset(message, 0, sizeof *message);
	message->content = (struct iovec){&message->byte, sizeof message->byte};
	message->header.msg_iov = &message->content;
	message->header.msg_iovlen = 1;
	message->header.msg_control = message->control.bytes;
	message->header.msg_controllen = sizeof message->control.bytes;
}

static bool send_descriptor(int channel, int descriptor)
{
	struct message message;
	struct cmsghdr *control;

	lay_out(&message);
	control = CMSG_FIRSTHDR(&message.header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof descriptor);
	memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
	return sendmsg(channel, &message.header, MSG_NOSIGNAL) == 1;
}

/* -1 where none comes: the other end has gone. */
static int receive_descriptor(int channel)
{
	struct message message;
	const struct cmsghdr *control;
	int descriptor = -1;

	lay_out(&message);
	if (recvmsg(channel, &message.header, MSG_CMSG_CLOEXEC) == 1) {
		control = CMSG_FIRSTHDR(&message.header);
		if (control != NULL && control->cmsg_type == SCM_RIGHTS)
			memcpy(&descriptor, CMSG_DATA(control), sizeof descriptor);
	}
	return descriptor;
}

/* Where the words of this process's command line and environment stand: fields 48 to 51 of
 * /proc/PID/stat (proc(5)), arg_start to env_end. */
static bool find_words(unsigned long ends[4])
{
	FILE *file = fopen("/proc/self/stat", "re");
	char line[2048];
	const char *at = NULL;

	if (file != NULL && fgets(line, sizeof line, file) != NULL)
		at = strrchr(line, ')'); /* a program's name may hold blanks */
	if (file != NULL)
		(void)fclose(file);
	for (int field = 3; at != NULL && field < 52; field++) {
		at = strchr(at, ' ');
		if (at != NULL && field >= 48)
			ends[field - 48] = strtoul(at, NULL, 10);
		if (at != NULL)
			at++;
	}
	return at != NULL;
}

/* The words are the program's, which may be secret, and which it may blank itself: everybody can
 * read those of a process that only watches, for as long as it does. */
static void forget_words(void)
{
	const char *set = getenv("JOURNAL_STREAM"); /* what watched.c goes by */
	char *journal = set != NULL ? strdup(set) : NULL;
	unsigned long ends[4];
	char *words;

	if (!find_words(ends)) {
		free(journal);
		return;
	}
	for (int i = 0; i < 4; i += 2)
		if (ends[i] != 0 && ends[i] < ends[i + 1]) {
			memcpy(&words, &ends[i], sizeof words);
			memset(words, 0, ends[i + 1] - ends[i]);
		}
	(void)clearenv();
	if (journal != NULL)
		(void)setenv("JOURNAL_STREAM", journal, 1);
	free(journal);
}

/* The program's limit is for the program. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_CPU, &limit);
	}
}

/* Lets go of all that is the program's: its files, whose readers would wait for their end, its
 * terminal and its signals, its directory. Returns the channel's new number. */
static int let_go(int channel)
{
	const int kept = STDERR_FILENO + 1;
	const int above = fcntl(channel, F_DUPFD_CLOEXEC, kept); /* it may be a standard one */
	const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setsid();
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (nothing < 0 || dup2(nothing, standard) != standard)
			(void)close(standard);
	if (above != kept)
		(void)dup2(above, kept);
	closefrom(kept + 1);
	if (chdir("/") != 0) {
		/* It then is in the program's, which can be removed all the same. */
	}
	(void)prctl(PR_SET_NAME, "pganchor-watch", 0, 0, 0);
	forget_words();
	raise_limit();
	return kept;
}

static void watch(pid_t program, int channel, const struct pga_watch_ports *ports)
{
	struct report report = {.watcher = getpid()};
	int listener;

	channel = let_go(channel);
	listener = receive_descriptor(channel);
	if (listener < 0)
		return;
	report.result = pga_watcher_check(program, listener, &report.error);
	if (send(channel, &report, sizeof report, MSG_NOSIGNAL) != (ssize_t)sizeof report)
		return;
	(void)close(channel);
	if (report.result == 0)
		pga_watcher_answer(listener, ports);
}

/* As fork(2), but the child's end raises no signal, and a wait(2) of the program's does not tell of
 * it (clone(2), "child termination signal"). */
static pid_t fork_quietly(void)
{
	return (pid_t)syscall(SYS_clone, 0L, NULL, NULL, NULL, 0L);
}

static void wait_for(pid_t child)
{
	while (waitpid(child, NULL, (int)__WCLONE) < 0 && errno == EINTR)
		;
}

/* Whether orphans become children of this process: the first of a container, or one that has asked
 * for them, which an exec does not end. */
static bool adopts_orphans(void)
{
	int asked = 0;

	return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &asked, 0, 0, 0) == 0 && asked != 0);
}

/* Starts the watcher, an orphan: a program that traces others waits for every child that it has
 * (__WALL). One that adopts orphans would see it end as any child of its own, and wait for it:
 * there the quiet child itself is the watcher. Returns -1 with errno. */
static int start(int channel, const struct pga_watch_ports *ports)
{
	const pid_t program = getpid();
	const bool stays = adopts_orphans();
	const pid_t child = fork_quietly();

	if (child == 0) {
		if (stays || fork_quietly() == 0)
			watch(program, channel, ports);
		_exit(0);
	}
	if (child > 0 && !stays)
		wait_for(child);
	return child > 0 ? 0 : -1;
}

/* Puts this process under the filter, and hands the watcher the other end of it. */
static int go_under(int channel, struct pga_error *error)
{
	const int listener = pga_watch_filter_install(error);
	struct report report;
	int result = -1;

	if (listener < 0)
		return -1;
#ifdef PR_SET_PTRACER
	/* Where Yama lets nobody but a parent look into a process, into this one at least can be
	 * looked: it asks for it, and the program that it becomes goes on asking. Until the watcher
	 * has said who it is, anybody of this user may. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
#endif
	if (!send_descriptor(channel, listener) ||
	    recv(channel, &report, sizeof report, 0) != (ssize_t)sizeof report)
		(void)pga_fail(error, NULL, "the process that was to watch has ended");
	else if (report.result != 0)
		*error = report.error;
	else
		result = 0;
#ifdef PR_SET_PTRACER
	(void)prctl(PR_SET_PTRACER, result == 0 ? report.watcher : 0, 0, 0, 0);
#endif
	(void)close(listener);
	return result;
}

int pga_watch_start(const struct pga_watch_ports *ports, struct pga_error *error)
{
	int ends[2];
	int result;

	if (pga_watch_filter_is_there())
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return pga_fail_errno(error, NULL, "could not make a socket");
	result = start(ends[1], ports);
	(void)close(ends[1]);
	result = result == 0 ? go_under(ends[0], error)
			     : pga_fail_errno(error, NULL, "could not start a process");
	(void)close(ends[0]);
	return result;
}
