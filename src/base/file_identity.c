#include "base/file_identity.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Longer than any kernel's tick (10 ms at 100 Hz). */
#define SETTLED_NANOSECONDS 50000000LL

static bool is_settled(struct timespec changed)
{
	struct timespec now;

	/* A file system may hold any number: only what is near is counted in nanoseconds. */
	if (clock_gettime(CLOCK_REALTIME, &now) != 0 || changed.tv_sec > now.tv_sec)
		return false;
	if (changed.tv_sec < now.tv_sec - 1)
		return true;
	return (now.tv_sec - changed.tv_sec) * 1000000000LL + (now.tv_nsec - changed.tv_nsec) >
	       SETTLED_NANOSECONDS;
}

struct pga_file_identity pga_file_identity_from(const struct stat *status)
{
	return (struct pga_file_identity){
	    .device = status->st_dev,
	    .inode = status->st_ino,
	    .size = status->st_size,
	    .modified = status->st_mtim,
	    .changed = status->st_ctim,
	    .settled = is_settled(status->st_ctim),
	};
}

static struct pga_file_identity of_none(void)
{
	return (struct pga_file_identity){.settled = true};
}

struct pga_file_identity pga_file_identity_of(const char *path)
{
	struct stat status;

	return path != NULL && stat(path, &status) == 0 ? pga_file_identity_from(&status)
							: of_none();
}

struct pga_file_identity pga_file_identity_at(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0
		   ? pga_file_identity_from(&status)
		   : of_none();
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool pga_file_identity_same(const struct pga_file_identity *a, const struct pga_file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

bool pga_file_identity_proves_same(const struct pga_file_identity *before,
				   const struct pga_file_identity *now)
{
	return before->settled && pga_file_identity_same(before, now);
}
