/* Starts a program in turns without and with LD_PRELOAD=MODULE and prints the nanoseconds of each
 * pair: spawn_timer PAIRS MODULE PROGRAM */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

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
	char *path = "PATH=/usr/bin:/bin";
	char *plain[] = {path, NULL};
	char *preload = NULL;
	char *gated[] = {path, NULL, NULL};

	if (argc != 4 || asprintf(&preload, "LD_PRELOAD=%s", argv[2]) < 0)
		return 2;
	gated[1] = preload;
	for (int pair = atoi(argv[1]); pair > 0; pair--) {
		/* The order changes from pair to pair, so that neither profits from coming second.
		 */
		const long long first = start_once(argv[3], pair % 2 ? plain : gated);
		const long long second = start_once(argv[3], pair % 2 ? gated : plain);

		printf("%lld %lld\n", pair % 2 ? first : second, pair % 2 ? second : first);
	}
	free(preload);
	return 0;
}
