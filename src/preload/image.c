#include "preload/image.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as the kernel follows on one way (path_resolution(7)). */
#define MOST_LINKS 40

struct walk {
	struct pga_text place; /* where it has come to: the image's root, and names behind it */
	size_t root;           /* how much of that is the root */
	struct pga_text left;  /* what is still to go */
	size_t gone;           /* how much of that has been gone */
	unsigned links;
	bool last_is_link;
};

static const char *left_of(const struct walk *walk)
{
	return pga_text_string(&walk->left) + walk->gone;
}

/* Takes the next name off what is left; false behind the last. */
static bool take_name(struct walk *walk, struct pga_text *name)
{
	const char *left = left_of(walk);
	const char *first = left + strspn(left, "/");
	const size_t length = strcspn(first, "/");

	pga_text_add_bytes(name, first, length);
	walk->gone += (size_t)(first - left) + length;
	return length > 0;
}

static void cut(struct pga_text *text, size_t length)
{
	text->length = length;
	if (text->bytes != NULL)
		text->bytes[length] = '\0';
}

/* One directory up; from the root directory that is itself. */
static void go_up(struct walk *walk)
{
	size_t length = walk->place.length;

	while (length > walk->root && walk->place.bytes[length - 1] != '/')
		length--;
	if (length > walk->root)
		cut(&walk->place, length - 1);
}

/* Puts what a link says, whose name is the last of the place, before what is left. Returns -1 with
 * errno. */
static int follow(struct walk *walk)
{
	struct pga_text left = PGA_TEXT_EMPTY;
	char target[4096]; /* PATH_MAX: no link says more */
	const ssize_t length = readlink(walk->place.bytes, target, sizeof target);

	if (length < 0)
		return -1;
	if (++walk->links > MOST_LINKS || (size_t)length == sizeof target) {
		errno = ELOOP;
		return -1;
	}
	walk->last_is_link = left_of(walk)[strspn(left_of(walk), "/")] == '\0';
	pga_text_add_bytes(&left, target, (size_t)length);
	pga_text_addf(&left, "/%s", left_of(walk));
	pga_text_free(&walk->left);
	walk->left = left;
	walk->gone = 0;
	if (left.failed) {
		errno = ENOMEM;
		return -1;
	}
	go_up(walk);
	if (target[0] == '/')
		cut(&walk->place, walk->root);
	return 0;
}

/* One step along the path. Returns -1 with errno. */
static int step(struct walk *walk, const char *name)
{
	struct stat status;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		go_up(walk);
		return 0;
	}
	pga_text_addf(&walk->place, "/%s", name);
	if (walk->place.failed) {
		errno = ENOMEM;
		return -1;
	}
	if (lstat(walk->place.bytes, &status) != 0)
		return errno == ENOENT ? 0 : -1;
	return S_ISLNK(status.st_mode) ? follow(walk) : 0;
}

/* The root without slashes at its end, of which the image's paths have one each. */
static void begin(struct walk *walk, const char *root, const char *path)
{
	size_t length = strlen(root);

	while (length > 0 && root[length - 1] == '/')
		length--;
	pga_text_add_bytes(&walk->place, root, length);
	walk->root = length;
	pga_text_add(&walk->left, path);
}

/* Goes to the end of the path. Returns -1 with errno. */
static int go(struct walk *walk)
{
	bool going = true;
	int result = 0;

	while (going && result == 0) {
		struct pga_text name = PGA_TEXT_EMPTY;

		going = take_name(walk, &name);
		if (name.failed || walk->left.failed) {
			errno = ENOMEM;
			result = -1;
		} else if (going) {
			result = step(walk, pga_text_string(&name));
		}
		pga_text_free(&name);
	}
	return result;
}

char *pga_image_path(const char *root, const char *path, bool *linked, struct pga_error *error)
{
	struct walk walk = {.links = 0};
	char *found = NULL;

	if (root != NULL)
		begin(&walk, root, path);
	else
		pga_text_add(&walk.place, path);
	if (root != NULL && go(&walk) != 0)
		(void)pga_fail_errno(error, "see where its links lead to; nothing was changed",
				     "could not find %s in %s", path, root);
	else if ((found = pga_text_take(&walk.place)) == NULL)
		(void)pga_fail_memory(error);
	if (linked != NULL)
		*linked = walk.last_is_link;
	pga_text_free(&walk.place);
	pga_text_free(&walk.left);
	return found;
}

bool pga_image_has(const char *root, const char *path)
{
	struct pga_error ignored;
	char *found = pga_image_path(root, path, NULL, &ignored);
	const bool has = found != NULL && access(found, F_OK) == 0;

	free(found);
	return has;
}
