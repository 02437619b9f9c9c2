/* Sixteen threads, each connecting ten times with the first conninfo (which must succeed over TLS)
 * and ten times with the second (which must be refused by pganchor): threads STRONG WEAK */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_int verified, refused, wrong;
static char **conninfo;

static void *work(void *unused)
{
	for (int i = 0; i < 20; i++) {
		PGconn *conn = PQconnectdb(conninfo[1 + i % 2]);

		if (i % 2 == 0 && PQstatus(conn) == CONNECTION_OK && PQsslInUse(conn))
			verified++;
		else if (i % 2 == 1 && PQstatus(conn) == CONNECTION_BAD &&
			 strstr(PQerrorMessage(conn), "pganchor refused") != NULL)
			refused++;
		else if (wrong++ == 0)
			fprintf(stderr, "%d: %s\n", i, PQerrorMessage(conn));
		PQfinish(conn);
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[16];

	if (argc != 3)
		return 2;
	conninfo = argv;
	for (int i = 0; i < 16; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 16; i++)
		pthread_join(threads[i], NULL);
	printf("%d verified, %d refused, %d wrong\n", verified, refused, wrong);
	return 0;
}
