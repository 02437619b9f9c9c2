/* The files in which clients keep connections: where they are, and how each is read. */
#ifndef PGA_CLIENTS_STORES_H
#define PGA_CLIENTS_STORES_H

#include "base/error.h"
#include "clients/connections.h"

/* Looks at all of them that are there, of this user, and judges connections of libpq by the policy.
 * What cannot be read is among what was found. Returns -1 for want of memory, and where there is no
 * home. To be freed in either case. */
int pga_clients_look(struct pga_kept *kept, const struct pga_policy *policy,
		     struct pga_error *error);

/* For stores.c: each reads one file, which may have anything in it. */
typedef void pga_store_read(const struct pga_store *store);

pga_store_read pga_dbeaver_read;
pga_store_read pga_jetbrains_read; /* dataSources.xml, and its .local.xml beside it */
pga_store_read pga_pgadmin_read;
pga_store_read pga_pgcli_read;
pga_store_read pga_psqlrc_read;
pga_store_read pga_vscode_read;

/* The directories of projects that an IDE of JetBrains' knows: calls take with each. home: what
 * $USER_HOME$ is there. */
int pga_jetbrains_projects(const char *recent, const char *home,
			   void (*take)(void *context, const char *project), void *context,
			   struct pga_error *error);

#endif
