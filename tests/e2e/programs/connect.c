/* Connects in one of libpq's ways and tells what came of it, one fact a line:
 *
 *     connect HOW CONNINFO
 *
 * HOW: connectdb, connectdbParams, start and startParams (polled), setdbLogin (CONNINFO is dbname),
 * found (libpq is opened with RTLD_LOCAL, its functions found by dlsym), raw (the same by libc's
 * own dlsym, which the gate does not see), foundStart (found, and polled by what dlsym gave), ping,
 * pingParams; with "+reset" or "+resetStart" behind it, the connection is then reset. Facts:
 * "status ok|bad", "message TEXT" (a line of it each), "tls 0|1", "socket open|none", "ping N". */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *keywords[] = {"dbname", NULL};

static PostgresPollingStatusType finish_polling(PGconn *conn,
						PostgresPollingStatusType (*step)(PGconn *))
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
		struct pollfd ready = {PQsocket(conn),
				       next == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		if (ready.fd >= 0)
			(void)poll(&ready, 1, 60000);
		next = step(conn);
	}
	return next;
}

static void tell(PGconn *conn, const char *(*message)(const PGconn *))
{
	char *text = strdup(message(conn));

	printf("status %s\n", PQstatus(conn) == CONNECTION_OK    ? "ok"
			      : PQstatus(conn) == CONNECTION_BAD ? "bad"
								 : "other");
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		printf("message %s\n", line);
	printf("tls %d\nsocket %s\n", PQsslInUse(conn), PQsocket(conn) >= 0 ? "open" : "none");
	/* A program may ask a failed connection where it was to go. */
	if (PQstatus(conn) == CONNECTION_BAD)
		printf("host %s\nport %s\npassword %s\nneeded %d\n", PQhost(conn), PQport(conn),
		       PQpass(conn) != NULL ? "readable" : "none", PQconnectionNeedsPassword(conn));
	free(text);
}

int main(int argc, char **argv)
{
	const char *values[] = {argc == 3 ? argv[2] : "", NULL};
	char *how = argc == 3 ? strtok(argv[1], "+") : NULL;
	char *then = how != NULL ? strtok(NULL, "+") : NULL;
	const char *(*message)(const PGconn *) = (const char *(*)(const PGconn *))PQerrorMessage;
	PGconn *conn = NULL;

	if (how == NULL)
		return 2;
	if (strcmp(how, "connectdb") == 0) {
		conn = PQconnectdb(values[0]);
	} else if (strcmp(how, "connectdbParams") == 0) {
		conn = PQconnectdbParams(keywords, values, 1);
	} else if (strcmp(how, "setdbLogin") == 0) {
		conn = PQsetdbLogin(NULL, NULL, NULL, NULL, values[0], NULL, NULL);
	} else if (strcmp(how, "start") == 0) {
		conn = PQconnectStart(values[0]);
		if (PQstatus(conn) != CONNECTION_BAD)
			(void)finish_polling(conn, PQconnectPoll);
	} else if (strcmp(how, "startParams") == 0) {
		conn = PQconnectStartParams(keywords, values, 1);
		if (PQstatus(conn) != CONNECTION_BAD)
			(void)finish_polling(conn, PQconnectPoll);
	} else if (strcmp(how, "found") == 0 || strcmp(how, "raw") == 0) {
		void *libpq = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
		void *(*find)(void *, const char *) = dlsym;
		PGconn *(*connectdb)(const char *);

		if (strcmp(how, "raw") == 0)
			find = (void *(*)(void *, const char *))dlsym(dlopen("libc.so.6", RTLD_NOW),
								      "dlsym");
		connectdb = (PGconn * (*)(const char *)) find(libpq, "PQconnectdb");
		message = (const char *(*)(const PGconn *))find(libpq, "PQerrorMessage");
		conn = connectdb(values[0]);
	} else if (strcmp(how, "starved") == 0) {
		struct rlimit limit, none;

		getrlimit(RLIMIT_NOFILE, &limit);
		none = limit;
		none.rlim_cur = 3;
		setrlimit(RLIMIT_NOFILE, &none);
		conn = PQconnectdb(values[0]);
		setrlimit(RLIMIT_NOFILE, &limit);
		tell(conn, message);
		PQfinish(conn);
		conn = PQconnectdb(values[0]);
	} else if (strcmp(how, "foundStart") == 0) {
		void *libpq = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
		PGconn *(*start)(const char *) =
		    (PGconn * (*)(const char *)) dlsym(libpq, "PQconnectStart");

		conn = start(values[0]);
		if (PQstatus(conn) != CONNECTION_BAD)
			(void)finish_polling(conn, (PostgresPollingStatusType(*)(PGconn *))dlsym(
						       libpq, "PQconnectPoll"));
	} else if (strcmp(how, "ping") == 0) {
		printf("ping %d\n", (int)PQping(values[0]));
		return 0;
	} else if (strcmp(how, "pingParams") == 0) {
		printf("ping %d\n", (int)PQpingParams(keywords, values, 1));
		return 0;
	} else {
		return 2;
	}
	tell(conn, message);
	if (then != NULL && strcmp(then, "reset") == 0) {
		PQreset(conn);
		tell(conn, message);
	} else if (then != NULL && strcmp(then, "resetStart") == 0) {
		if (PQresetStart(conn) != 0)
			(void)finish_polling(conn, PQresetPoll);
		tell(conn, message);
	}
	/* A failed connection may be polled, and says so again. */
	if (PQstatus(conn) == CONNECTION_BAD)
		printf("poll %s\n",
		       PQconnectPoll(conn) == PGRES_POLLING_FAILED ? "failed" : "goes on");
	PQfinish(conn);
	return 0;
}
