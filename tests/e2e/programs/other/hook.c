/* A library that stands before the dynamic linker's functions, as tracers and overlays do: each
 * call is counted, and passed on to whoever stands behind. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

static unsigned asked, opened;

void *dlsym(void *handle, const char *name)
{
	static void *(*next)(void *, const char *);

	if (next == NULL)
		next = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
	asked++;
	return next(handle, name);
}

void *dlopen(const char *file, int mode)
{
	void *(*next)(const char *, int) =
	    (void *(*)(const char *, int))dlvsym(RTLD_NEXT, "dlopen", "GLIBC_2.34");

	opened++;
	return next(file, mode);
}

__attribute__((destructor)) static void tell(void)
{
	fprintf(stderr, "hook: %u opened, %u asked\n", opened, asked);
}
