#include "preload/dropin.h"

#include "preload/known.h"
#include "preload/module.h"
#include "base/file_identity.h"
#include "base/subprocess.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

/* The file that this process has for libpq.so.5; NULL where it has none. */
static const char *own_libpq(void)
{
	void *handle = dlopen("libpq.so.5", RTLD_LAZY | RTLD_NOLOAD);
	struct link_map *map = NULL;

	if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
		return NULL;
	return map->l_name;
}

bool pga_dropin_is_loaded(bool any)
{
	const char *libpq = own_libpq();
	struct pga_file_identity one;
	struct pga_file_identity other;

	if (libpq == NULL || any)
		return libpq != NULL && pga_is_dropin(libpq);
	one = pga_file_identity_of(libpq);
	other = pga_file_identity_of(PGA_DROPIN);
	return one.inode != 0 && pga_file_identity_same(&one, &other);
}

const char *pga_dropin_in_the_way(void)
{
	const char *libpq = own_libpq();

	return libpq != NULL && !pga_dropin_is_loaded(false) ? libpq : NULL;
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
	pga_subprocess_free(&child);
	return result;
}

int pga_dropin_refresh(const char *root, struct pga_error *error)
{
	const char *const argv[] = {"/sbin/ldconfig", root != NULL ? "-r" : NULL, root, NULL};
	struct pga_subprocess child = {0};
	int result = pga_subprocess_run(argv, NULL, &child, error);

	if (result == 0 && child.status != 0)
		result = pga_fail(error, "run it as root, and see what it says",
				  "ldconfig failed, and programs are as before: %.*s",
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
