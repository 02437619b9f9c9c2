/* Has libpq, and waits until its input ends. */
#include <libpq-fe.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc > 1)
		PQfinish(PQconnectdb(argv[1]));
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		continue;
	return 0;
}
