#include "preload/module.h"

#include "preload/known.h"
#include "base/ownership.h"
#include "base/path.h"
#include "base/subprocess.h"
#include "base/text.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char reinstall[] = "install pganchor again; nothing was changed";

static const char path[] = PGA_MODULE;

/* What LD_PRELOAD, environment.d, a unit and a shell's quotes all take as it is. */
static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.-+~@";

/* The file whose symbol a program is bound to by this name; NULL where there is none. */
static const char *file_of(const char *name)
{
	const void *symbol = dlsym(RTLD_DEFAULT, name);
	Dl_info found;

	return symbol != NULL && dladdr(symbol, &found) != 0 ? found.dli_fname : NULL;
}

bool pga_module_is_bound(bool any)
{
	/* The gate alone has both libpq's functions and those of the dynamic linker: neither a
	 * libpq nor another library under its name does. */
	static const char *const names[] = {"PQconnectdb", "PQconnectPoll", "dlopen", "dlsym"};
	const char *first = file_of(names[0]);

	if (first == NULL || !(any ? pga_is_gate(first) : pga_path_is_same(first, path)))
		return false;
	for (size_t i = 1; i < sizeof names / sizeof names[0]; i++) {
		const char *file = file_of(names[i]);

		if (file == NULL || strcmp(file, first) != 0)
			return false;
	}
	return true;
}

void pga_find_self(char self[PATH_MAX])
{
	const ssize_t length = readlink("/proc/self/exe", self, PATH_MAX - 1);

	self[length > 0 ? length : 0] = '\0';
	if (length > 0 && access(self, X_OK) == 0)
		return;
	/* An upgrade has taken its name away; or /proc is not mounted. */
	(void)snprintf(self, PATH_MAX, "%s",
		       length > 0 ? "/proc/self/exe" : program_invocation_name);
}

int pga_module_loads(const char *preload, bool quiet, struct pga_error *error)
{
	char self[PATH_MAX];
	const char *const argv[] = {self, "run", "--is-bound", NULL};
	struct pga_subprocess child = {0};
	const char *said;
	int result = -1;

	/* What it may read depends on the effective user and capabilities. */
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
		return pga_fail_errno(error, reinstall, "could not read the gate %s", path);
	pga_find_self(self);
	if (pga_subprocess_run(argv, preload, &child, error) != 0)
		goto done;
	said = pga_text_string(&child.errors);
	if (child.status == 0 && (!quiet || child.errors.length == 0))
		result = 0;
	else if (child.errors.length > 0)
		(void)pga_fail(error, reinstall, "the gate %s does not load: %.*s", path,
			       (int)strcspn(said, "\n"), said);
	else
		(void)pga_fail(error, reinstall,
			       "ld.so did not load the gate %s (a test of it ended with status %d)",
			       path, child.status);
done:
	pga_subprocess_free(&child);
	return result;
}

/* The path with $LIB in the place of `count` directories from `from` on, which begins with "/lib";
 * NULL where there are not as many, or memory ran out. */
static char *with_token(const char *from, int count)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *rest = from;

	for (; count > 0 && rest != NULL; count--)
		rest = strchr(rest + 1, '/');
	if (rest == NULL)
		return NULL;
	pga_text_add_bytes(&text, path, (size_t)(from - path));
	pga_text_addf(&text, "/$LIB%s", rest);
	return pga_text_take(&text);
}

char *pga_module_entry(struct pga_error *error)
{
	struct pga_error ignored;
	char *entry;

	if (path[strspn(path, plain)] != '\0') {
		(void)pga_fail(error, "install pganchor into a directory with a plain name",
			       "%s: LD_PRELOAD cannot hold such a path", path);
		return NULL;
	}
	if (pga_module_loads(path, true, error) != 0)
		return NULL;
	/* $LIB is lib/x86_64-linux-gnu, lib64 or lib, as the distribution built its ld.so. */
	for (const char *at = strstr(path, "/lib"); at != NULL; at = strstr(at + 1, "/lib"))
		for (int directories = 2; directories > 0; directories--) {
			entry = with_token(at, directories);
			if (entry != NULL && pga_module_loads(entry, true, &ignored) == 0)
				return entry;
			free(entry);
		}
	entry = strdup(path);
	if (entry == NULL)
		(void)pga_fail_memory(error);
	return entry;
}

char *pga_module_entry_32(void)
{
	static const char directory[] = "/lib/x86_64-linux-gnu/";
	const char *at = strstr(path, directory);
	struct pga_text text = PGA_TEXT_EMPTY;

	if (at == NULL)
		return NULL;
	pga_text_addf(&text, "%.*s/lib/i386-linux-gnu/%s", (int)(at - path), path,
		      at + sizeof directory - 1);
	if (text.failed || access(text.bytes, R_OK) != 0) {
		pga_text_free(&text);
		return NULL;
	}
	pga_text_free(&text);
	pga_text_addf(&text, "%.*s/$LIB/%s", (int)(at - path), path, at + sizeof directory - 1);
	return pga_text_take(&text);
}

bool pga_module_is_named(const char *entry, size_t length)
{
	bool named = length == strlen(path) && memcmp(entry, path, length) == 0;

	for (const char *at = strstr(path, "/lib"); at != NULL; at = strstr(at + 1, "/lib"))
		for (int directories = 2; directories > 0 && !named; directories--) {
			char *made = with_token(at, directories);

			named = made != NULL && length == strlen(made) &&
				memcmp(entry, made, length) == 0;
			free(made);
		}
	return named;
}

const char *pga_module_next_entry(const char *preload, size_t *length)
{
	static const char separators[] = " :\t\n";
	const char *entry = preload + strspn(preload, separators);

	*length = strcspn(entry, separators);
	return *length > 0 ? entry : NULL;
}

bool pga_module_is_in(const char *preload)
{
	const char *entry;
	size_t length;

	for (; (entry = pga_module_next_entry(preload, &length)) != NULL; preload = entry + length)
		if (pga_module_is_named(entry, length))
			return true;
	return false;
}

int pga_module_check_guarded(const char *file, uid_t other, struct pga_error *error)
{
	if (access(file, F_OK) != 0)
		return pga_fail_errno(error, reinstall, "could not find the gate %s", file);
	return pga_check_ownership(file, other, "what every program loads", error);
}

/* What is missing in the mode for users who are neither owner nor group; 0 where nothing is. */
static mode_t missing_for_others(const char *place)
{
	struct stat status;

	if (stat(place, &status) != 0)
		return 0;
	return (S_ISDIR(status.st_mode) ? S_IXOTH : S_IROTH) & ~status.st_mode;
}

int pga_module_check_readable(const char *file, struct pga_error *error)
{
	char place[PATH_MAX];
	char *slash;

	if (realpath(file, place) == NULL)
		return pga_fail_errno(error, reinstall, "could not find the gate %s", file);
	if (missing_for_others(place) != 0)
		return pga_fail(error, "chmod go+r, and try again; nothing was changed",
				"%s: other users cannot read it, and their programs would start "
				"without the gate",
				place);
	while ((slash = strrchr(place, '/')) != NULL && slash > place) {
		*slash = '\0';
		if (missing_for_others(place) != 0)
			return pga_fail(error, "chmod go+x, and try again; nothing was changed",
					"%s: other users cannot look into it, and their programs "
					"would start without the gate",
					place);
	}
	return 0;
}
