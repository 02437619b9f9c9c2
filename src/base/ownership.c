#include "base/ownership.h"

#include "base/file.h"
#include "base/walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct checking {
	uid_t trusted;
	const char *stake;
	struct pga_error *error;
	int result; /* -1: one of the places is at fault, and the error is of the first */
};

/* The owner of a link chose what is behind it, whatever its mode says. */
static int check_place(const struct checking *checking, const char *place,
		       const struct stat *status)
{
	if (status->st_uid != 0 && status->st_uid != checking->trusted)
		return pga_fail(checking->error,
				"give it back to root (chown -h root), and see what it says",
				"%s: belongs to the user %lu: only root may write %s", place,
				(unsigned long)status->st_uid, checking->stake);
	if (S_ISLNK(status->st_mode) || (status->st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0))
		return 0;
	return pga_fail(checking->error, "take that away (chmod go-w), and see what it says",
			"%s: can be written by %s (mode %04o): only root may write %s", place,
			(status->st_mode & S_IWOTH) != 0 ? "everybody" : "its group",
			(unsigned)status->st_mode & 07777, checking->stake);
}

/* Goes on behind a place that is at fault: where the way ends nowhere, none is. */
static int check_next(void *context, const char *place, const struct stat *status)
{
	struct checking *checking = context;

	if (checking->result == 0)
		checking->result = check_place(checking, place, status);
	return 0;
}

int pga_check_ownership(const char *path, uid_t trusted, const char *stake, struct pga_error *error)
{
	struct checking checking = {trusted, stake, error, 0};
	struct pga_walk walk;
	int result;

	memset(&walk, 0, sizeof walk);
	if (pga_walk_go(&walk, path, check_next, &checking) == 0)
		result = checking.result;
	else if (errno == ENOENT || errno == ENOTDIR)
		result = pga_file_check_link(path, error);
	else
		result =
		    pga_fail_errno(error, "it has to be readable", "could not look at %s", path);
	pga_walk_free(&walk);
	return result;
}
