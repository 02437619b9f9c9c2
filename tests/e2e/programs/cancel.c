/* Connects, begins a long query, cancels it in one of libpq's ways and tells what came of it:
 *
 *     cancel HOW CONNINFO [FROM TO]
 *
 * HOW: imitate (it cancels nothing: prints what it is told of an error of the server's with the
 * gate's words), blocking and poll (PQcancelBlocking, PQcancelStart and PQcancelPoll, of libpq 17
 * and newer), old (PQcancel), request (PQrequestCancel). Before it cancels, it renames the file
 * FROM to TO. Prints "sent" or "not sent MESSAGE"; where it was sent, also the SQLSTATE of the
 * query. */
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Not in the header of libpq 15; absent, their address is NULL. */
typedef struct cancel_conn cancel_conn;
extern cancel_conn *PQcancelCreate(PGconn *conn) __attribute__((weak));
extern int PQcancelBlocking(cancel_conn *conn) __attribute__((weak));
extern int PQcancelStart(cancel_conn *conn) __attribute__((weak));
extern PostgresPollingStatusType PQcancelPoll(cancel_conn *conn) __attribute__((weak));
extern ConnStatusType PQcancelStatus(const cancel_conn *conn) __attribute__((weak));
extern int PQcancelSocket(const cancel_conn *conn) __attribute__((weak));
extern char *PQcancelErrorMessage(const cancel_conn *conn) __attribute__((weak));
extern void PQcancelReset(cancel_conn *conn) __attribute__((weak));
extern void PQcancelFinish(cancel_conn *conn) __attribute__((weak));

static int poll_to_the_end(cancel_conn *cancel)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	if (PQcancelStart(cancel) == 0)
		return 0;
	while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
		struct pollfd ready = {PQcancelSocket(cancel),
				       next == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		if (ready.fd >= 0)
			(void)poll(&ready, 1, 60000);
		next = PQcancelPoll(cancel);
	}
	return next == PGRES_POLLING_OK;
}

/* Whether it was sent; the second time after PQcancelReset(), where the first one failed. */
static int cancel_encrypted(PGconn *conn, const char *how, char *message, size_t size)
{
	cancel_conn *cancel = PQcancelCreate(conn);
	int sent = 0;

	for (int attempt = 0; attempt < 2 && !sent; attempt++) {
		if (attempt > 0)
			PQcancelReset(cancel);
		sent =
		    strcmp(how, "poll") == 0 ? poll_to_the_end(cancel) : PQcancelBlocking(cancel);
		snprintf(message, size, "%s", PQcancelErrorMessage(cancel));
	}
	PQcancelFinish(cancel);
	return sent;
}

static int cancel_in_clear(PGconn *conn, const char *how, char *message, size_t size)
{
	PGcancel *cancel = PQgetCancel(conn);
	int sent;

	if (strcmp(how, "request") == 0) {
		sent = PQrequestCancel(conn);
		snprintf(message, size, "%s", PQerrorMessage(conn));
	} else {
		sent = PQcancel(cancel, message, (int)size);
	}
	PQfreeCancel(cancel);
	return sent;
}

static const char imitation[] = "DO $$ BEGIN RAISE 'pganchor refused to cancel: the policy (cancel "
				"= refuse) lets no cancel key "
				"go in clear'; END $$";

static const char query[] = "DO $$ BEGIN RAISE NOTICE 'it runs'; PERFORM pg_sleep(300); END $$";

static void note(void *running, const char *message)
{
	(void)message;
	*(int *)running = 1;
}

int main(int argc, char **argv)
{
	int running = 0;
	char message[2000] = "";
	PGresult *result;
	PGconn *conn;
	int sent;

	if (argc != 3 && argc != 5)
		return 2;
	conn = PQconnectdb(argv[2]);
	/* The server ends the query too when it is not cancelled and this program is gone. */
	PQclear(PQexec(conn, "SET client_connection_check_interval = 100"));
	if (strcmp(argv[1], "imitate") == 0) {
		PQclear(PQexec(conn, imitation));
		fputs(PQerrorMessage(conn), stdout);
		PQfinish(conn);
		return 0;
	}
	PQsetNoticeProcessor(conn, note, &running);
	if (PQstatus(conn) != CONNECTION_OK || PQsendQuery(conn, query) == 0) {
		fprintf(stderr, "%s", PQerrorMessage(conn));
		return 1;
	}
	/* A cancel that comes before the query does nothing. */
	while (!running) {
		struct pollfd ready = {PQsocket(conn), POLLIN, 0};

		if (poll(&ready, 1, 60000) != 1 || PQconsumeInput(conn) == 0)
			return 4;
		(void)PQisBusy(conn);
	}
	if (argc == 5 && rename(argv[3], argv[4]) != 0)
		return 3;
	if (strcmp(argv[1], "blocking") == 0 || strcmp(argv[1], "poll") == 0)
		sent = cancel_encrypted(conn, argv[1], message, sizeof message);
	else
		sent = cancel_in_clear(conn, argv[1], message, sizeof message);
	if (!sent) {
		printf("not sent %s\n", message);
		return 0;
	}
	result = PQgetResult(conn);
	printf("sent\nstate %s\n", PQresultErrorField(result, PG_DIAG_SQLSTATE));
	PQclear(result);
	PQfinish(conn);
	return 0;
}
