#include "base/ownership.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as the kernel follows on one way (path_resolution(7)). */
#define MOST_LINKS 40

/* On the way along a path, as the kernel goes it: what a link says is put in the place of its name.
 */
struct walk {
	uid_t trusted;
	const char *stake;
	struct pga_text place; /* where it has come to, without a link in it; "" is the root
				  directory */
	struct pga_text left;  /* what is still to go */
	size_t gone;           /* how much of that has been gone */
	unsigned links;
};

static const char *name_of(const struct walk *walk)
{
	return walk->place.length > 0 ? walk->place.bytes : "/";
}

/* The owner of a link chose what is behind it, whatever its mode says. */
static int check_place(const struct walk *walk, const struct stat *status, struct pga_error *error)
{
	if (status->st_uid != 0 && status->st_uid != walk->trusted)
		return pga_fail(error, "give it back to root (chown -h root), and see what it says",
				"%s: belongs to the user %lu: only root may write %s",
				name_of(walk), (unsigned long)status->st_uid, walk->stake);
	if (S_ISLNK(status->st_mode) || (status->st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0))
		return 0;
	return pga_fail(error, "take that away (chmod go-w), and see what it says",
			"%s: can be written by %s (mode %04o): only root may write %s",
			name_of(walk), (status->st_mode & S_IWOTH) != 0 ? "everybody" : "its group",
			(unsigned)status->st_mode & 07777, walk->stake);
}

/* The next name; false behind the last. */
static bool next_name(struct walk *walk, const char **name, size_t *length)
{
	const char *left = pga_text_string(&walk->left) + walk->gone;

	left += strspn(left, "/");
	*name = left;
	*length = strcspn(left, "/");
	walk->gone = (size_t)(left + *length - pga_text_string(&walk->left));
	return *length > 0;
}

/* Back to the directory above. */
static void cut(struct walk *walk)
{
	while (walk->place.length > 0 && walk->place.bytes[--walk->place.length] != '/')
		;
	if (walk->place.bytes != NULL)
		walk->place.bytes[walk->place.length] = '\0';
}

/* Puts what the link at the walk's place says before what is still to go. */
static int follow(struct walk *walk)
{
	struct pga_text left = PGA_TEXT_EMPTY;
	char target[4096]; /* PATH_MAX: no link says more */
	ssize_t length = readlink(name_of(walk), target, sizeof target);

	if (length < 0)
		return -1;
	if (++walk->links > MOST_LINKS || (size_t)length == sizeof target) {
		errno = ELOOP;
		return -1;
	}
	pga_text_add_bytes(&left, target, (size_t)length);
	pga_text_add(&left, pga_text_string(&walk->left) + walk->gone);
	pga_text_free(&walk->left);
	walk->left = left;
	walk->gone = 0;
	if (left.failed) {
		errno = ENOMEM;
		return -1;
	}
	cut(walk);
	if (target[0] == '/')
		while (walk->place.length > 0)
			cut(walk);
	return 0;
}

/* Goes to the end. Returns -1 with errno where the kernel would not come there. *checked is what
 * there is to say of the places on the way: -1 with the first that is at fault. */
static int go(struct walk *walk, int *checked, struct pga_error *error)
{
	struct stat status;
	const char *name;
	size_t length;

	*checked = 0;
	if (walk->left.failed)
		errno = ENOMEM;
	if (walk->left.failed || lstat("/", &status) != 0)
		return -1;
	*checked = check_place(walk, &status, error);
	while (next_name(walk, &name, &length)) {
		if (length == 1 && name[0] == '.')
			continue;
		if (length == 2 && name[0] == '.' && name[1] == '.') {
			cut(walk);
			continue;
		}
		pga_text_add(&walk->place, "/");
		pga_text_add_bytes(&walk->place, name, length);
		if (walk->place.failed) {
			errno = ENOMEM;
			return -1;
		}
		if (lstat(name_of(walk), &status) != 0)
			return -1;
		if (*checked == 0)
			*checked = check_place(walk, &status, error);
		if (S_ISLNK(status.st_mode) && follow(walk) != 0)
			return -1;
	}
	return 0;
}

int pga_check_ownership(const char *path, uid_t trusted, const char *stake, struct pga_error *error)
{
	struct walk walk = {.trusted = trusted, .stake = stake};
	int checked;
	int result;

	pga_text_add(&walk.left, path);
	if (go(&walk, &checked, error) == 0)
		result = checked;
	else if (errno == ENOENT || errno == ENOTDIR)
		result = pga_file_check_link(path, error);
	else
		result = pga_fail_errno(error, "it has to be readable", "cannot look at %s", path);
	pga_text_free(&walk.place);
	pga_text_free(&walk.left);
	return result;
}
