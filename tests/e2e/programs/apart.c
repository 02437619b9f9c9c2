/* Loads an object into a namespace of its own and has it connect: apart OBJECT CONNINFO... */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

#include "outer.h"

int main(int argc, char **argv)
{
	void *object = argc > 2 ? dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW) : NULL;
	outer_function *connect;

	if (object == NULL) {
		fprintf(stderr, "%s\n", argc > 2 ? dlerror() : "usage");
		return 1;
	}
	*(void **)&connect = dlsym(object, "outer_connect");
	for (int i = 2; i < argc; i++)
		fputs(connect(argv[i]), stdout);
	return 0;
}
