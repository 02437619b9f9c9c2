/* The functions of one libpq, as pointers. The gate finds them at run time in the libpq of the
 * program that it is loaded into (a process can hold two); the tool fills them with the libpq that
 * it is linked with. Nothing in policy/ or in the gate names a libpq symbol: a process without
 * libpq could not be loaded with it. */
#ifndef PGA_POLICY_LIBPQ_H
#define PGA_POLICY_LIBPQ_H

#include <libpq-fe.h>

/* FUNCTION(name) of each. */
#define PGA_LIBPQ_FUNCTIONS(FUNCTION)  \
	FUNCTION(PQconnectStartParams) \
	FUNCTION(PQconninfo)           \
	FUNCTION(PQconninfoParse)      \
	FUNCTION(PQconninfoFree)       \
	FUNCTION(PQfreemem)            \
	FUNCTION(PQfinish)             \
	FUNCTION(PQerrorMessage)       \
	FUNCTION(PQstatus)

#define PGA_LIBPQ_FIELD(name) __typeof__(name) *(name);

struct pga_libpq {
	PGA_LIBPQ_FUNCTIONS(PGA_LIBPQ_FIELD)
};

#endif
