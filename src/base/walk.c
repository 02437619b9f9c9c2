#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* As many as the kernel follows on one way (path_resolution(7)). */
#define MOST_LINKS 40

static const char *name_of(const struct pga_walk *walk)
{
	return walk->place.length > 0 ? walk->place.bytes : "/";
}

/* The next name; false behind the last. */
static bool next_name(struct pga_walk *walk, const char **name, size_t *length)
{
	const char *left = pga_text_string(&walk->left) + walk->gone;

	left += strspn(left, "/");
	*name = left;
	*length = strcspn(left, "/");
	walk->gone = (size_t)(left + *length - pga_text_string(&walk->left));
	return *length > 0;
}

/* Back to the directory above. */
static void cut(struct pga_walk *walk)
{
	while (walk->place.length > 0 && walk->place.bytes[--walk->place.length] != '/')
		;
	if (walk->place.bytes != NULL)
		walk->place.bytes[walk->place.length] = '\0';
}

/* Puts what the link at the walk's place says before what is still to go. */
static int put_target(struct pga_walk *walk, const char *target, size_t length)
{
	struct pga_text left = PGA_TEXT_EMPTY;
	const size_t before = walk->linked > walk->gone ? walk->linked - walk->gone : 0;

	pga_text_add_bytes(&left, target, length);
	pga_text_add(&left, pga_text_string(&walk->left) + walk->gone);
	pga_text_free(&walk->left);
	walk->left = left;
	walk->gone = 0;
	walk->linked = length + before;
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

/* The very link that is checked is the one that is followed: whoever may write its directory can
 * put another in its place at any time. */
static int follow(struct pga_walk *walk, pga_walk_check *check, void *context)
{
	const int link = open(name_of(walk), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char target[4096]; /* PATH_MAX: no link says more */
	struct stat status;
	ssize_t length = -1;
	int result = -1;

	if (link < 0)
		return -1;
	if (fstat(link, &status) == 0)
		length = readlinkat(link, "", target, sizeof target);
	(void)close(link);
	if (length < 0)
		return -1;
	if (++walk->links > MOST_LINKS || (size_t)length == sizeof target) {
		errno = ELOOP;
		return -1;
	}
	result = check(context, name_of(walk), &status);
	return result != 0 ? result : put_target(walk, target, (size_t)length);
}

static int step(struct pga_walk *walk, const char *name, size_t length, pga_walk_check *check,
		void *context)
{
	struct stat status;

	if (length == 1 && name[0] == '.')
		return 0;
	if (length == 2 && name[0] == '.' && name[1] == '.') {
		cut(walk);
		return 0;
	}
	pga_text_add(&walk->place, "/");
	pga_text_add_bytes(&walk->place, name, length);
	if (walk->place.failed)
		errno = ENOMEM;
	if (walk->place.failed || lstat(name_of(walk), &status) != 0)
		return -1;
	if (S_ISLNK(status.st_mode))
		return follow(walk, check, context);
	return check(context, name_of(walk), &status);
}

int pga_walk_go(struct pga_walk *walk, const char *path, pga_walk_check *check, void *context)
{
	struct stat status;
	const char *name;
	size_t length;
	int result;

	pga_text_add(&walk->left, path);
	if (walk->left.failed)
		errno = ENOMEM;
	if (walk->left.failed || lstat("/", &status) != 0)
		return -1;
	result = check(context, "/", &status);
	while (result == 0 && next_name(walk, &name, &length))
		result = step(walk, name, length, check, context);
	return result;
}

void pga_walk_free(struct pga_walk *walk)
{
	pga_text_free(&walk->place);
	pga_text_free(&walk->left);
	memset(walk, 0, sizeof *walk);
}
