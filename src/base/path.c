#include "base/path.h"

#include "base/acting.h"
#include "base/paths.h"
#include "base/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tells whose the first link on the way is that is somebody else's. */
static int check_link(void *context, const char *place, const struct stat *status)
{
	struct pga_error *error = context;

	if (!S_ISLNK(status->st_mode) || status->st_uid == 0 || status->st_uid == geteuid() ||
	    pga_user_is_unmapped(status->st_uid))
		return 0;
	(void)pga_fail(error,
		       "run this as that user, or name the file that it leads to; nothing was "
		       "changed",
		       "%s: a symbolic link of the user %lu is not followed", place,
		       (unsigned long)status->st_uid);
	return 1;
}

static int add_rest(struct pga_walk *walk)
{
	const char *at = pga_text_string(&walk->left) + walk->gone;

	while (*(at += strspn(at, "/")) != '\0') {
		const size_t length = strcspn(at, "/");

		if (length == 2 && at[0] == '.' && at[1] == '.')
			return -1;
		if (length != 1 || at[0] != '.') {
			pga_text_add(&walk->place, "/");
			pga_text_add_bytes(&walk->place, at, length);
		}
		at += length;
	}
	return 0;
}

/* A relative path is one from the current directory. */
static int make_absolute(const char *path, struct pga_text *absolute)
{
	char *here = NULL;

	if (path[0] != '/') {
		here = getcwd(NULL, 0);
		if (here == NULL)
			return -1;
		pga_text_addf(absolute, "%s/", here);
		free(here);
	}
	pga_text_add(absolute, path);
	if (absolute->failed)
		errno = ENOMEM;
	return absolute->failed ? -1 : 0;
}

/* The path without links; what is missing at its end is as it was named. */
static int find(const char *path, char **real, bool *linked, struct pga_error *error)
{
	struct pga_text absolute = PGA_TEXT_EMPTY;
	struct pga_walk walk;
	int result;

	memset(&walk, 0, sizeof walk);
	*real = NULL;
	result = make_absolute(path, &absolute);
	if (result == 0)
		result = pga_walk_go(&walk, pga_text_string(&absolute), check_link, error);
	if (result < 0 && errno == ENOENT && walk.gone <= walk.linked)
		(void)pga_fail(error, "make the file that it points to, or remove the link",
			       "%s: a symbolic link that leads to nothing: %s", path,
			       pga_text_string(&walk.place));
	else if (result < 0 && (errno != ENOENT || add_rest(&walk) != 0))
		(void)pga_fail_errno(error, "check the path, and the permissions on the way there",
				     "could not look at %s", path);
	else if (result <= 0) {
		*linked = walk.links > 0;
		*real = pga_text_take(&walk.place);
		if (*real == NULL)
			(void)pga_fail_memory(error);
	}
	pga_walk_free(&walk);
	pga_text_free(&absolute);
	return *real != NULL ? 0 : -1;
}

static bool is_below(const char *path, const char *directory)
{
	const size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* Whether a file of the home, by its name, is another place's. That may be so where the user's own
 * files are in two places; but nobody else's file is changed for one in a home, and root, to whom
 * all of the machine's belong, has to name them. */
static int look_outside(struct pga_real_path *real, const char *path, struct pga_error *error)
{
	char *home = pga_home();
	char *real_home = NULL;
	struct stat status;
	bool linked;
	int result = 0;

	if (home == NULL)
		return errno == ENOENT ? 0 : pga_fail_home(error);
	if (home[0] != '/' || !is_below(path, home))
		goto done;
	result = find(home, &real_home, &linked, error);
	if (result != 0 || is_below(real->path, real_home))
		goto done;
	if (geteuid() != 0 && (lstat(real->path, &status) != 0 || status.st_uid == geteuid()))
		goto done;
	real->leads_outside = true;
	result = pga_fail(error,
			  "replace the link by a file of your own, or change the other file by its "
			  "own name; nothing was changed",
			  "%s: leads out of the home directory, to %s", path, real->path);
done:
	free(real_home);
	free(home);
	return result;
}

int pga_real_path(struct pga_real_path *real, const char *path, struct pga_error *error)
{
	struct stat status;

	memset(real, 0, sizeof *real);
	if (find(path, &real->path, &real->linked, error) != 0)
		return -1;
	if (real->linked && look_outside(real, path, error) != 0) {
		free(real->path);
		real->path = NULL;
		return -1;
	}
	real->linked = lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
	return 0;
}

void pga_real_path_free(struct pga_real_path *real)
{
	free(real->path);
	memset(real, 0, sizeof *real);
}

bool pga_path_is_same(const char *left, const char *right)
{
	struct stat one;
	struct stat other;

	return stat(left, &one) == 0 && stat(right, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}
