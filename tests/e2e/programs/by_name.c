/* Opens a libpq by its name, as the FFI of a language does, and connects:
 *
 *     by_name NAME CONNINFO
 *
 * prints whether the session is encrypted, or what libpq says. */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

static void find(void *libpq, const char *name, void *function)
{
	void *address = dlsym(libpq, name);

	memcpy(function, &address, sizeof address);
}

int main(int argc, char **argv)
{
	void *libpq = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
	__typeof__(PQconnectdb) *connectdb;
	__typeof__(PQstatus) *status;
	__typeof__(PQsslInUse) *encrypted;
	__typeof__(PQerrorMessage) *error;
	PGconn *conn;

	if (libpq == NULL) {
		fprintf(stderr, "%s\n", argc == 3 ? dlerror() : "usage");
		return 2;
	}
	find(libpq, "PQconnectdb", &connectdb);
	find(libpq, "PQstatus", &status);
	find(libpq, "PQsslInUse", &encrypted);
	find(libpq, "PQerrorMessage", &error);
	conn = connectdb(argv[2]);
	puts(status(conn) != CONNECTION_OK ? error(conn) : encrypted(conn) ? "t" : "f");
	return 0;
}
