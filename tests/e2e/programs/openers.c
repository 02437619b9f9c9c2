/* Threads that open the same extension with RTLD_DEEPBIND at the same time, and connect by it:
 *
 *     openers EXTENSION WEAK
 *
 * All wait for each other before they open it. Prints the answers that there were, each once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8

typedef void attempt_function(const char *conninfo, int start, char *answer, size_t size);

static pthread_barrier_t all;
static char **arguments;
static char answers[THREADS][2000];

static void *work(void *answer)
{
	void *extension;

	pthread_barrier_wait(&all);
	extension = dlopen(arguments[1], RTLD_NOW | RTLD_DEEPBIND);
	((attempt_function *)dlsym(extension, "attempt"))(arguments[2], 0, answer,
							  sizeof answers[0]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	if (argc != 3)
		return 2;
	arguments = argv;
	pthread_barrier_init(&all, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, answers[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		if (i == 0 || strcmp(answers[i], answers[i - 1]) != 0)
			printf("%.*s\n", (int)strcspn(answers[i], "\n"), answers[i]);
	}
	return 0;
}
