/* Threads read the message of one failed connection at the same time, as libpq allows it: messages
 * CONNINFO ROUNDS. Each must see the same text, at the same place. Prints that text. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READERS 4

static PGconn *conn;
static pthread_barrier_t together;

static void *read_message(void *unused)
{
	const char *first;

	(void)unused;
	pthread_barrier_wait(&together);
	first = PQerrorMessage(conn);
	for (int i = 0; i < 50; i++)
		if (strcmp(PQerrorMessage(conn), first) != 0)
			abort();
	return (void *)(size_t)first;
}

int main(int argc, char **argv)
{
	const int rounds = argc == 3 ? atoi(argv[2]) : 0;
	pthread_t readers[READERS];
	char text[2000] = "";

	pthread_barrier_init(&together, NULL, READERS);
	for (int round = 0; round < rounds; round++) {
		void *seen[READERS];

		conn = PQconnectdb(argv[1]);
		for (int i = 0; i < READERS; i++)
			pthread_create(&readers[i], NULL, read_message, NULL);
		for (int i = 0; i < READERS; i++) {
			pthread_join(readers[i], &seen[i]);
			if (seen[i] != seen[0])
				abort();
		}
		snprintf(text, sizeof text, "%s", PQerrorMessage(conn));
		PQfinish(conn);
	}
	fputs(text, stdout);
	return 0;
}
