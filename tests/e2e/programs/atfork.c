/* Forks while another library's fork handlers, registered before anything of libpq was used, use
 * the dynamic linker or libpq:
 *
 *     atfork WHAT WHEN CONNINFO
 *
 * WHAT a handler does: dlsym, dlopen, connect (PQconnectdb with CONNINFO). WHEN: prepare, parent,
 * child, or none. With "other-" before WHAT, it has another thread do it and waits for that, as
 * libraries do that stop their threads before a fork; in a child there is no other thread. Prints
 * how many children ended well. A child that does not end is ended. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;
static void *math;

static void *act(void *unused)
{
	if (strstr(arguments[1], "dlsym") != NULL && dlsym(math, "cos") == NULL)
		abort();
	if (strstr(arguments[1], "dlopen") != NULL && dlopen("libm.so.6", RTLD_NOW) == NULL)
		abort();
	if (strstr(arguments[1], "connect") != NULL)
		PQfinish(PQconnectdb(arguments[3]));
	return unused;
}

static void handle(void)
{
	pthread_t other;

	if (strncmp(arguments[1], "other-", 6) != 0)
		(void)act(NULL);
	else if (pthread_create(&other, NULL, act, NULL) != 0 || pthread_join(other, NULL) != 0)
		abort();
}

int main(int argc, char **argv)
{
	int good = 0;

	if (argc != 4)
		return 2;
	arguments = argv;
	pthread_atfork(strcmp(argv[2], "prepare") == 0 ? handle : NULL,
		       strcmp(argv[2], "parent") == 0 ? handle : NULL,
		       strcmp(argv[2], "child") == 0 ? handle : NULL);
	math = dlopen("libm.so.6", RTLD_NOW);
	for (int i = 0; i < 3; i++) {
		pid_t child;
		int status = 1;

		PQfinish(PQconnectdb(argv[3]));
		child = fork();
		if (child == 0) {
			alarm(30);
			PQfinish(PQconnectdb(argv[3]));
			_exit(dlsym(math, "sin") == NULL);
		}
		if (waitpid(child, &status, 0) == child && status == 0)
			good++;
	}
	printf("%d children\n", good);
	return 0;
}
