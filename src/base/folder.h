/* The folder that an edited file is in: made where it is missing, and locked while the file is
 * edited. */
#ifndef PGA_BASE_FOLDER_H
#define PGA_BASE_FOLDER_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Folders that were made and may have to go again, outermost first. */
struct pga_folders {
	char *paths[8];
	size_t count;
};

/* Makes the folder and those above it that are missing, each with this mode, and notes them in
 * made. What was noted is for the caller to keep or to remove, after a failure too. */
int pga_folders_make(struct pga_folders *made, const char *folder, mode_t mode,
		     struct pga_error *error);

/* Forgets the folders that were made; they stay. */
void pga_folders_keep(struct pga_folders *made);

/* Removes the folders that were made, as far as they are empty. */
void pga_folders_remove(struct pga_folders *made);

/* Locks the folder for this process, waiting for another that holds it. Locking it again in the
 * same process is counted. Returns what pga_folder_unlock() wants, or -1. */
int pga_folder_lock(const char *folder, struct pga_error *error);
void pga_folder_unlock(int lock);

#endif
