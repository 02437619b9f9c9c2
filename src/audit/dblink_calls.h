/* What a text in SQL, or a body in PL/pgSQL, says to dblink: where it connects to. */
#ifndef PGA_AUDIT_DBLINK_CALLS_H
#define PGA_AUDIT_DBLINK_CALLS_H

#include <stdbool.h>

/* Takes a call that opens a connection. conninfo: what it is given, where that is one literal with
 * settings in it; NULL where it is put together when the call is made. */
typedef void pga_dblink_take(void *context, const char *conninfo);

/* Hands over each call, also those in strings that are run as SQL; none in a comment, and none that
 * names a connection or a foreign server by a literal. Returns -1 for want of memory. */
int pga_dblink_calls(const char *text, pga_dblink_take *take, void *context);

#endif
