/* Connects again and again while a second thread changes what counts, as fast as it can:
 *
 *     races ATTEMPTS CONNINFO CHANGE...
 *
 * CHANGE: "env NAME=VALUE", the variable is there or not; "env NAME=VALUE OTHER", it has one or the
 * other, which differs in one byte; "rename PATH FILE...", another of the files comes to this path
 * by rename(2); "symlink PATH FILE...", a symbolic link does. Each state is reached by a single
 * write or call, so that nothing is ever half of two. The user of each attempt is its number.
 * Prints "NUMBER MESSAGE" for each, the first line of it. Behind every fourth one the second thread
 * has to wait, all is put into the first state, and another attempt is made, which has a "=" in
 * front. */
#define _GNU_SOURCE
#include <libpq-fe.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANGES 8
#define STATES  4

struct change {
	enum { ENVIRONMENT, RENAME, SYMLINK } kind;
	char *path; /* or where the byte is that changes */
	char *states[STATES];
	char bytes[2];
	int count;
	char *temporary;
};

static struct change changes[CHANGES];
static int count;
static atomic_bool over;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool wanted; /* the mutex, by the thread that connects */
static atomic_uint made;   /* changes */

static void enter(struct change *change, int state)
{
	if (change->kind == ENVIRONMENT) {
		__atomic_store_n(change->path, change->bytes[state], __ATOMIC_RELAXED);
		return;
	}
	(void)unlink(change->temporary);
	if ((change->kind == RENAME ? link : symlink)(change->states[state], change->temporary) !=
		0 ||
	    rename(change->temporary, change->path) != 0) {
		perror(change->path);
		exit(3);
	}
}

/* The bytes of the string that putenv() was given are the environment's own: to change one of them
 * is no race with getenv() that could crash, as setenv() is. */
static void read_environment(struct change *change, char *name, char *other)
{
	char *differs = name;

	change->count = 2;
	putenv(name);
	if (other != NULL)
		for (differs = strchr(name, '=') + 1; *differs == *other; other++)
			differs++;
	change->path = differs;
	change->bytes[0] = *differs;
	change->bytes[1] = other != NULL ? *other : '_';
}

static void read_change(struct change *change, char *text)
{
	char *kind = strtok(text, " ");

	change->kind = strcmp(kind, "env") == 0      ? ENVIRONMENT
		       : strcmp(kind, "rename") == 0 ? RENAME
						     : SYMLINK;
	change->path = strtok(NULL, " ");
	if (change->kind == ENVIRONMENT) {
		read_environment(change, change->path, strtok(NULL, " "));
		return;
	}
	for (char *state = strtok(NULL, " "); state != NULL; state = strtok(NULL, " "))
		change->states[change->count++] = state;
	if (asprintf(&change->temporary, "%s.new", change->path) < 0)
		exit(2);
}

static void *work(void *unused)
{
	unsigned random = 1;

	while (!over) {
		struct change *change;

		random = random * 1103515245 + 12345;
		change = &changes[(random >> 16) % (unsigned)count];
		while (wanted)
			sched_yield();
		pthread_mutex_lock(&mutex);
		enter(change, (int)((random >> 20) % (unsigned)change->count));
		pthread_mutex_unlock(&mutex);
		made++;
	}
	return unused;
}

/* The first line of what libpq says, but for that of an address where nobody listens, if there is
 * another one: localhost may have two. */
static const char *first_line(const char *message)
{
	for (const char *line = message; *line != '\0'; line += strcspn(line, "\n") + 1) {
		const size_t length = strcspn(line, "\n");
		const char *refused = strstr(line, "Connection refused");

		if (*line != '\t' && (refused == NULL || refused >= line + length))
			return line;
		if (line[length] == '\0')
			break;
	}
	return message;
}

static void attempt(const char *mark, int number, const char *conninfo)
{
	char own[1000];
	const char *line;
	PGconn *conn;

	snprintf(own, sizeof own, "%s user=u%d", conninfo, number);
	conn = PQconnectdb(own);
	line = first_line(PQerrorMessage(conn));
	printf("%s%d %.*s\n", mark, number, (int)strcspn(line, "\n"), line);
	PQfinish(conn);
}

int main(int argc, char **argv)
{
	const int attempts = argc > 3 ? atoi(argv[1]) : 0;
	pthread_t thread;

	if (attempts == 0 || argc - 3 > CHANGES)
		return 2;
	for (; count < argc - 3; count++) {
		read_change(&changes[count], argv[3 + count]);
		enter(&changes[count], 0);
	}
	pthread_create(&thread, NULL, work, NULL);
	for (int i = 0; i < attempts; i++) {
		/* On a busy machine, the second thread may not have run since. */
		for (const unsigned before = made; made - before < 2;)
			sched_yield();
		attempt("", 2 * i, argv[2]);
		if (i % 4 != 3)
			continue;
		wanted = true;
		pthread_mutex_lock(&mutex);
		wanted = false;
		for (int j = 0; j < count; j++)
			enter(&changes[j], 0);
		attempt("=", 2 * i + 1, argv[2]);
		pthread_mutex_unlock(&mutex);
	}
	over = true;
	pthread_join(thread, NULL);
	return 0;
}
