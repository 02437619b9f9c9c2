/* A file of a server's, read and written over SQL by its own functions. What is in it goes as a
 * parameter, never as words of a statement: those stand in the server's log, in pg_stat_activity
 * and in pg_stat_statements, and pg_hba.conf may hold the secret of a directory. */
#ifndef PGA_SERVER_SQL_FILE_H
#define PGA_SERVER_SQL_FILE_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster_sql.h"

#include <stdbool.h>

/* Adds the bytes of the file to *bytes. No such file: *found is false. Returns -1 with the server's
 * reason, and where it is larger than PGA_FILE_LIMIT. */
int pga_sql_file_read(struct pga_cluster_session *session, const char *path, struct pga_text *bytes,
		      bool *found, struct pga_error *error);

/* Adds the names of the files of a directory, each with a NUL behind it, and none of directories.
 * Returns -1 with the server's reason. */
int pga_sql_file_list(struct pga_cluster_session *session, const char *path, struct pga_text *names,
		      struct pga_error *error);

/* Whether it was changed, in any way, since the server has loaded its configuration: to the second.
 */
int pga_sql_file_is_unloaded(struct pga_cluster_session *session, const char *path, bool *unloaded,
			     struct pga_error *error);

/* What a file is by now. lo_export truncates it first: one that fails, on a full disk say, leaves
 * the beginning of what it was to write. */
enum pga_sql_file_state { PGA_SQL_FILE_BEFORE, PGA_SQL_FILE_AFTER_OR_PART, PGA_SQL_FILE_OTHER };

int pga_sql_file_look(struct pga_cluster_session *session, const char *path,
		      const struct pga_text *before, const struct pga_text *after,
		      enum pga_sql_file_state *state, struct pga_error *error);

/* Writes the file by lo_export, byte for byte (COPY would write tabs and backslashes otherwise),
 * and in place: its owner and mode stay, and it is not atomic. Only where `there` is what it has
 * still, or, with part, any beginning of it. The session's parameters are kept out of the server's
 * log from then on. Returns -1 with the reason: the file may be written in part then. */
int pga_sql_file_write(struct pga_cluster_session *session, const char *path,
		       const struct pga_text *there, bool part, const struct pga_text *bytes,
		       struct pga_error *error);

#endif
