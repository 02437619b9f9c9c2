/* A daemon: does what the words of its command line say, one after the other, and tells what came
 * of each connection in a line.
 *
 *     daemon WORD...
 *
 * load               opens libpq, with RTLD_LOCAL, as daemons open their backends
 * connect=CONNINFO   "connected", or libpq's message with " | " for the ends of its lines
 * chroot=DIRECTORY   makes it the root directory, and goes there
 * setuid=NUMBER      becomes this user and group for good
 * seteuid=NUMBER     becomes this user until the next seteuid
 * getpwnam=NAME      asks NSS for this user: "found" or "not found"
 * vfork-chroot=DIR   makes it the root directory of a child that shares the memory
 * wait               says "waiting" and reads a line */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	PGconn *(*connectdb)(const char *conninfo);
	ConnStatusType (*status)(const PGconn *conn);
	char *(*errorMessage)(const PGconn *conn);
	void (*finish)(PGconn *conn);
} libpq;

static void *find(void *library, const char *name)
{
	void *function = dlsym(library, name);

	if (function == NULL) {
		printf("no %s: %s\n", name, dlerror());
		exit(1);
	}
	return function;
}

static int load(void)
{
	void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);

	if (library == NULL) {
		printf("no libpq: %s\n", dlerror());
		return -1;
	}
	libpq.connectdb = (PGconn * (*)(const char *)) find(library, "PQconnectdb");
	libpq.status = (ConnStatusType(*)(const PGconn *))find(library, "PQstatus");
	libpq.errorMessage = (char *(*)(const PGconn *))find(library, "PQerrorMessage");
	libpq.finish = (void (*)(PGconn *))find(library, "PQfinish");
	return 0;
}

static int connect_to(const char *conninfo)
{
	PGconn *conn = libpq.connectdb(conninfo);
	char *message = strdup(libpq.errorMessage(conn));

	if (libpq.status(conn) == CONNECTION_OK)
		printf("connected\n");
	else
		for (char *line = strtok(message, "\n"), *next; line != NULL; line = next) {
			next = strtok(NULL, "\n");
			printf("%s%s", line, next != NULL ? " | " : "\n");
		}
	free(message);
	libpq.finish(conn);
	return 0;
}

static int go_to(const char *directory)
{
	return chroot(directory) == 0 ? chdir("/") : -1;
}

static int vfork_chroot(const char *directory)
{
	int status = -1;
	pid_t child = vfork();

	if (child == 0)
		_exit(chroot(directory) == 0 ? 0 : 1);
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int become(uid_t user)
{
	return setgroups(0, NULL) == 0 && setgid(user) == 0 ? setuid(user) : -1;
}

static int ask_for(const char *user)
{
	printf("%s\n", getpwnam(user) != NULL ? "found" : "not found");
	return 0;
}

static int wait_for_line(void)
{
	printf("waiting\n");
	return getchar() == '\n' ? 0 : -1;
}

static int do_word(const char *word, const char *value)
{
	if (strcmp(word, "load") == 0)
		return load();
	if (strcmp(word, "connect") == 0)
		return connect_to(value);
	if (strcmp(word, "chroot") == 0)
		return go_to(value);
	if (strcmp(word, "vfork-chroot") == 0)
		return vfork_chroot(value);
	if (strcmp(word, "setuid") == 0)
		return become((uid_t)atoi(value));
	if (strcmp(word, "seteuid") == 0)
		return seteuid((uid_t)atoi(value));
	if (strcmp(word, "getpwnam") == 0)
		return ask_for(value);
	return strcmp(word, "wait") == 0 ? wait_for_line() : -1;
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value != NULL)
			*value++ = '\0';
		if (do_word(argv[i], value) != 0) {
			printf("%s failed\n", argv[i]);
			return 1;
		}
	}
	return 0;
}
