/* Makes children without fork(), and so without its handlers, while other threads ask the dynamic
 * linker for symbols; each child then forks itself: cloner HOW CHILDREN. HOW: clone (the system
 * call), _Fork, vfork (whose child must do nothing). Prints how many children ended well. A child
 * that does not end is ended. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *math;

static void *work(void *unused)
{
	while (dlsym(math, "cos") != NULL)
		;
	return unused;
}

/* Also the child of a child: whether it ended well. */
static int ends_well(pid_t child)
{
	int status = 1;

	return waitpid(child, &status, 0) == child && status == 0;
}

static void fork_in_child(void)
{
	pid_t child;

	alarm(30);
	child = fork();
	_exit(child == 0 || ends_well(child) ? 0 : 1);
}

static pid_t make_child(const char *how)
{
	pid_t child;

	if (strcmp(how, "vfork") == 0) {
		child = vfork();
		if (child == 0)
			_exit(0);
		return child;
	}
	child =
	    strcmp(how, "_Fork") == 0 ? _Fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		fork_in_child();
	return child;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int good = 0;

	if (argc != 3)
		return 2;
	math = dlopen("libm.so.6", RTLD_NOW);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, work, NULL);
	for (int i = 0; i < atoi(argv[2]); i++)
		good += ends_well(make_child(argv[1]));
	printf("%d children\n", good);
	fflush(stdout);
	_exit(0);
}
