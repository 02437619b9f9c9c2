/* Starts a program in turns, once with each of the modules in LD_PRELOAD ("-": with none), and
 * prints the nanoseconds of each round in one line, in the order of the modules: spawn_timer ROUNDS
 * PROGRAM MODULE... */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define MODULES 8

static long long start_once(char *program, char **environment)
{
	char *arguments[] = {program, NULL};
	struct timespec before, after;
	pid_t child;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &before);
	if (posix_spawn(&child, program, NULL, NULL, arguments, environment) != 0 ||
	    waitpid(child, &status, 0) != child || status != 0)
		exit(1);
	clock_gettime(CLOCK_MONOTONIC, &after);
	return (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
}

int main(int argc, char **argv)
{
	char *environments[MODULES][3] = {{NULL}};
	const int modules = argc - 3;

	if (modules < 1 || modules > MODULES)
		return 2;
	for (int i = 0; i < modules; i++) {
		environments[i][0] = "PATH=/usr/bin:/bin";
		if (strcmp(argv[3 + i], "-") != 0 &&
		    asprintf(&environments[i][1], "LD_PRELOAD=%s", argv[3 + i]) < 0)
			return 1;
	}
	for (int round = 0; round < atoi(argv[1]); round++) {
		long long took[MODULES];

		/* Another one comes first in each round, and every second round goes backwards:
		 * none profits from its place. */
		for (int i = 0; i < modules; i++) {
			const int at = (round / 2 + i) % modules;
			const int turn = round % 2 ? modules - 1 - at : at;

			took[turn] = start_once(argv[2], environments[turn]);
		}
		for (int i = 0; i < modules; i++)
			printf("%lld%c", took[i], i + 1 < modules ? ' ' : '\n');
	}
	for (int i = 0; i < modules; i++)
		free(environments[i][1]);
	return 0;
}
