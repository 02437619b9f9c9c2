/* Threads that connect at the same time, in turns with three conninfos:
 *
 *     crowd THREADS ROUNDS STRONG WEAK IMPOSTOR
 *
 * STRONG must succeed over TLS. WEAK gets a host name of the thread's own and must be refused by
 * pganchor with a message that tells just that name. IMPOSTOR must be refused by libpq, since its
 * certificate does not verify. Prints how many of each came out so, and the first one that did not.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_int verified, refused, unmasked, wrong;
static char **arguments;

static void connect_once(int kind, int thread)
{
	char conninfo[1000];
	char own[64];
	PGconn *conn;
	int good;

	snprintf(own, sizeof own, "'host=thread%d.example.test ", thread);
	snprintf(conninfo, sizeof conninfo, kind == 1 ? "%s host=thread%d.example.test" : "%s",
		 arguments[3 + kind], thread);
	conn = PQconnectdb(conninfo);
	if (kind == 0) {
		good = PQstatus(conn) == CONNECTION_OK && PQsslInUse(conn);
		verified += good;
	} else if (kind == 1) {
		good = PQstatus(conn) == CONNECTION_BAD &&
		       strncmp(PQerrorMessage(conn), "pganchor refused", 16) == 0 &&
		       strstr(PQerrorMessage(conn), own) != NULL;
		refused += good;
	} else {
		good = PQstatus(conn) == CONNECTION_BAD &&
		       strstr(PQerrorMessage(conn), "certificate verify failed") != NULL;
		unmasked += good;
	}
	if (!good && wrong++ == 0)
		fprintf(stderr, "%d: %s\n", kind, PQerrorMessage(conn));
	PQfinish(conn);
}

static void *work(void *number)
{
	const int thread = *(int *)number;
	const int rounds = atoi(arguments[2]);

	for (int i = 0; i < 3 * rounds; i++)
		connect_once((i + thread) % 3, thread);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int numbers[64];
	const int count = argc == 6 ? atoi(argv[1]) : 0;

	if (count < 1 || count > 64)
		return 2;
	arguments = argv;
	for (int i = 0; i < count; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, work, &numbers[i]);
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%d verified, %d refused, %d unmasked, %d wrong\n", verified, refused, unmasked,
	       wrong);
	return 0;
}
