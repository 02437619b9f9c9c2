#include "cert/pair_place.h"

#include "base/acting.h"
#include "base/path.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 40

const char *const pga_pair_half_names[PGA_PAIR_HALVES] = {
    [PGA_PAIR_CERTIFICATE] = "certificate",
    [PGA_PAIR_KEY] = "key",
};

/* DIRECTORY and NAME of a path, each the caller's to free. */
static int split(const char *path, char **directory, char **name)
{
	const char *slash = strrchr(path, '/');

	*directory = slash == NULL   ? strdup(".")
		     : slash == path ? strdup("/")
				     : strndup(path, (size_t)(slash - path));
	*name = strdup(slash != NULL ? slash + 1 : path);
	return *directory != NULL && *name != NULL ? 0 : -1;
}

/* Whether it is what a half of ours leads to: [DIRECTORY/].pganchor-pair-NAME/now/HALF. */
static bool is_ours(const char *target, enum pga_pair_half half)
{
	const char *at = strstr(target, PGA_PAIR_PREFIX);
	const char *end = at != NULL ? strchr(at, '/') : NULL;
	char rest[32];

	(void)snprintf(rest, sizeof rest, "/" PGA_PAIR_NOW "/%s", pga_pair_half_names[half]);
	return end != NULL && (at == target || at[-1] == '/') && strcmp(end, rest) == 0;
}

/* Follows the links of the user's, and stops before one of ours. *path is replaced. */
static int follow(char **path, enum pga_pair_half half, struct pga_error *error)
{
	for (int i = 0; i < MOST_LINKS; i++) {
		struct pga_text joined = PGA_TEXT_EMPTY;
		char target[4096];
		const ssize_t length = readlink(*path, target, sizeof target - 1);
		const char *slash;

		if (length < 0)
			return 0;
		target[length] = '\0';
		if (is_ours(target, half))
			return 0;
		slash = strrchr(*path, '/');
		if (target[0] != '/' && slash != NULL)
			pga_text_add_bytes(&joined, *path, (size_t)(slash - *path) + 1);
		pga_text_add(&joined, target);
		free(*path);
		*path = pga_text_take(&joined);
		if (*path == NULL)
			return pga_fail_memory(error);
	}
	return pga_fail(error, NULL, "%s: too many symbolic links", *path);
}

/* Whoever may change a link may have it lead anywhere: base/path.h says whose is followed. */
static int check_links(const char *path, enum pga_pair_half half, struct pga_error *error)
{
	char target[4096];
	const ssize_t length = readlink(path, target, sizeof target - 1);
	struct pga_real_path real;
	int result;

	if (length < 0)
		return 0;
	target[length] = '\0';
	if (is_ours(target, half))
		return 0;
	result = pga_real_path(&real, path, error);
	pga_real_path_free(&real);
	return result;
}

int pga_pair_place_open(struct pga_pair_place *place, const char *path, enum pga_pair_half half,
			struct pga_error *error)
{
	struct pga_real_path real = {.path = NULL};
	struct stat status;
	char *directory = NULL;
	char *at = NULL;
	int result = -1;

	if (check_links(path, half, error) != 0)
		return -1;
	at = strdup(path);
	if (at == NULL) {
		(void)pga_fail_memory(error);
		return -1;
	}
	if (follow(&at, half, error) != 0)
		goto done;
	if (split(at, &directory, &place->name) != 0) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (stat(directory, &status) != 0 && errno == ENOENT) {
		result = 1;
		goto done;
	}
	if (pga_real_path(&real, directory, error) != 0 ||
	    pga_directory_open(&place->directory, &place->made, real.path, 0700, error) != 0 ||
	    pga_lock_take(&place->lock, &place->directory, error) != 0)
		goto done;
	place->there = fstatat(place->directory.fd, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0;
	result = 0;
done:
	pga_real_path_free(&real);
	free(directory);
	free(at);
	return result;
}

void pga_pair_place_close(struct pga_pair_place *place)
{
	pga_lock_release(place->lock);
	if (place->directory.fd >= 0) {
		pga_made_keep(&place->made);
		pga_directory_close(&place->directory);
	}
	free(place->name);
	free(place->link);
}

int pga_pair_place_act(const struct pga_pair_place *place)
{
	return pga_act_as(place->directory.owner, place->directory.group);
}
