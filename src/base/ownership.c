#include "base/ownership.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int check_place(const char *place, uid_t trusted, const char *stake, struct pga_error *error)
{
	struct stat status;

	if (stat(place, &status) != 0)
		return pga_fail_errno(error, NULL, "cannot look at %s", place);
	if (status.st_uid != 0 && status.st_uid != trusted)
		return pga_fail(error, "give it back to root (chown root), and see what it says",
				"%s: belongs to the user %lu: only root may write %s", place,
				(unsigned long)status.st_uid, stake);
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0))
		return 0;
	return pga_fail(error, "take that away (chmod go-w), and see what it says",
			"%s: can be written by %s (mode %04o): only root may write %s", place,
			(status.st_mode & S_IWOTH) != 0 ? "everybody" : "its group",
			(unsigned)status.st_mode & 07777, stake);
}

int pga_check_ownership(const char *path, uid_t trusted, const char *stake, struct pga_error *error)
{
	char *place = realpath(path, NULL);
	int result = -1;
	char *slash;

	if (place == NULL && (errno == ENOENT || errno == ENOTDIR))
		return pga_file_check_link(path, error);
	if (place == NULL)
		return pga_fail_errno(error, "it has to be readable", "cannot look at %s", path);
	result = check_place(place, trusted, stake, error);
	while (result == 0 && (slash = strrchr(place, '/')) != NULL && place[1] != '\0') {
		slash[slash == place ? 1 : 0] = '\0';
		result = check_place(place, trusted, stake, error);
	}
	free(place);
	return result;
}
