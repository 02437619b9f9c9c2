/* Plugins that each have a libpq of their own, and call it as the last thing that they do:
 *
 *     last local|deepbind PLUGIN...
 *
 * prints what the libpq of each says of a connection that is none. Compiled with -DPLUGIN it is a
 * plugin. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

const char *say(void);

#ifdef PLUGIN
#include <libpq-fe.h>

const char *say(void)
{
	/* Tells which libpq this is to who looks for it. */
	return PQlibVersion() > 0 ? PQerrorMessage(NULL) : "";
}
#else
int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		int deep = strcmp(argv[1], "deepbind") == 0 ? RTLD_DEEPBIND : 0;
		void *plugin = dlopen(argv[i], RTLD_NOW | deep);
		const char *(*say_it)(void) =
		    plugin != NULL ? (const char *(*)(void))dlsym(plugin, "say") : NULL;

		if (say_it == NULL) {
			fprintf(stderr, "%s\n", dlerror());
			return 3;
		}
		fputs(say_it(), stdout);
	}
	return 0;
}
#endif
