#include "preload/program.h"

#include "preload/binary.h"
#include "base/path.h"
#include "base/subprocess.h"
#include "preload/known.h"
#include "preload/module.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INTERPRETERS 4 /* as deep as the kernel goes (execve(2)) */

static const char own_settings[] =
    "give it sslmode=verify-full and sslrootcert by its own settings";

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* The file that execvp(3) takes for the name; false where it finds none. */
static bool find_file(const char *name, char path[PATH_MAX])
{
	const char *directories = getenv("PATH");

	if (strchr(name, '/') != NULL)
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_program(path);
	if (directories == NULL)
		directories = _PATH_DEFPATH;
	for (;;) {
		const int length = (int)strcspn(directories, ":");
		const int written = snprintf(path, PATH_MAX, "%.*s%s%s", length, directories,
					     length > 0 ? "/" : "", name);

		if (written < PATH_MAX && is_program(path))
			return true;
		if (directories[length] == '\0')
			return false;
		directories += length + 1;
	}
}

/* The interpreter of a script, in the place of the script: "#!PATH [ARGUMENT]"; for env(1), which
 * looks its argument up, what that finds. false where the file is no script. */
static bool go_to_interpreter(char path[PATH_MAX])
{
	char line[PATH_MAX] = ""; /* the kernel looks at less of it */
	char *words = line + 2;
	char *first;
	ssize_t length;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (file < 0)
		return false;
	length = read(file, line, sizeof line - 1);
	(void)length; /* what cannot be read stays empty, and so is no script */
	(void)close(file);
	if (strncmp(line, "#!", 2) != 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	do
		first = strsep(&words, " \t");
	while (first != NULL && first[0] == '\0');
	if (first == NULL)
		return false;
	if (strrchr(first, '/') == NULL || strcmp(strrchr(first, '/'), "/env") != 0) {
		(void)snprintf(path, PATH_MAX, "%s", first);
		return true;
	}
	/* env's own options and assignments stand before the name. */
	while ((first = strsep(&words, " \t")) != NULL)
		if (first[0] != '\0' && first[0] != '-' && strchr(first, '=') == NULL)
			return find_file(first, path);
	return false;
}

/* Whether the program gets a power that its caller does not have: ld.so then takes no preload from
 * the caller. */
static bool gets_power(const char *path)
{
	struct stat status;
	struct statvfs system;

	if (stat(path, &status) != 0 ||
	    (statvfs(path, &system) == 0 && (system.f_flag & ST_NOSUID) != 0))
		return false;
	return ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) ||
	       ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		status.st_gid != getgid()) ||
	       (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0);
}

static bool has_gate_for_32_bit(void)
{
	char *entry = pga_module_entry_32();
	const bool has = entry != NULL;

	free(entry);
	return has;
}

static bool asan_may_be_second(void)
{
	const char *options = getenv("ASAN_OPTIONS");

	return options != NULL && strstr(options, "verify_asan_link_order=0") != NULL;
}

/* Whether the file's own ld.so can start it with this value of LD_PRELOAD, or none. It only loads
 * what belongs to the program and binds it, and tells; nothing of the program runs. */
static bool lists(const struct pga_binary *binary, const char *path, const char *preload,
		  struct pga_text *complaint)
{
	const char *const argv[] = {binary->is_loader ? path : binary->interpreter, "--list",
				    binary->is_loader ? PGA_MODULE : path, NULL};
	struct pga_subprocess child = {0};
	struct pga_error error;
	bool good = pga_subprocess_run(argv, preload, &child, &error) == 0 && child.status == 0 &&
		    child.errors.length == 0;

	if (!good)
		pga_text_add_bytes(complaint, pga_text_string(&child.errors),
				   strcspn(pga_text_string(&child.errors), "\n"));
	pga_subprocess_free(&child);
	return good;
}

/* Whether the program is started by an ld.so that cannot load the gate, and so would end there: of
 * another libc, or of a glibc without the versions that the module needs. */
static bool is_of_other_libc(const struct pga_binary *binary, const char *path,
			     struct pga_error *error)
{
	const char *loader = binary->is_loader ? path : binary->interpreter;
	char *entry = binary->is_32_bit ? pga_module_entry_32() : strdup(PGA_MODULE);
	const char *own = pga_own_interpreter();
	struct pga_text complaint = PGA_TEXT_EMPTY;
	struct pga_text ignored = PGA_TEXT_EMPTY;
	bool other = false;

	if (entry != NULL && loader != NULL && own != NULL && !pga_path_is_same(loader, own))
		other = !lists(binary, path, entry, &complaint) &&
			(binary->is_loader || lists(binary, path, "", &ignored));
	if (other) {
		(void)pga_fail(error, own_settings,
			       "%s is for another libc, and %s cannot load this gate", path,
			       loader);
		if (complaint.length > 0)
			(void)pga_fail(error, own_settings,
				       "%s is for another libc, and %s cannot load this gate (%s)",
				       path, loader, pga_text_string(&complaint));
	}
	pga_text_free(&complaint);
	pga_text_free(&ignored);
	free(entry);
	return other;
}

/* What the program's own file tells. */
static enum pga_cover look_at_binary(const struct pga_binary *binary, const char *path,
				     struct pga_error *error)
{
	const struct pga_speaker *speaker = pga_find_speaker(path);
	const bool other_machine =
	    binary->other_machine && !(binary->is_32_bit && has_gate_for_32_bit());

	if (!binary->is_static && !other_machine && is_of_other_libc(binary, path, error))
		return PGA_UNLOADABLE;
	if (speaker != NULL)
		(void)pga_fail(error, speaker->advice,
			       "%s speaks PostgreSQL's protocol itself, so the gate does not see "
			       "its connections",
			       path);
	else if (binary->driver != NULL)
		(void)pga_fail(
		    error,
		    "give it PGSSLMODE=verify-full and PGSSLROOTCERT, or the same by its "
		    "own settings",
		    "%s connects by %s and no libpq, so the gate does not see it", path,
		    binary->driver);
	else if (binary->has_libpq)
		(void)pga_fail(error, own_settings,
			       "%s has a libpq of its own inside, so the gate does not see it",
			       path);
	else if (binary->is_static)
		(void)pga_fail(error, own_settings,
			       "%s is linked statically, so ld.so loads no gate into it", path);
	else if (other_machine)
		(void)pga_fail(error, own_settings,
			       "%s is a program for another kind of processor, so ld.so cannot "
			       "load this gate into it",
			       path);
	else if (binary->is_32_bit)
		return PGA_COVERED_32;
	else if (binary->wants_asan && !asan_may_be_second()) {
		(void)pga_fail(error, "start it with ASAN_OPTIONS=verify_asan_link_order=0",
			       "%s is built with AddressSanitizer, which ends it when anything is "
			       "loaded before",
			       path);
		return PGA_HINDERED;
	} else
		return PGA_COVERED;
	return PGA_UNCOVERED;
}

enum pga_cover pga_program_look(const char *name, struct pga_error *error)
{
	char path[PATH_MAX];
	struct pga_binary binary;
	enum pga_cover cover = PGA_COVERED;
	int depth = 0;

	if (!find_file(name, path))
		return PGA_COVERED;
	while (depth < INTERPRETERS && go_to_interpreter(path))
		depth++;
	if (gets_power(path)) {
		(void)pga_fail(error,
			       "do not let it connect over TCP, or enable the gate by "
			       "/etc/ld.so.preload (pganchor enable --help)",
			       "%s runs with more power than its caller's, so ld.so loads no gate "
			       "into it",
			       path);
		return PGA_UNCOVERED;
	}
	if (pga_binary_read(path, &binary))
		cover = look_at_binary(&binary, path, error);
	pga_binary_free(&binary);
	return cover;
}
