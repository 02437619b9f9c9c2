#include "preload/dropin.h"

#include "preload/known.h"
#include "preload/module.h"
#include "base/path.h"
#include "base/subprocess.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A handle of what this process has for libpq.so.5; NULL where it has none. */
static void *own_handle(void)
{
	return dlopen("libpq.so.5", RTLD_LAZY | RTLD_NOLOAD);
}

/* Its file. */
static const char *own_libpq(void)
{
	void *handle = own_handle();
	struct link_map *map = NULL;

	if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
		return NULL;
	return map->l_name;
}

/* The file in which a function is that is looked for there; NULL where there is none. */
static const char *file_of(const char *name)
{
	void *handle = own_handle();
	const void *symbol = handle != NULL ? dlsym(handle, name) : NULL;
	Dl_info found;

	return symbol != NULL && dladdr(symbol, &found) != 0 ? found.dli_fname : NULL;
}

bool pga_dropin_is_loaded(bool any)
{
	const char *libpq = own_libpq();
	const char *connecting = file_of("PQconnectdb");
	const char *others = file_of("PQexec");

	/* Another file in its place may be a libpq, which stands before nothing. */
	if (libpq == NULL || connecting == NULL || others == NULL ||
	    strcmp(connecting, others) == 0)
		return false;
	return any ? pga_is_dropin(libpq) : pga_path_is_same(libpq, PGA_DROPIN);
}

const char *pga_dropin_libpq(void)
{
	return pga_dropin_is_loaded(false) ? file_of("PQexec") : own_libpq();
}

/* Asks this tool, started again by env(1) with this as the last of its words, if any, for itself.
 * What it says is the libpq that it has in the drop-in's place. */
static int ask(const char *library_path, struct pga_subprocess *child, struct pga_error *error)
{
	char self[PATH_MAX];
	const char *argv[10] = {"env", "-u", "LD_PRELOAD", "-u", "LD_LIBRARY_PATH"};
	size_t count = 5;

	pga_find_self(self);
	if (library_path != NULL)
		argv[count++] = library_path;
	argv[count++] = self;
	argv[count++] = "run";
	argv[count] = "--has-dropin";
	return pga_subprocess_run(argv, NULL, child, error);
}

/* The first line of what a program said. */
static int first_line(const struct pga_text *text)
{
	return (int)strcspn(pga_text_string(text), "\n");
}

/* Whether ld.so finds, without the drop-in, the libpq that this stands before: in the place of
 * another it would take functions away from programs. Where it has found the drop-in already, that
 * cannot be told, and has been. */
static int check_libpq(const struct pga_text *behind, struct pga_error *error)
{
	struct pga_subprocess child = {0};
	int result = ask(NULL, &child, error);
	char *found = strndup(pga_text_string(&child.output), (size_t)first_line(&child.output));
	char *needed = strndup(pga_text_string(behind), (size_t)first_line(behind));

	if (result == 0 && (found == NULL || needed == NULL))
		result = pga_fail_memory(error);
	else if (result == 0 && child.status != 0 && !pga_path_is_same(found, needed))
		result = pga_fail(
		    error, "build pganchor with --with-system-libpq=PATH; nothing was changed",
		    "ld.so finds the libpq %s, and the drop-in stands before %s", found, needed);
	free(found);
	free(needed);
	pga_subprocess_free(&child);
	return result;
}

int pga_dropin_try(struct pga_error *error)
{
	struct pga_subprocess child = {0};
	int result = ask("LD_LIBRARY_PATH=" PGA_DROPIN_DIRECTORY, &child, error);

	if (result == 0 && child.status != 0) {
		const struct pga_text *said =
		    child.errors.length > 0 ? &child.errors : &child.output;

		result = pga_fail(error, "install pganchor again; nothing was changed",
				  "the drop-in %s does not load: %.*s", PGA_DROPIN,
				  first_line(said), pga_text_string(said));
	}
	if (result == 0)
		result = check_libpq(&child.output, error);
	pga_subprocess_free(&child);
	return result;
}

int pga_dropin_refresh(struct pga_error *error)
{
	static const char *const argv[] = {"/sbin/ldconfig", NULL};
	struct pga_subprocess child = {0};
	int result = pga_subprocess_run(argv, NULL, &child, error);

	if (result == 0 && child.status != 0)
		result =
		    pga_fail(error, "run it as root, and see what it says",
			     "ldconfig failed, and programs find the libpq that they did: %.*s",
			     first_line(&child.errors), pga_text_string(&child.errors));
	pga_subprocess_free(&child);
	return result;
}

int pga_dropin_check(bool wanted, struct pga_error *error)
{
	struct pga_subprocess child = {0};
	int result = ask(NULL, &child, error);

	if (result == 0 && wanted && child.status != 0)
		result =
		    pga_fail(error,
			     "a directory that ldconfig knows comes first: see ldconfig -v; or "
			     "this tool has a libpq of its own",
			     "ld.so still finds %.*s", first_line(&child.output),
			     pga_text_string(&child.output));
	else if (result == 0 && !wanted && child.status == 0)
		result =
		    pga_fail(error, "its directory stands in another file too: see ldconfig -v",
			     "ld.so still finds %s", PGA_DROPIN);
	pga_subprocess_free(&child);
	return result;
}
