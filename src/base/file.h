/* Reads and writes files whole. */
#ifndef PGA_BASE_FILE_H
#define PGA_BASE_FILE_H

#include "base/error.h"
#include "base/file_identity.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* No file that pganchor reads comes near this; one that does is an error, not a reason to fill the
 * memory. */
#define PGA_FILE_LIMIT ((size_t)16 * 1024 * 1024)

/* Adds the whole file to content. A file that is not there is no error: *found says whether it is
 * (found may be NULL where it must be there). Returns -1 for a file that cannot be read, is no
 * regular file (a FIFO could block for ever) or is larger than PGA_FILE_LIMIT. */
int pga_file_read(const char *path, struct pga_text *content, bool *found, struct pga_error *error);

/* Adds the whole of an open file, which is there. path: for messages. */
int pga_file_read_open(int file, const char *path, struct pga_text *content,
		       struct pga_file_identity *stamp, struct pga_error *error);

/* The same for a file whose absence means something: a symbolic link that leads to nothing is an
 * error. With the stamp of the very file whose bytes these are: what the path leads to may be
 * another before and after (a symbolic link that is switched). found must not be NULL. */
int pga_file_read_stamped(const char *path, struct pga_text *content, bool *found,
			  struct pga_file_identity *stamp, struct pga_error *error);

/* Whoever put a symbolic link there meant a file to be there: returns -1 where it leads to nothing,
 * as while the file system is not mounted. */
int pga_file_check_link(const char *path, struct pga_error *error);

/* Writes all of the bytes, however many at a time. Returns -1 with errno. */
int pga_write_all(int file, const char *bytes, size_t length);

/* Fails with "PATH, line NUMBER: WHAT: TEXT", TEXT being those bytes of the line. In
 * secure-execution mode without them: whoever has called the program need not be able to read the
 * file. Returns -1.
 */
int pga_fail_at_line(struct pga_error *error, const char *hint, const char *path, size_t number,
		     const char *what, const char *text, size_t length);

#endif
