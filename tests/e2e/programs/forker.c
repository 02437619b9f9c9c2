/* Forks while other threads are busy, and has each child connect:
 *
 *     forker WHAT CHILDREN STRONG WEAK [BUSY]
 *
 * WHAT the other threads do: "stuck", they connect with BUSY, to a server that never answers;
 * "refused", they are refused again and again with WEAK; "looking", they ask the dynamic linker for
 * functions of libpq again and again, as each child then does. A child that has not connected in a
 * minute is ended. Prints how many children got what they should with WEAK and STRONG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;
static void *libpq;
static atomic_int begun;

static void *work(void *unused)
{
	begun++;
	if (strcmp(arguments[1], "stuck") == 0)
		PQfinish(PQconnectdb(arguments[5]));
	while (strcmp(arguments[1], "refused") == 0)
		PQfinish(PQconnectdb(arguments[4]));
	while (strcmp(arguments[1], "looking") == 0)
		(void)dlsym(libpq, "PQserverVersion");
	return unused;
}

static int child(void)
{
	PGconn *(*connectdb)(const char *) = PQconnectdb;
	PGconn *conn;
	int good;

	alarm(60);
	if (strcmp(arguments[1], "looking") == 0)
		connectdb = (PGconn * (*)(const char *)) dlsym(libpq, "PQconnectdb");
	conn = connectdb(arguments[4]);
	good = PQstatus(conn) == CONNECTION_BAD &&
	       strncmp(PQerrorMessage(conn), "pganchor refused", 16) == 0;
	PQfinish(conn);
	/* OpenSSL promises nothing to a child that was forked while another thread was in it. */
	conn = connectdb(arguments[3]);
	if (PQstatus(conn) != CONNECTION_OK || !PQsslInUse(conn))
		good = 0;
	if (!good)
		fprintf(stderr, "%s\n", PQerrorMessage(conn));
	PQfinish(conn);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	pthread_t threads[4];
	int good = 0;

	if (argc < 5)
		return 2;
	arguments = argv;
	libpq = dlopen("libpq.so.5", RTLD_NOW);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	while (begun < 4)
		sched_yield();
	/* In the middle of the attempt: the server has told the test so. */
	if (strcmp(argv[1], "stuck") == 0)
		(void)getchar();
	for (int i = 0; i < atoi(argv[2]); i++) {
		const pid_t pid = fork();
		int status = 0;

		if (pid == 0)
			_exit(child());
		if (waitpid(pid, &status, 0) == pid && status == 0)
			good++;
	}
	printf("%d children\n", good);
	fflush(stdout);
	_exit(0);
}
