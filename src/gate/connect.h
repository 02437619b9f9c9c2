/* The functions that begin a connection. */
#ifndef PGA_GATE_CONNECT_H
#define PGA_GATE_CONNECT_H

#include "gate/libpq.h"
#include "policy/effective.h"

/* Begins or makes a connection through the gate. make is libpq's own PQconnectdbParams or
 * PQconnectStartParams. */
typedef PGconn *gate_make(const char *const *keywords, const char *const *values,
			  int expand_dbname);
PGconn *gate_enter(struct gate_libpq *libpq, gate_make *make,
		   const struct pga_parameters *parameters);

/* PQconnectdb through the gate. */
PGconn *gate_enter_string(struct gate_libpq *libpq, const char *conninfo);

#endif
