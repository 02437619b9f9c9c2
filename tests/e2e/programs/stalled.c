/* One thread connects to a server that never answers; meanwhile the others do what they have to:
 *
 *     stalled STALLING STRONG WEAK
 *
 * When a line comes on standard input, the first thread is stalled, and 8 others connect with
 * STRONG, which must succeed over TLS, and with WEAK, which must be refused by pganchor. Prints how
 * often both came out so, and whether the first thread is still in its call. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **conninfo;
static atomic_int verified, refused;
static atomic_bool came_back;

static void *stall(void *unused)
{
	PQfinish(PQconnectdb(conninfo[1]));
	came_back = true;
	return unused;
}

static void *work(void *unused)
{
	PGconn *strong = PQconnectdb(conninfo[2]);
	PGconn *weak = PQconnectdb(conninfo[3]);

	if (PQstatus(strong) == CONNECTION_OK && PQsslInUse(strong))
		verified++;
	else
		fputs(PQerrorMessage(strong), stderr);
	if (PQstatus(weak) == CONNECTION_BAD &&
	    strstr(PQerrorMessage(weak), "pganchor refused") != NULL)
		refused++;
	PQfinish(strong);
	PQfinish(weak);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t stalled, threads[8];

	if (argc != 4)
		return 2;
	conninfo = argv;
	pthread_create(&stalled, NULL, stall, NULL);
	(void)getchar();
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	printf("%d verified, %d refused, the first %s\n", verified, refused,
	       came_back ? "came back" : "is stalled");
	fflush(stdout);
	_Exit(0);
}
