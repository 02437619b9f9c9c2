/* Leaves calls of libpq by siglongjmp(), as Perl's do that have a time limit, and connects then:
 *
 *     jumper STALLING CONNINFO...
 *
 * STALLING is left in the middle twice, from two depths of the stack, by each way to connect;
 * behind each, the others are connected to from both. Prints what PQerrorMessage says, or
 * "connected". */
#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static sigjmp_buf out;

static void on_alarm(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

/* deep: below some kilobytes of the stack. */
static __attribute__((noinline)) PGconn *connect_from(int deep, const char *conninfo)
{
	volatile char room[4000];

	room[0] = '\0';
	if (deep > 0)
		return connect_from(deep - 1, conninfo);
	return room[0] == '\0' ? PQconnectdb(conninfo) : NULL;
}

static void leave(int deep, const char *conninfo, int how)
{
	const struct itimerval soon = {{0, 0}, {0, 200000}};
	PGconn *conn;

	if (sigsetjmp(out, 1) != 0)
		return;
	setitimer(ITIMER_REAL, &soon, NULL);
	if (how == 0) {
		(void)connect_from(deep, conninfo);
	} else if (how == 1) {
		(void)PQping(conninfo);
	} else {
		conn = PQconnectStart(conninfo);
		PQreset(conn);
	}
	printf("not left\n");
}

static void connect_and_tell(int deep, const char *conninfo)
{
	PGconn *conn = connect_from(deep, conninfo);

	if (PQstatus(conn) == CONNECTION_OK)
		printf("connected\n");
	else
		printf("%.*s\n", (int)strcspn(PQerrorMessage(conn), "\n"), PQerrorMessage(conn));
	PQfinish(conn);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, on_alarm);
	for (int how = 0; how < 3; how++)
		for (int deep = 0; deep < 8; deep += 7) {
			leave(deep, argv[1], how);
			for (int i = 2; i < argc; i++)
				for (int other = 0; other < 8; other += 7)
					connect_and_tell(other, argv[i]);
		}
	return 0;
}
