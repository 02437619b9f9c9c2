/* A library that stands before dlopen() and dlsym(), and passes on what it is asked by the next
 * ones of their own versions; it counts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.0"};

static void *next(const char *name)
{
	void *found = NULL;

	for (size_t i = 0; found == NULL && i < sizeof versions / sizeof versions[0]; i++)
		found = dlvsym(RTLD_NEXT, name, versions[i]);
	if (found == NULL)
		abort();
	return found;
}

static int opened;

void *dlopen(const char *file, int mode)
{
	opened++;
	return ((void *(*)(const char *, int))next("dlopen"))(file, mode);
}

void *dlsym(void *handle, const char *name)
{
	return ((void *(*)(void *, const char *))next("dlsym"))(handle, name);
}

__attribute__((destructor)) static void tell(void)
{
	fprintf(stderr, "%d opened\n", opened);
}
