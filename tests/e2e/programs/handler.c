/* Forks in a signal handler, again and again, while the program asks the dynamic linker for
 * addresses. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t children;

static void fork_one(int number)
{
	pid_t child = fork();

	(void)number;
	if (child == 0)
		_exit(0);
	(void)waitpid(child, NULL, 0);
	children++;
}

int main(void)
{
	struct itimerval often = {{0, 300}, {0, 300}};
	void *math = dlopen("libm.so.6", RTLD_NOW);

	signal(SIGALRM, fork_one);
	setitimer(ITIMER_REAL, &often, NULL);
	while (children < 1000)
		if (dlsym(math, "cos") == NULL)
			return 1;
	printf("done\n");
	return 0;
}
