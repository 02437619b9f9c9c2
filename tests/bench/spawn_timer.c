/* Starts a program in turns, once with each of the settings in its environment (NAME=VALUE; "-":
 * none), and prints the nanoseconds of each round in one line, in the order of the settings:
 * spawn_timer ROUNDS SETTING... -- PROGRAM [ARGUMENT...] */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETTINGS 8

static posix_spawn_file_actions_t silently;

static long long start_once(char **words, char **environment)
{
	struct timespec before, after;
	pid_t child;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &before);
	if (posix_spawn(&child, words[0], &silently, NULL, words, environment) != 0 ||
	    waitpid(child, &status, 0) != child || status != 0)
		exit(1);
	clock_gettime(CLOCK_MONOTONIC, &after);
	return (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
}

int main(int argc, char **argv)
{
	char *environments[SETTINGS][3] = {{NULL}};
	int count = 0;

	for (; 2 + count < argc && strcmp(argv[2 + count], "--") != 0; count++) {
		if (count == SETTINGS)
			return 2;
		environments[count][0] = "PATH=/usr/bin:/bin";
		if (strcmp(argv[2 + count], "-") != 0)
			environments[count][1] = argv[2 + count];
	}
	if (count == 0 || 3 + count >= argc)
		return 2;
	if (posix_spawn_file_actions_init(&silently) != 0 ||
	    posix_spawn_file_actions_addopen(&silently, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) !=
		0)
		return 1;
	for (int round = 0; round < atoi(argv[1]); round++) {
		long long took[SETTINGS];

		/* Another one comes first in each round, and every second round goes backwards:
		 * none profits from its place. */
		for (int i = 0; i < count; i++) {
			const int at = (round / 2 + i) % count;
			const int turn = round % 2 ? count - 1 - at : at;

			took[turn] = start_once(argv + 3 + count, environments[turn]);
		}
		for (int i = 0; i < count; i++)
			printf("%lld%c", took[i], i + 1 < count ? ' ' : '\n');
	}
	return 0;
}
