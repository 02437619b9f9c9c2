/* A program that connects by its own calls of libpq, and by those of plugins:
 *
 *     several [WHO WORD]...
 *
 * WHO, in the order in which they are given: "deepbind", "local" or "mopen" (into a namespace of
 * its own) opens the file WORD, which becomes the plugin; "own" connects by the program's own call,
 * "plugin" by the plugin's, with the connection string WORD, and either prints what came of it in a
 * line.
 * "together" has both connect at once, in threads.
 * With -DPLUGIN it is the plugin, which connects as it is loaded, too, with $AT_LOAD where that is
 * set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void attempt_function(const char *conninfo, const char *how);
void attempt(const char *conninfo, const char *how);

void attempt(const char *conninfo, const char *how)
{
	PGconn *conn =
	    strstr(how, "poll") != NULL ? PQconnectStart(conninfo) : PQconnectdb(conninfo);

	if (strstr(how, "poll") != NULL && PQstatus(conn) != CONNECTION_BAD)
		for (PostgresPollingStatusType next = PGRES_POLLING_WRITING;
		     next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED;)
			next = PQconnectPoll(conn);
	if (strstr(how, "reset") != NULL)
		PQreset(conn);
	printf("%s %.*s\n", PQstatus(conn) == CONNECTION_OK ? "ok" : "bad",
	       (int)strcspn(PQerrorMessage(conn), "\n"), PQerrorMessage(conn));
	fflush(stdout);
	PQfinish(conn);
}

#ifdef PLUGIN
__attribute__((constructor)) static void come_in(void)
{
	if (getenv("AT_LOAD") != NULL)
		attempt(getenv("AT_LOAD"), "");
}
#else
static void *open_plugin(const char *how, const char *path)
{
	if (strcmp(how, "mopen") == 0)
		return dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	return dlopen(path, RTLD_NOW | (strcmp(how, "deepbind") == 0 ? RTLD_DEEPBIND : RTLD_LOCAL));
}

struct one {
	attempt_function *attempt;
	const char *conninfo;
	pthread_barrier_t *barrier;
};

static void *attempt_once(void *argument)
{
	struct one *one = argument;

	pthread_barrier_wait(one->barrier);
	one->attempt(one->conninfo, "");
	return NULL;
}

static void attempt_together(attempt_function *theirs, const char *conninfo)
{
	pthread_barrier_t barrier;
	struct one ones[] = {{attempt, conninfo, &barrier}, {theirs, conninfo, &barrier}};
	pthread_t threads[2];

	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, attempt_once, &ones[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	void *plugin = NULL;
	attempt_function *theirs = NULL;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strncmp(argv[i], "own", 3) == 0) {
			attempt(argv[i + 1], argv[i]);
		} else if (strncmp(argv[i], "plugin", 6) == 0) {
			theirs(argv[i + 1], argv[i]);
		} else if (strcmp(argv[i], "together") == 0) {
			attempt_together(theirs, argv[i + 1]);
		} else if ((plugin = open_plugin(argv[i], argv[i + 1])) != NULL) {
			theirs = (attempt_function *)dlsym(plugin, "attempt");
		} else {
			fprintf(stderr, "%s\n", dlerror());
			return 3;
		}
	}
	return 0;
}
#endif
