/* Opens one libpq after the other, each a file of its own, and connects with each:
 *
 *     many CONNINFO LIBPQ...
 *
 * Prints what PQerrorMessage says, "connected", or "nothing" where there is not even an object. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

static void *find(void *libpq, const char *name)
{
	void *found = dlsym(libpq, name);

	if (found == NULL)
		fprintf(stderr, "%s\n", dlerror());
	return found;
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		void *libpq = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		PGconn *(*connect)(const char *);
		ConnStatusType (*status)(const PGconn *);
		char *(*message)(const PGconn *);
		void (*finish)(PGconn *);
		PGconn *conn;

		if (libpq == NULL) {
			fprintf(stderr, "%s\n", dlerror());
			return 2;
		}
		connect = (PGconn * (*)(const char *)) find(libpq, "PQconnectdb");
		status = (ConnStatusType(*)(const PGconn *))find(libpq, "PQstatus");
		message = (char *(*)(const PGconn *))find(libpq, "PQerrorMessage");
		finish = (void (*)(PGconn *))find(libpq, "PQfinish");
		conn = connect(argv[1]);
		if (status(conn) == CONNECTION_OK)
			printf("connected\n");
		else
			printf("%s%.*s\n", conn == NULL ? "nothing: " : "",
			       (int)strcspn(message(conn), "\n"), message(conn));
		fflush(stdout);
		finish(conn);
	}
	return 0;
}
