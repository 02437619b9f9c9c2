/* Connects on command and prints what it took: connect_timer THREADS CONNINFO [refused]. A byte on
 * standard input is a command; each is answered by a line:
 *
 *   c  each of the threads connects once; the nanoseconds until the last one has
 *   p  the same; the nanoseconds of processor time that the process took meanwhile
 *   d  callgrind writes down what it has counted, and begins anew
 *
 * A connection that should stand and does not, or the other way round (with "refused"), ends it. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

static pthread_barrier_t begin, end;
static const char *conninfo;
static ConnStatusType wanted = CONNECTION_OK;

static void connect_once(void)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != wanted) {
		fprintf(stderr, "connect_timer: %s\n", PQerrorMessage(conn));
		exit(1);
	}
	PQfinish(conn);
}

static void *work(void *unused)
{
	for (;;) {
		pthread_barrier_wait(&begin);
		connect_once();
		pthread_barrier_wait(&end);
	}
	return unused;
}

static long long now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long connect_all(int threads, clockid_t clock)
{
	const long long start = now(clock);

	if (threads == 1) {
		connect_once();
	} else {
		pthread_barrier_wait(&begin);
		pthread_barrier_wait(&end);
	}
	return now(clock) - start;
}

int main(int argc, char **argv)
{
	const int threads = argc > 2 ? atoi(argv[1]) : 0;
	pthread_t thread;
	int command;

	if (threads < 1)
		return 2;
	conninfo = argv[2];
	if (argc > 3 && strcmp(argv[3], "refused") == 0)
		wanted = CONNECTION_BAD;
	pthread_barrier_init(&begin, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&end, NULL, (unsigned)threads + 1);
	for (int i = 0; threads > 1 && i < threads; i++)
		pthread_create(&thread, NULL, work, NULL);
	while ((command = getchar()) != EOF) {
		long long took = 0;

		if (command == 'c')
			took = connect_all(threads, CLOCK_MONOTONIC);
		else if (command == 'p')
			took = connect_all(threads, CLOCK_PROCESS_CPUTIME_ID);
		else if (command == 'd')
			CALLGRIND_DUMP_STATS;
		printf("%lld\n", took);
		fflush(stdout);
	}
	/* Without the cleaning up that a main() which returns would do: the threads are still
	 * there. */
	_Exit(0);
}
