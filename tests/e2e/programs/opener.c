/* Opens extension.so in one of the ways there are and has it connect:
 *
 *     opener WAY EXTENSION STRONG WEAK
 *
 * WAY: words with "+" between them: local, global, deepbind (of dlopen), mopen (dlmopen into a
 * namespace of its own), lazy; start (the extension polls); early (it is opened before libpq was
 * ever loaded, the default; late: libpq is opened first); fork (a child connects); twice (the
 * extension is opened, closed and opened again). Prints the answers to WEAK and STRONG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef WITH_LIBPQ
#include <libpq-fe.h>
#define OWN_LIBPQ PQlibVersion()
#else
#define OWN_LIBPQ 0
#endif

typedef void attempt_function(const char *conninfo, int start, char *answer, size_t size);

static int has(const char *way, const char *word)
{
	return strstr(way, word) != NULL;
}

static void *open_extension(const char *way, const char *path)
{
	int mode = has(way, "lazy") ? RTLD_LAZY : RTLD_NOW;

	mode |= has(way, "global") ? RTLD_GLOBAL : RTLD_LOCAL;
	mode |= has(way, "deepbind") ? RTLD_DEEPBIND : 0;
	return has(way, "mopen") ? dlmopen(LM_ID_NEWLM, path, mode) : dlopen(path, mode);
}

int main(int argc, char **argv)
{
	char answer[2000];
	attempt_function *attempt;
	void *extension;

	/* With WITH_LIBPQ, the program uses a libpq itself. */
	if (argc != 5 || OWN_LIBPQ < 0)
		return 2;
	if (has(argv[1], "late") && dlopen("libpq.so.5", RTLD_NOW) == NULL)
		return 3;
	extension = open_extension(argv[1], argv[2]);
	if (extension != NULL && has(argv[1], "twice")) {
		dlclose(extension);
		extension = open_extension(argv[1], argv[2]);
	}
	if (extension == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 3;
	}
	attempt = (attempt_function *)dlsym(extension, "attempt");
	if (has(argv[1], "fork")) {
		pid_t child = fork();
		int status = 0;

		if (child != 0)
			return waitpid(child, &status, 0) == child && WIFEXITED(status)
				   ? WEXITSTATUS(status)
				   : 3;
	}
	for (int i = 4; i >= 3; i--) {
		attempt(argv[i], has(argv[1], "start"), answer, sizeof answer);
		printf("%s\n", answer);
	}
	return 0;
}
