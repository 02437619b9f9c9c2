/* Pings with descriptor 2 leading elsewhere: pinger WHERE CONNINFO. WHERE: file (FILE data in the
 * directory, which was opened once 2 was closed), pipe (one of the program's own), gone (a pipe
 * that nobody reads any more), full (one that nobody has read for long), socket (one of the
 * program's own), closed (nowhere at all). Prints "ping N", how many bytes came there, and which
 * signals are pending.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int end[2] = {-1, -1};
	int bytes = 0;
	const int out = dup(1);
	const char *where = argc == 3 ? argv[1] : "";
	sigset_t pending;
	PGPing answer;

	(void)close(2);
	if (strcmp(where, "file") == 0) {
		end[0] = open("data", O_RDWR | O_CREAT | O_APPEND, 0600);
	} else if (strcmp(where, "pipe") == 0) {
		(void)close(1);
		if (pipe(end) != 0)
			return 2;
	} else if (strcmp(where, "gone") == 0 || strcmp(where, "full") == 0) {
		if (pipe2(end, O_NONBLOCK) != 0 ||
		    (strcmp(where, "full") == 0 && dup(end[0]) < 0) || dup2(end[1], 2) != 2)
			return 2;
		end[0] = -1;
		while (strcmp(where, "full") == 0 && write(2, where, 4) > 0)
			;
		(void)fcntl(2, F_SETFL, 0);
	} else if (strcmp(where, "socket") == 0) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, end) != 0)
			return 2;
		end[0] = end[1];
	}
	answer = PQping(argv[2]);
	if (end[0] >= 0 && strcmp(where, "file") == 0)
		bytes = (int)lseek(end[0], 0, SEEK_END);
	else if (end[0] >= 0)
		(void)ioctl(end[0], FIONREAD, &bytes);
	(void)sigpending(&pending);
	dprintf(out, "ping %d, %d bytes, %s\n", (int)answer, bytes,
		sigismember(&pending, SIGPIPE) ? "signal" : "quiet");
	return 0;
}
