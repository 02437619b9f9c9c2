/* What tells that a file is still the one that was read. */
#ifndef PGA_BASE_FILE_IDENTITY_H
#define PGA_BASE_FILE_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* All zero for a file that is not there or cannot be looked at. */
struct pga_file_identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
	bool settled; /* it had not changed for a while when the stamp was taken */
};

/* The stamp of the file or directory at this path as it is now. Taken before the file is read, it
 * is that of the bytes read or of older ones: a later change is never missed. NULL is a file that
 * is not there. */
struct pga_file_identity pga_file_identity_of(const char *path);

/* The same of a name in an open directory; a symbolic link is none that is followed. */
struct pga_file_identity pga_file_identity_at(int directory, const char *name);

/* The same of what stat(2) or fstat(2) has told. */
struct stat;
struct pga_file_identity pga_file_identity_from(const struct stat *status);

/* Whether the two are alike. */
bool pga_file_identity_same(const struct pga_file_identity *a, const struct pga_file_identity *b);

/* Whether a file with this stamp now is the one that was read behind the stamp before. File systems
 * count time in ticks: what was written in the tick in which a stamp was taken can change once more
 * and look the same. So a stamp that had not settled proves nothing. */
bool pga_file_identity_proves_same(const struct pga_file_identity *before,
				   const struct pga_file_identity *now);

#endif
