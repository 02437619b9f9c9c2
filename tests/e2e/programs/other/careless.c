/* Reads behind the end of an array: a sanitizer is to find that, and nothing else. */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* A data race is seen where two threads get there, which no single round promises. */
#define ROUNDS 20

static int shared;

static void *count(void *nothing)
{
	for (int i = 0; i < 1000; i++)
		shared++;
	return nothing;
}

int main(int argc, char **argv)
{
	volatile char *array = malloc(8);
	void *libm = dlopen("libm.so.6", RTLD_NOW);
	double (*cosine)(double) = (double (*)(double))dlsym(libm, "cos");
	pthread_t thread;

	(void)argv;
	printf("%g\n", cosine(0));
	if (argc > 1) {
		for (int i = 0; i < ROUNDS; i++) {
			pthread_create(&thread, NULL, count, NULL);
			count(NULL);
			pthread_join(thread, NULL);
		}
		printf("%d\n", array[8]);
	}
	free((void *)array);
	return 0;
}
