/* What the files say that processes run: each is read once, however many run it. */
#ifndef PGA_DIAGNOSE_FILES_RUN_H
#define PGA_DIAGNOSE_FILES_RUN_H

#include "preload/binary.h"

#include <stdbool.h>
#include <sys/types.h>

/* A file, as the kernel knows it. */
struct pga_file_number {
	dev_t device;
	ino_t inode;
};

/* Starts all zero. */
struct pga_files_run {
	void *tree;  /* by number */
	bool failed; /* memory ran out: some of what cannot be told could be */
};

/* What the file with this number says, which is the one that a line of /proc/PID/maps tells; NULL
 * where it was not read yet, or cannot be told. */
const struct pga_binary *pga_file_run_find(const struct pga_files_run *files,
					   const struct pga_file_number *number);

/* What the file at this path says; NULL where it cannot be told. It can be found by its number from
 * now on, as stat(2) tells it: in some file systems that is another one than the maps tell. */
const struct pga_binary *pga_file_run_read(struct pga_files_run *files, const char *path);

void pga_files_run_free(struct pga_files_run *files);

#endif
