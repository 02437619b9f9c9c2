#include "diagnose/doctor_paths.h"

#include "policy/linked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *pga_libpq_file(const char *name, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home = pga_libpq_home(error);
	char *taken;

	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.postgresql/%s", home, name);
	free(home);
	taken = pga_text_take(&path);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}

/* The open file: what its name leads to may be another one by then. */
static int take_bits(int file, const char *path, mode_t bits, bool dry_run, struct pga_text *done,
		     struct pga_error *error)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		return pga_fail_errno(error, NULL, "could not look at %s", path);
	if (status.st_uid != geteuid())
		return pga_fail(error, "its owner can change that", "%s belongs to the user %lu",
				path, (unsigned long)status.st_uid);
	if ((status.st_mode & bits) == 0)
		return 0;
	pga_text_addf(done, "set the mode of %s to %04o (it is %04o)\n", path,
		      (unsigned)(status.st_mode & 07777 & ~bits), (unsigned)status.st_mode & 07777);
	if (!dry_run && fchmod(file, status.st_mode & 07777 & ~bits) != 0)
		return pga_fail_errno(error, NULL, "could not change the mode of %s", path);
	return 0;
}

static int take_bits_at(const char *path, mode_t bits, bool dry_run, struct pga_text *done,
			struct pga_error *error)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int result;

	if (file < 0)
		return pga_fail_errno(error, NULL, "could not open %s", path);
	result = take_bits(file, path, bits, dry_run, done, error);
	(void)close(file);
	return result;
}

int pga_fix_private(const char *path, bool dry_run, struct pga_text *done, struct pga_error *error)
{
	return take_bits_at(path, S_IRWXG | S_IRWXO, dry_run, done, error);
}

int pga_fix_writable(const char *path, bool dry_run, struct pga_text *done, struct pga_error *error)
{
	return take_bits_at(path, S_IWGRP | S_IWOTH, dry_run, done, error);
}
