/* Connection settings as the libpq of a server has them, which may be newer than this machine's:
 * what both know, this machine's libpq parses. */
#ifndef PGA_AUDIT_THERE_H
#define PGA_AUDIT_THERE_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Reads a connection string. version: the server's (170002); its libpq has at least the options of
 * that release. Returns what was said, and NULL as the value of what was not, ended by a NULL
 * keyword, to be freed by pga_there_free(); NULL where it cannot be read, with libpq's words in
 * *said (PQfreemem()), or with none for want of memory. */
PQconninfoOption *pga_there_parse(const char *conninfo, int version, char **said);

/* Sets one of them, or one of a newer libpq's. Returns 0; 1 where no libpq up to 19 has it; -1 for
 * want of memory. */
int pga_there_set(PQconninfoOption *options, const char *keyword, const char *value);

/* Fills in what that libpq takes where nothing is said. Returns -1 for want of memory. */
int pga_there_complete(PQconninfoOption *options);

void pga_there_free(PQconninfoOption *options);

#endif
