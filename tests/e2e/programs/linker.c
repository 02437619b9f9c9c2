/* What the dynamic linker gives a program must be the same with the gate: prints what dlsym, dlvsym
 * and dlopen answer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

/* What comes behind this program's own puts is libc's. */
int puts(const char *text)
{
	int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "puts");

	return next(text);
}

/* Where it starts differs: in the program's own place, the gate names itself. */
static void tell_error(const char *what)
{
	const char *error = dlerror();

	printf("%s error %s\n", what, error != NULL ? strchr(error, ':') : "none");
}

static void tell_whole_error(const char *what)
{
	const char *error = dlerror();

	printf("%s error %s\n", what, error != NULL ? error : "none");
}

static void tell(const char *what, void *address)
{
	Dl_info info;
	const char *name = "nothing";

	if (address != NULL && dladdr(address, &info) != 0)
		name = strrchr(info.dli_fname, '/') != NULL ? strrchr(info.dli_fname, '/') + 1
							    : info.dli_fname;
	printf("%s %s\n", what, name);
}

/* What a library asks for, that was opened. */
static void ask_beside(void)
{
	void *beside = dlopen("libbeside.so", RTLD_NOW);
	void *(*look_up)(void *, const char *) =
	    (void *(*)(void *, const char *))dlsym(beside, "look_up");
	void *(*open_deep)(const char *) = (void *(*)(const char *))dlsym(beside, "open_deep");

	tell("its next", look_up(RTLD_NEXT, "PQconnectdb"));
	tell_whole_error("its next");
	tell("its default", look_up(RTLD_DEFAULT, "PQconnectdb"));
	tell_whole_error("its default");
	tell("its own", look_up(beside, "PQconnectdb"));
	tell_whole_error("its own");
	printf("broken %s\n", open_deep("libbroken.so") != NULL ? "found" : "not found");
	tell_whole_error("broken");
	printf("gone %s\n", open_deep("libgone.so") != NULL ? "found" : "not found");
	tell_whole_error("gone");
	printf("nowhere %s\n", open_deep("/nowhere/libgone.so") != NULL ? "found" : "not found");
	tell_whole_error("nowhere");
}

int main(int argc, char **argv)
{
	void *math = dlopen("libm.so.6", RTLD_NOW);
	const char *error;

	tell("default", dlsym(RTLD_DEFAULT, "printf"));
	tell("next", dlsym(RTLD_NEXT, "puts"));
	tell("handle", dlsym(math, "cos"));
	tell("version", dlvsym(math, "exp", "GLIBC_2.29"));
	tell("wrong version", dlvsym(math, "exp", "GLIBC_9.99"));
	puts("through the next");
	dlerror();
	tell("missing", dlsym(math, "no_such_function"));
	error = dlerror();
	printf("error %s\n", error != NULL ? strchr(error, ':') : "none");
	tell("found", dlsym(math, "sin"));
	printf("error %s\n", dlerror() == NULL ? "none" : "left over");
	printf("runpath %s\n", dlopen("libbeside.so", RTLD_NOW) != NULL ? "found" : dlerror());
	printf("origin %s\n",
	       dlopen("$ORIGIN/libbeside.so", RTLD_NOW) != NULL ? "found" : dlerror());
	printf("no such file %s\n",
	       dlopen("/no/such/file.so", RTLD_NOW) == NULL ? strrchr(dlerror(), ':') : "opened");
	printf("self %s\n", dlopen(NULL, RTLD_NOW) != NULL ? "opened" : dlerror());
	printf("other space %s\n",
	       dlmopen(LM_ID_NEWLM, "libbeside.so", RTLD_NOW) != NULL ? "found" : dlerror());
	printf("other space, origin %s\n",
	       dlmopen(LM_ID_NEWLM, "$ORIGIN/libbeside.so", RTLD_NOW) != NULL ? "found"
									      : dlerror());
	printf("own space %s\n",
	       dlmopen(LM_ID_BASE, "libbeside.so", RTLD_NOW) != NULL ? "found" : dlerror());
	/* Without the gate libpq is not there, with it neither. */
	tell("libpq", dlsym(RTLD_DEFAULT, "PQconninfoParse"));
	tell("by default", dlsym(RTLD_DEFAULT, "PQconnectdb"));
	tell("in the program", dlsym(dlopen(NULL, RTLD_NOW), "PQconnectdb"));
	error = dlerror();
	printf("error %s\n", error != NULL ? strchr(error, ':') : "none");
	tell("next", dlsym(RTLD_NEXT, "PQconnectdb"));
	tell_error("next");
	tell("next, version", dlvsym(RTLD_NEXT, "PQconnectdb", "LIBPQ_5"));
	tell_error("next, version");
	tell("default", dlsym(RTLD_DEFAULT, "PQconnectdb"));
	tell_error("default");
	tell("default, version", dlvsym(RTLD_DEFAULT, "PQconnectdb", "LIBPQ_5"));
	tell_error("default, version");
	ask_beside();
	if (argc > 1) {
		void *libpq = dlopen(argv[1], RTLD_NOW);

		printf("error %s\n", dlerror() == NULL ? "none" : "left over");
		printf("function %s\n",
		       dlsym(libpq, "PQconnectdb") != NULL ? "found" : "not found");
		printf("error %s\n", dlerror() == NULL ? "none" : "left over");
	}
	return 0;
}
