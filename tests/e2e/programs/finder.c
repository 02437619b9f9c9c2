/* Asks src/gate/elf.c, which it is linked with, for functions of a library:
 *
 *     finder LIBRARY NAME...
 *
 * Each is a function that returns a number; prints "NAME NUMBER", or "NAME none", and whether
 * dlsym() gives the same. */
#define _GNU_SOURCE
#include "gate/elf.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct link_map *map = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	struct gate_object object;

	if (map == NULL || !gate_object_loaded(map, &object))
		return 2;
	printf("%s\n", (intptr_t)map->l_addr < 0 ? "below" : "above");
	for (int i = 2; i < argc; i++) {
		void *found = gate_object_find(&object, argv[i]);
		int (*function)(void);

		memcpy(&function, &found, sizeof function);
		printf("%s ", argv[i]);
		if (found == NULL)
			printf("none\n");
		else
			printf("%d %s\n", function(),
			       found == dlsym(map, argv[i]) ? "as dlsym" : "another");
	}
	return 0;
}
