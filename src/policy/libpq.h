/* The functions of one libpq, as pointers. The gate finds them at run time in the libpq of the
 * program that it is loaded into (a process can hold two); the tool fills them with the libpq that
 * it is linked with. Nothing in this room or in the gate names a libpq symbol: a process without
 * libpq could not be loaded with it. */
#ifndef PGA_POLICY_LIBPQ_H
#define PGA_POLICY_LIBPQ_H

#include <libpq-fe.h>

struct pga_libpq {
	PGconn *(*connectStartParams)(const char *const *keywords, const char *const *values,
				      int expand_dbname);
	PQconninfoOption *(*conninfo)(PGconn *conn);
	PQconninfoOption *(*conninfoParse)(const char *conninfo, char **errmsg);
	void (*conninfoFree)(PQconninfoOption *options);
	void (*freemem)(void *memory);
	void (*finish)(PGconn *conn);
	char *(*errorMessage)(const PGconn *conn);
	ConnStatusType (*status)(const PGconn *conn);
};

#endif
