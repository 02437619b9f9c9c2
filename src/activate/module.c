#include "activate/module.h"

#include "base/subprocess.h"
#include "base/ownership.h"
#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char reinstall[] = "install pganchor again; nothing was changed";

static const char path[] = PGA_MODULE;

/* What LD_PRELOAD, environment.d, a unit and a shell's quotes all take as it is. */
static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.-+~@";

/* Whether a line of the maps is that of this file. */
static bool is_mapped(const char *maps, const char *file)
{
	size_t length = strlen(file);

	for (const char *at = strstr(maps, file); at != NULL; at = strstr(at + 1, file))
		if (at > maps && at[-1] == ' ' && at[length] == '\n')
			return true;
	return false;
}

int pga_module_loads(const char *preload, struct pga_error *error)
{
	static const char *const argv[] = {"/bin/cat", "/proc/self/maps", NULL};
	char real[PATH_MAX];
	struct pga_subprocess child;
	int result = -1;

	if (realpath(path, real) == NULL)
		return pga_fail_errno(error, reinstall, "cannot find the gate %s", PGA_MODULE);
	if (pga_subprocess_run(argv, preload != NULL ? preload : "", &child, error) != 0)
		goto done;
	if (child.errors.length > 0)
		(void)pga_fail(error, reinstall, "the gate %s does not load: %.*s", PGA_MODULE,
			       (int)strcspn(child.errors.bytes, "\n"), child.errors.bytes);
	else if (child.status != 0)
		(void)pga_fail(error, reinstall,
			       "a program with the gate %s in it ends with status %d", PGA_MODULE,
			       child.status);
	else if (!is_mapped(pga_text_string(&child.output), real))
		(void)pga_fail(error, reinstall, "ld.so did not load the gate %s", PGA_MODULE);
	else
		result = 0;
done:
	pga_subprocess_free(&child);
	return result;
}

/* The path with $LIB in the place of `count` folders from `from` on, which begins with "/lib";
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
		(void)pga_fail(error, "install pganchor into a folder with a plain name",
			       "%s: LD_PRELOAD cannot hold such a path", path);
		return NULL;
	}
	if (pga_module_loads(path, error) != 0)
		return NULL;
	/* $LIB is lib/x86_64-linux-gnu, lib64 or lib, as the distribution built its ld.so. */
	for (const char *at = strstr(path, "/lib"); at != NULL; at = strstr(at + 1, "/lib"))
		for (int folders = 2; folders > 0; folders--) {
			entry = with_token(at, folders);
			if (entry != NULL && pga_module_loads(entry, &ignored) == 0)
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
	static const char folder[] = "/lib/x86_64-linux-gnu/";
	const char *at = strstr(path, folder);
	struct pga_text text = PGA_TEXT_EMPTY;

	if (at == NULL)
		return NULL;
	pga_text_addf(&text, "%.*s/lib/i386-linux-gnu/%s", (int)(at - path), path,
		      at + sizeof folder - 1);
	if (text.failed || access(text.bytes, R_OK) != 0) {
		pga_text_free(&text);
		return NULL;
	}
	pga_text_free(&text);
	pga_text_addf(&text, "%.*s/$LIB/%s", (int)(at - path), path, at + sizeof folder - 1);
	return pga_text_take(&text);
}

/* Whether the entry is the module's path, or that with $LIB in it. */
static bool is_module(const char *entry, size_t length)
{
	static const char token[] = "/$LIB/";
	char copy[PATH_MAX];
	char *found;
	const char *rest;

	if (length >= sizeof copy)
		return false;
	memcpy(copy, entry, length);
	copy[length] = '\0';
	if (strcmp(copy, path) == 0)
		return true;
	found = strstr(copy, token);
	if (found == NULL)
		return false;
	rest = found + sizeof token - 2;
	return strncmp(copy, path, (size_t)(found - copy)) == 0 &&
	       strlen(rest) < strlen(path) - (size_t)(found - copy) &&
	       strcmp(path + strlen(path) - strlen(rest), rest) == 0;
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
		if (is_module(entry, length))
			return true;
	return false;
}

int pga_module_is_guarded(uid_t other, struct pga_error *error)
{
	if (access(path, F_OK) != 0)
		return pga_fail_errno(error, reinstall, "cannot find the gate %s", path);
	return pga_check_ownership(path, other, "what every program loads", error);
}
