/* What a child inherits while its parent is at work with libpq:
 *
 *     spawner CHILDREN WEAK [CONNINFO]
 *
 * A thread is refused again and again with WEAK, and CONNINFO, if given, was connected with before.
 * Meanwhile children are started by posix_spawn, vfork and fork; each runs a shell that lists its
 * descriptors. Prints the lists that there were, each once. */
#define _GNU_SOURCE
#include <libpq-fe.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *list[] = {"sh", "-c", "cd /proc/self/fd; echo *", NULL};
static atomic_int refused;

static void *work(void *conninfo)
{
	for (;;) {
		PGconn *conn = PQconnectdb(conninfo);

		refused += strncmp(PQerrorMessage(conn), "pganchor refused", 16) == 0;
		PQfinish(conn);
	}
	return NULL;
}

static pid_t start(int way)
{
	pid_t pid = -1;

	if (way == 0)
		return posix_spawn(&pid, "/bin/sh", NULL, NULL, list, environ) == 0 ? pid : -1;
	pid = way == 1 ? vfork() : fork();
	if (pid == 0) {
		execv("/bin/sh", list);
		_exit(9);
	}
	return pid;
}

int main(int argc, char **argv)
{
	PGconn *conn = argc == 4 ? PQconnectdb(argv[3]) : NULL;
	pthread_t thread;

	if (argc < 3)
		return 2;
	if (conn != NULL)
		fprintf(stderr, "%s\n", PQerrorMessage(conn));
	pthread_create(&thread, NULL, work, argv[2]);
	for (int i = 0; i < atoi(argv[1]) || refused < 100; i++) {
		int status = 0;
		const pid_t pid = start(i % 3);

		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 3;
	}
	_exit(0);
}
