/* Connects while signals arrive, and cancels in their handler:
 *
 *     alarms COUNT STRONG WEAK
 *
 * Every millisecond comes a SIGALRM that restarts no system call. Then a query is cancelled by
 * PQcancel in the handler; nothing may be allocated there. Prints what came of it. */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static volatile sig_atomic_t signals, in_handler, allocated, sent;
static PGcancel *cancel;
typedef int cancel_function(PGcancel *cancel, char *message, int size);
static cancel_function *cancel_by;

/* These stand before libc's, for libpq and the gate too. */
void *malloc(size_t size)
{
	allocated += in_handler;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocated += in_handler;
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	allocated += in_handler;
	return __libc_realloc(memory, size);
}

static void on_alarm(int number)
{
	char message[256];

	(void)number;
	signals++;
	if (cancel == NULL || sent)
		return;
	in_handler = 1;
	sent = cancel_by(cancel, message, sizeof message) ? 1 : -1;
	in_handler = 0;
}

static void every(long microseconds)
{
	const struct itimerval timer = {{0, microseconds}, {0, microseconds}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_alarm};
	int verified = 0, refused = 0;
	PGresult *result;
	PGconn *conn;

	if (argc != 4)
		return 2;
	sigaction(SIGALRM, &action, NULL);
	every(1000);
	for (int i = 0; i < atoi(argv[1]); i++) {
		conn = PQconnectdb(argv[2 + i % 2]);
		if (i % 2 == 0)
			verified += PQstatus(conn) == CONNECTION_OK && PQsslInUse(conn);
		else
			refused += strncmp(PQerrorMessage(conn), "pganchor refused", 16) == 0;
		PQfinish(conn);
	}
	every(0);
	printf("%d verified, %d refused, %s\n", verified, refused,
	       signals > 10 ? "interrupted" : "never interrupted");

	/* From an object that calls the gate for the first time, in the handler. */
	cancel_by = (cancel_function *)dlsym(dlopen(CANCELLER, RTLD_NOW), "cancel_from_here");
	conn = PQconnectdb(argv[2]);
	cancel = PQgetCancel(conn);
	every(100000);
	result = PQexec(conn, "SELECT pg_sleep(300)");
	every(0);
	printf("%s, state %s, allocated %d\n", sent == 1 ? "sent" : "not sent",
	       PQresultErrorField(result, PG_DIAG_SQLSTATE), (int)allocated);
	PQclear(result);
	PQfreeCancel(cancel);
	PQfinish(conn);
	return 0;
}
