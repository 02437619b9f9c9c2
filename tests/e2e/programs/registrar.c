/* A plugin that makes itself known as it is loaded, and the program that opens it:
 *
 *     registrar FILE CONNINFO
 *
 * opens FILE with RTLD_DEEPBIND and has what has registered itself connect. Compiled with -DPLUGIN
 * it is the plugin. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

typedef void attempt_function(const char *conninfo);
void enlist(attempt_function *attempt);

#ifdef PLUGIN
#include <libpq-fe.h>

static void attempt(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	printf("%s %s\n", PQstatus(conn) == CONNECTION_OK ? "ok" : "bad", PQerrorMessage(conn));
	PQfinish(conn);
}

__attribute__((constructor)) static void come_in(void)
{
	enlist(attempt);
}
#else
static attempt_function *enlisted;

void enlist(attempt_function *attempt)
{
	enlisted = attempt;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND) == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 3;
	}
	enlisted(argv[2]);
	return 0;
}
#endif
