/* Makes many connections and finishes them past the gate, or late:
 *
 *     hoarder HOW COUNT CONNINFO
 *
 * HOW: "past", each is finished at once by libpq's own PQfinish, as libc's dlsym gives it, and
 * another one that libpq refuses for itself is made at its address; "hoard", all are kept to the
 * end and then finished so. All of it is done twice. Prints what such another one says where it
 * tells of the gate, how often it had the address of the last one ("reused N"), and how many bytes
 * more are allocated behind the second time than behind the first ("grown N"). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*own_dlsym)(void *, const char *);
static void (*own_finish)(PGconn *);

static PGconn *connect_weakly(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (strncmp(PQerrorMessage(conn), "pganchor refused", 16) != 0) {
		fprintf(stderr, "%s\n", PQerrorMessage(conn));
		exit(1);
	}
	return conn;
}

static int reused;

static void pass(int hoards, PGconn **kept, int count, const char *conninfo)
{
	for (int i = 0; i < count; i++) {
		PGconn *conn = connect_weakly(conninfo);
		PGconn *other;

		if (hoards) {
			kept[i] = conn;
			continue;
		}
		own_finish(conn);
		other = PQconnectdb("nonsense=1");
		reused += other == conn;
		if (strstr(PQerrorMessage(other), "pganchor") != NULL)
			printf("another's message: %s", PQerrorMessage(other));
		own_finish(other);
	}
	for (int i = 0; hoards && i < count; i++)
		own_finish(kept[i]);
}

int main(int argc, char **argv)
{
	const int count = argc == 4 ? atoi(argv[2]) : 0;
	PGconn **kept = calloc((size_t)count + 1, sizeof *kept);
	struct mallinfo2 before;

	if (count == 0)
		return 2;
	own_dlsym = (void *(*)(void *, const char *))dlsym(dlopen("libc.so.6", RTLD_NOW), "dlsym");
	own_finish = (void (*)(PGconn *))own_dlsym(dlopen("libpq.so.5", RTLD_NOW), "PQfinish");
	pass(strcmp(argv[1], "hoard") == 0, kept, count, argv[3]);
	before = mallinfo2();
	pass(strcmp(argv[1], "hoard") == 0, kept, count, argv[3]);
	printf("reused %d\ngrown %lld\n", reused,
	       (long long)mallinfo2().uordblks - (long long)before.uordblks);
	free(kept);
	return 0;
}
