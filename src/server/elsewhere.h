/* What pganchor keeps in a data directory goes along with a copy of it, such as pg_basebackup
 * makes, and is about another server there. */
#ifndef PGA_SERVER_ELSEWHERE_H
#define PGA_SERVER_ELSEWHERE_H

#include "base/error.h"
#include "cert/cluster.h"

#include <stdbool.h>

/* Which directory it is: "/PATH, inode N". Both servers have one system identifier, and two
 * machines one path. The caller frees it; NULL with the reason. */
char *pga_server_place(const struct pga_cluster *cluster, struct pga_error *error);

/* Whether a record that says this of itself (NULL: nothing) is another directory's. Returns -1
 * where that cannot be told. */
int pga_server_is_elsewhere(const struct pga_cluster *cluster, const char *place,
			    struct pga_error *error);

/* Fills error with that, of this file of the directory; moved: what to do where it is the server
 * itself that is another place now. Returns -1. */
int pga_server_fail_elsewhere(const struct pga_cluster *cluster, const char *file,
			      const char *place, const char *moved, struct pga_error *error);

#endif
