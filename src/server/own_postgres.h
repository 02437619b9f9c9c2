/* PostgreSQL's own program, run on the data directory of a server that does not run, as its owner:
 * what the configuration files come to, and commands in single-user mode, which has no TLS. */
#ifndef PGA_SERVER_OWN_POSTGRES_H
#define PGA_SERVER_OWN_POSTGRES_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster.h"

/* All zero, it is none. */
struct pga_own_postgres {
	const struct pga_cluster *cluster; /* the caller's */
	char *program;                     /* of the data directory's release */
	char *config; /* "config_file=PATH"; NULL: it is in the data directory */
};

/* Finds the program: the one that the server was started by last, by its postmaster.opts, or where
 * packages have it, or in PATH. Returns -1 where there is none of that release, or where the server
 * may run after all, unseen. To be freed in either case. */
int pga_own_postgres_find(struct pga_own_postgres *own, const struct pga_cluster *cluster,
			  struct pga_error *error);
void pga_own_postgres_free(struct pga_own_postgres *own);

/* What a setting comes to by the files (postgres -C). The caller frees it; NULL with PostgreSQL's
 * reason. */
char *pga_own_postgres_show(const struct pga_own_postgres *own, const char *name,
			    struct pga_error *error);

/* Gives it commands, one in a line, in single-user mode: the first that fails is the last. Returns
 * -1 with PostgreSQL's reason; those before it are done then. */
int pga_own_postgres_single(const struct pga_own_postgres *own, const struct pga_text *commands,
			    struct pga_error *error);

#endif
