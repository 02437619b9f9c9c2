/* In a namespace of dlmopen(), one thread asks for symbols again and again while another opens and
 * closes a library: spaces LIBRARY SMALL ROUNDS. Prints "done". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static Lmid_t space;
static atomic_int left;

static void *open_and_close(void *small)
{
	while (left > 0) {
		void *object = dlmopen(space, small, RTLD_NOW);

		if (object == NULL || dlsym(object, "small") == NULL)
			abort();
		dlclose(object);
		left--;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	void *library = argc == 4 ? dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW) : NULL;
	pthread_t other;

	if (library == NULL || dlinfo(library, RTLD_DI_LMID, &space) != 0)
		return 2;
	left = atoi(argv[3]);
	pthread_create(&other, NULL, open_and_close, argv[2]);
	while (left > 0)
		if (dlsym(library, "cos") == NULL)
			return 3;
	pthread_join(other, NULL);
	puts("done");
	return 0;
}
