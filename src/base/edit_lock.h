/* The lock on a directory that a process edits a file in. */
#ifndef PGA_BASE_EDIT_LOCK_H
#define PGA_BASE_EDIT_LOCK_H

#include "base/directory.h"
#include "base/error.h"

/* The lock is a file of its own, which others cannot open: on the directory itself, everybody who
 * may read it could take one, and keep it. It is there while the lock is held. */
#define PGA_LOCK_NAME ".pganchor.lock"

/* The longest that one process is waited for, in seconds: where disk and processors are others',
 * one that is well writes its files for ten and more. */
#define PGA_LOCK_WAIT 30

struct pga_lock;

/* Locks the directory for this process. Locking it again in the same process is counted. Whoever
 * waits is told so after a second, and for whom. *lock is NULL where no file can be made, which
 * nobody can edit a file in either, and on a file system without locks. Returns -1 where another
 * process has kept it for PGA_LOCK_WAIT seconds, or something else has the name. */
int pga_lock_take(struct pga_lock **lock, const struct pga_directory *directory,
		  struct pga_error *error);

/* Gives it back. NULL is no lock. */
void pga_lock_release(struct pga_lock *lock);

#endif
