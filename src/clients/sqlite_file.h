/* A file of SQLite's that belongs to another program, which may be writing it: its bytes are read
 * at once, and SQLite sees these alone. Nothing is locked, and no other file is opened. */
#ifndef PGA_CLIENTS_SQLITE_FILE_H
#define PGA_CLIENTS_SQLITE_FILE_H

#include "base/error.h"

#include <stddef.h>

/* The most columns of a question. */
#define PGA_SQLITE_COLUMNS 8

/* Is told of each row: its columns as text, NULL where they have no value. */
typedef void pga_sqlite_row(void *context, const char *const *columns);

/* Asks the file this question, which reads tables, without functions: not views, which are the
 * file's own questions. What has not been written into the file itself yet (a -wal beside it) is
 * not seen. A question that takes two seconds of the processor, or has very many rows or a very
 * long value, is an error. Returns -1 with the reason, for no file too. */
int pga_sqlite_ask(const char *path, const char *question, pga_sqlite_row *take, void *context,
		   struct pga_error *error);

#endif
