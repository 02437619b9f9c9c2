/* Connects whenever a line comes on standard input, and prints how many nanoseconds it took:
 * connect_timer CONNINFO. A connection that should stand and does not, or the other way round (with
 * "refused" as second argument), ends it. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv)
{
	const ConnStatusType wanted =
	    argc > 2 && strcmp(argv[2], "refused") == 0 ? CONNECTION_BAD : CONNECTION_OK;
	char line[16];

	while (argc > 1 && fgets(line, sizeof line, stdin) != NULL) {
		const long long start = now();
		PGconn *conn = PQconnectdb(argv[1]);
		const long long end = now();

		if (PQstatus(conn) != wanted) {
			fprintf(stderr, "connect_timer: %s\n", PQerrorMessage(conn));
			return 1;
		}
		PQfinish(conn);
		printf("%lld\n", end - start);
		fflush(stdout);
	}
	return 0;
}
