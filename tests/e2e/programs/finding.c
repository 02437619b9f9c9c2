/* An extension that opens libpq itself, and finds its functions by their names: as extension.c. */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

void attempt(const char *conninfo, int start, char *answer, size_t size);

void attempt(const char *conninfo, int start, char *answer, size_t size)
{
	void *libpq = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	PGconn *(*begin)(const char *);
	PostgresPollingStatusType (*step)(PGconn *);
	ConnStatusType (*status)(const PGconn *);
	int (*tls)(PGconn *);
	char *(*message)(const PGconn *);
	void (*finish)(PGconn *);
	PGconn *conn;

	if (libpq == NULL) {
		snprintf(answer, size, "%s", dlerror());
		return;
	}
	begin = (PGconn * (*)(const char *)) dlsym(libpq, start ? "PQconnectStart" : "PQconnectdb");
	step = (PostgresPollingStatusType(*)(PGconn *))dlsym(libpq, "PQconnectPoll");
	status = (ConnStatusType(*)(const PGconn *))dlsym(libpq, "PQstatus");
	tls = (int (*)(PGconn *))dlsym(libpq, "PQsslInUse");
	message = (char *(*)(const PGconn *))dlsym(libpq, "PQerrorMessage");
	finish = (void (*)(PGconn *))dlsym(libpq, "PQfinish");
	conn = begin(conninfo);
	if (start && status(conn) != CONNECTION_BAD)
		for (PostgresPollingStatusType next = PGRES_POLLING_WRITING;
		     next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED;)
			next = step(conn);
	snprintf(answer, size, "%s %d %s", status(conn) == CONNECTION_OK ? "ok" : "bad", tls(conn),
		 message(conn));
	finish(conn);
}
