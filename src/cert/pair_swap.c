/* Two names that change as one: see pair.h. All of it is done under the locks of the directories
 * (base/edit_lock.h). */
#include "cert/pair_swap.h"

#include "base/acting.h"
#include "base/attributes.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/terminal.h"
#include "cert/pair_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW              ".new" /* behind the name of the directory: what is about to be renamed */
#define CERTIFICATE_MODE 0644

/* The directories in it. */
static const char old_generation[] = "old";
static const char new_generation[] = "new";
static const char now[] = PGA_PAIR_NOW;
static const char next[] = "next";

struct swap {
	struct pga_pair_place places[PGA_PAIR_HALVES];
	char *generations; /* the name of the directory beside the certificate */
	int fd;            /* of that; -1: there is none */
};

static const char *advice(int code)
{
	switch (code) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "the pair is as it was; make room on the disk and try again";
	case EROFS:
		return "the pair is as it was; it is on a read-only file system";
	case EACCES:
	case EPERM:
		return "the pair is as it was; check the directory's permissions, or run this as "
		       "its owner";
	default:
		return "the pair is as it was";
	}
}

static int fail_path(const struct pga_pair_place *place, const char *what, struct pga_error *error)
{
	return pga_fail_errno(error, advice(errno), "could not %s %s/%s", what,
			      place->directory.path, place->name);
}

/* What each name is while it is a link of ours: the certificate's beside the generations, the key's
 * as a whole path where it is in another directory. */
static int make_names(struct swap *swap, struct pga_error *error)
{
	const struct pga_pair_place *certificate = &swap->places[PGA_PAIR_CERTIFICATE];
	const struct pga_pair_place *key = &swap->places[PGA_PAIR_KEY];
	const bool apart = strcmp(certificate->directory.path, key->directory.path) != 0;
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, PGA_PAIR_PREFIX "%s", certificate->name);
	swap->generations = pga_text_take(&text);
	for (size_t i = 0; i < PGA_PAIR_HALVES && swap->generations != NULL; i++) {
		pga_text_addf(&text, "%s%s%s/%s/%s",
			      i == PGA_PAIR_KEY && apart ? certificate->directory.path : "",
			      i == PGA_PAIR_KEY && apart ? "/" : "", swap->generations, now,
			      pga_pair_half_names[i]);
		swap->places[i].link = pga_text_take(&text);
		if (swap->places[i].link == NULL)
			return pga_fail_memory(error);
	}
	return swap->generations != NULL ? 0 : pga_fail_memory(error);
}

static void open_generations(struct swap *swap)
{
	swap->fd = openat(swap->places[PGA_PAIR_CERTIFICATE].directory.fd, swap->generations,
			  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Returns 1 where a directory is not there. */
static int open_swap(struct swap *swap, const struct pga_pair_files *files, struct pga_error *error)
{
	const char *const paths[PGA_PAIR_HALVES] = {files->certificate, files->key};
	int result = 0;

	memset(swap, 0, sizeof *swap);
	swap->fd = -1;
	for (size_t i = 0; i < PGA_PAIR_HALVES; i++)
		swap->places[i].directory.fd = -1;
	for (size_t i = 0; i < PGA_PAIR_HALVES && result == 0; i++)
		result =
		    pga_pair_place_open(&swap->places[i], paths[i], (enum pga_pair_half)i, error);
	if (result == 0)
		result = make_names(swap, error);
	if (result == 0)
		open_generations(swap);
	return result;
}

static void close_swap(struct swap *swap)
{
	if (swap->fd >= 0)
		(void)close(swap->fd);
	for (size_t i = 0; i < PGA_PAIR_HALVES; i++)
		pga_pair_place_close(&swap->places[i]);
	free(swap->generations);
}

/* Makes the file, for its owner alone until it has its bytes, which it gets once it is theirs who
 * are to own it. old: whose attributes it gets, or -1. */
static int make_file(int directory, const char *name, const struct pga_text *bytes,
		     const struct stat *as, int old)
{
	const int file =
	    openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct pga_error ignored;
	struct stat made;
	int why;

	if (file < 0)
		return -1;
	pga_act_as_self();
	if (fstat(file, &made) != 0 ||
	    ((made.st_uid != as->st_uid || made.st_gid != as->st_gid) &&
	     fchown(file, as->st_uid, as->st_gid) != 0) ||
	    pga_write_all(file, pga_text_string(bytes), bytes->length) != 0)
		goto failed;
	if (old >= 0 && pga_attributes_copy(old, file, name, &ignored) != 0)
		goto failed;
	if (fchmod(file, as->st_mode & 07777) == 0 && fsync(file) == 0)
		return close(file);
failed:
	why = errno;
	(void)close(file);
	errno = why;
	return -1;
}

/* A copy of the file that has this name now in the old generation, and what is new in the new one.
 * Of a name that nothing has, the old generation has nothing. */
static int copy_old(struct swap *swap, enum pga_pair_half half, int generation, struct stat *status,
		    struct pga_error *error)
{
	struct pga_pair_place *place = &swap->places[half];
	struct pga_text bytes = PGA_TEXT_EMPTY;
	const int old = openat(place->directory.fd, place->name,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int result = -1;

	if (old < 0)
		return fail_path(place, "open", error);
	if (fstat(old, status) != 0 || pga_pair_place_act(place) != 0)
		(void)fail_path(place, "look at", error);
	else if (pga_file_read_open(old, place->name, &bytes, &place->stamp, error) == 0)
		result = make_file(generation, pga_pair_half_names[half], &bytes, status, old) == 0
			     ? 0
			     : fail_path(place, "copy", error);
	pga_act_as_self();
	pga_text_wipe(&bytes);
	(void)close(old);
	return result;
}

static int make_generation(const struct swap *swap, const char *name)
{
	if (mkdirat(swap->fd, name, 0711) != 0)
		return -1;
	return openat(swap->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* All that may fail for want of room comes first: behind it there are only links and renames. */
static int fill(struct swap *swap, const struct pga_pair_files *files,
		const struct pga_text *const after[PGA_PAIR_HALVES], struct pga_error *error)
{
	const struct pga_pair_place *beside = &swap->places[PGA_PAIR_CERTIFICATE];
	int old = -1;
	int new = -1;
	int result = -1;

	if (pga_pair_place_act(beside) != 0 ||
	    mkdirat(beside->directory.fd, swap->generations, 0711) != 0)
		goto failed;
	open_generations(swap);
	if (swap->fd < 0 || fchmod(swap->fd, 0711) != 0)
		goto failed;
	old = make_generation(swap, old_generation);
	new = make_generation(swap, new_generation);
	if (old < 0 || new < 0 || fchmod(old, 0711) != 0 || fchmod(new, 0711) != 0)
		goto failed;
	pga_act_as_self();
	for (size_t i = 0; i < PGA_PAIR_HALVES; i++) {
		const struct pga_pair_place *place = &swap->places[i];
		struct stat as = {.st_uid = geteuid() == 0 ? place->directory.owner : geteuid(),
				  .st_gid = geteuid() == 0 ? place->directory.group : getegid(),
				  .st_mode = CERTIFICATE_MODE};

		if (place->there && copy_old(swap, (enum pga_pair_half)i, old, &as, error) != 0)
			goto done;
		if (files->owned) {
			as.st_uid = files->owner;
			as.st_gid = files->group;
		}
		if (i == PGA_PAIR_KEY)
			as.st_mode = files->key_mode;
		if (pga_pair_place_act(beside) != 0 ||
		    make_file(new, pga_pair_half_names[i], after[i], &as, -1) != 0)
			goto failed;
		pga_act_as_self();
	}
	if (pga_pair_place_act(beside) == 0 && symlinkat(old_generation, swap->fd, now) == 0 &&
	    fsync(old) == 0 && fsync(new) == 0 && fsync(swap->fd) == 0)
		result = 0;
failed:
	if (result != 0)
		(void)fail_path(beside, "make a new pair beside", error);
done:
	pga_act_as_self();
	if (old >= 0)
		(void)close(old);
	if (new >= 0)
		(void)close(new);
	return result;
}

/* The name of what is renamed to the place's name. The caller frees it. */
static char *new_name(const struct pga_pair_place *place)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	pga_text_addf(&name, PGA_PAIR_PREFIX "%s" NEW, place->name);
	return pga_text_take(&name);
}

/* Makes the name a link of ours, by one rename. What it led to has the same bytes as the file. */
static int lead(const struct pga_pair_place *place, struct pga_error *error)
{
	const struct pga_file_identity stamp =
	    pga_file_identity_at(place->directory.fd, place->name);
	char *temporary = new_name(place);
	int result = -1;

	if (temporary == NULL)
		return pga_fail_memory(error);
	if (!pga_file_identity_same(&stamp, &place->stamp)) {
		free(temporary);
		return pga_fail(error, "the pair is as it was; try again",
				"%s/%s: another program changed it in the meantime",
				place->directory.path, place->name);
	}
	if (pga_pair_place_act(place) == 0 &&
	    symlinkat(place->link, place->directory.fd, temporary) == 0) {
		result = renameat(place->directory.fd, temporary, place->directory.fd, place->name);
		if (result != 0)
			(void)unlinkat(place->directory.fd, temporary, 0);
	}
	if (result != 0)
		(void)fail_path(place, "replace", error);
	pga_act_as_self();
	free(temporary);
	return result;
}

/* Whether there is no directory of generations, such as where somebody has removed it: a link into
 * it leads nowhere. */
static bool has_none(const struct swap *swap)
{
	struct stat status;

	return swap->fd < 0 &&
	       fstatat(swap->places[PGA_PAIR_CERTIFICATE].directory.fd, swap->generations, &status,
		       AT_SYMLINK_NOFOLLOW) != 0 &&
	       errno == ENOENT;
}

/* The file that "now" has for it; a link to the same bytes, or else a copy of them. Returns 1 where
 * there is none. */
static int stand_in(const struct swap *swap, enum pga_pair_half half, const char *temporary)
{
	const struct pga_pair_place *place = &swap->places[half];
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_file_identity stamp;
	struct pga_error ignored;
	struct stat status;
	char path[64];
	int file;
	int result = -1;

	if (has_none(swap))
		return 1;
	(void)snprintf(path, sizeof path, "%s/%s", now, pga_pair_half_names[half]);
	if (linkat(swap->fd, path, place->directory.fd, temporary, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return 1;
	/* The directory's owner may neither link nor read a file that is root's. */
	pga_act_as_self();
	file = openat(swap->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0)
		return -1;
	if (fstat(file, &status) == 0 &&
	    pga_file_read_open(file, path, &bytes, &stamp, &ignored) == 0 &&
	    pga_pair_place_act(place) == 0)
		result = make_file(place->directory.fd, temporary, &bytes, &status, file);
	pga_text_wipe(&bytes);
	(void)close(file);
	return result;
}

/* Makes a name that is a link of ours the file that it leads to. */
static int settle_half(const struct swap *swap, enum pga_pair_half half, struct pga_error *error)
{
	const struct pga_pair_place *place = &swap->places[half];
	char *temporary = new_name(place);
	char target[4096];
	ssize_t length;
	int result = 0;

	if (temporary == NULL)
		return pga_fail_memory(error);
	if (pga_pair_place_act(place) != 0) {
		free(temporary);
		return fail_path(place, "tidy", error);
	}
	(void)unlinkat(place->directory.fd, temporary, 0);
	length = readlinkat(place->directory.fd, place->name, target, sizeof target - 1);
	if (length >= 0) {
		target[length] = '\0';
		if (strcmp(target, place->link) == 0) {
			result = stand_in(swap, half, temporary);
			if (result == 0 && pga_pair_place_act(place) != 0)
				result = -1;
			if (result == 0)
				result = renameat(place->directory.fd, temporary,
						  place->directory.fd, place->name);
			else if (result > 0)
				result = unlinkat(place->directory.fd, place->name, 0);
		}
	}
	if (result != 0)
		(void)fail_path(place, "tidy", error);
	else
		(void)fsync(place->directory.fd);
	pga_act_as_self();
	free(temporary);
	return result;
}

static void remove_generation(const struct swap *swap, const char *name)
{
	char path[64];

	for (size_t i = 0; i < PGA_PAIR_HALVES; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", name, pga_pair_half_names[i]);
		(void)unlinkat(swap->fd, path, 0);
	}
	(void)unlinkat(swap->fd, name, AT_REMOVEDIR);
}

/* Both names are files, of the generation that "now" is, and nothing else stays. Returns 1 where
 * the directory could not be removed, with the reason. */
static int settle(struct swap *swap, struct pga_error *error)
{
	const struct pga_pair_place *beside = &swap->places[PGA_PAIR_CERTIFICATE];

	if (settle_half(swap, PGA_PAIR_KEY, error) != 0 ||
	    settle_half(swap, PGA_PAIR_CERTIFICATE, error) != 0)
		return -1;
	if (swap->fd < 0)
		return 0;
	if (pga_pair_place_act(beside) != 0)
		return fail_path(beside, "tidy", error);
	remove_generation(swap, old_generation);
	remove_generation(swap, new_generation);
	(void)unlinkat(swap->fd, next, 0);
	(void)unlinkat(swap->fd, now, 0);
	(void)close(swap->fd);
	swap->fd = -1;
	if (unlinkat(beside->directory.fd, swap->generations, AT_REMOVEDIR) != 0 &&
	    errno != ENOENT) {
		(void)pga_fail_errno(error, "it is removed the next time", "could not remove %s/%s",
				     beside->directory.path, swap->generations);
		pga_act_as_self();
		return 1;
	}
	(void)fsync(beside->directory.fd);
	pga_act_as_self();
	return 0;
}

/* The one rename. */
static int turn(const struct swap *swap, struct pga_error *error)
{
	const struct pga_pair_place *beside = &swap->places[PGA_PAIR_CERTIFICATE];
	int result = -1;

	if (pga_pair_place_act(beside) == 0 && symlinkat(new_generation, swap->fd, next) == 0)
		result = renameat(swap->fd, next, swap->fd, now);
	if (result != 0)
		(void)fail_path(beside, "replace the pair of", error);
	else
		(void)fsync(swap->fd);
	pga_act_as_self();
	return result;
}

int pga_pair_swap(const struct pga_pair_files *files, const struct pga_text *chain,
		  const struct pga_text *key, struct pga_error *error)
{
	const struct pga_text *const after[PGA_PAIR_HALVES] = {
	    [PGA_PAIR_CERTIFICATE] = chain, [PGA_PAIR_KEY] = key};
	struct pga_error why;
	struct swap swap;
	sigset_t signals;
	int settled;
	int result;

	pga_signals_hold(&signals);
	result = open_swap(&swap, files, error);
	if (result > 0)
		result = pga_fail(error, "make it first", "the directory of %s or %s is not there",
				  files->certificate, files->key);
	if (result == 0)
		result = fill(&swap, files, after, error);
	/* A certificate leads to a copy of itself only when its key does, or none is there. */
	if (result == 0)
		result = lead(&swap.places[PGA_PAIR_KEY], error);
	if (result == 0)
		result = lead(&swap.places[PGA_PAIR_CERTIFICATE], error);
	if (result == 0)
		result = turn(&swap, error);
	/* Links do as well: whatever of this fails, both names have one pair. */
	settled = swap.generations != NULL ? settle(&swap, &why) : 0;
	if (settled < 0)
		pga_print_warning("%s\n    until the next time, %s and its key are symbolic links",
				  why.message, files->certificate);
	else if (settled > 0)
		pga_print_warning("%s\n    %s", why.message, why.hint);
	close_swap(&swap);
	pga_signals_release(&signals);
	return result;
}

int pga_pair_tidy(const struct pga_pair_files *files, struct pga_error *error)
{
	struct swap swap;
	int result = open_swap(&swap, files, error);

	if (result == 0)
		result = settle(&swap, error);
	else if (result > 0)
		result = 0; /* a directory is not there */
	close_swap(&swap);
	return result == 0 ? 0 : -1;
}

bool pga_pair_is_untidy(const struct pga_pair_files *files)
{
	const char *slash = strrchr(files->certificate, '/');
	struct pga_text path = PGA_TEXT_EMPTY;
	struct stat status;
	bool is_there;

	if (slash == NULL)
		return false;
	pga_text_add_bytes(&path, files->certificate, (size_t)(slash - files->certificate) + 1);
	pga_text_addf(&path, PGA_PAIR_PREFIX "%s", slash + 1);
	is_there = !path.failed && lstat(pga_text_string(&path), &status) == 0;
	pga_text_free(&path);
	return is_there;
}
