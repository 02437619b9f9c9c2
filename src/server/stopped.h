/* A server that does not run, or cannot: its settings and rules, read and put back in its files.
 * Nothing of it is proved by that. */
#ifndef PGA_SERVER_STOPPED_H
#define PGA_SERVER_STOPPED_H

#include "base/error.h"
#include "cert/cluster.h"
#include "server/hba_tree.h"
#include "server/own_postgres.h"
#include "server/settings.h"

#include <stdbool.h>

/* What ALTER SYSTEM has set; and of what the settings come to, ssl and allow_alter_system alone. To
 * be freed in either case. */
int pga_stopped_settings_read(const struct pga_own_postgres *own,
			      struct pga_server_settings *settings, struct pga_error *error);

/* Sets and resets them by ALTER SYSTEM in single-user mode, and looks whether they are so then; *on
 * is what ssl comes to. On failure, error says whether some of them are. */
int pga_stopped_settings_alter(const struct pga_own_postgres *own,
			       const struct pga_server_goal goals[PGA_SET_COUNT], bool *on,
			       struct pga_error *error);

/* The rules of such a server, as pga_hba_find() those of one that runs. */
int pga_stopped_find_hba(const struct pga_cluster *cluster, struct pga_hba_tree *tree,
			 struct pga_error *error);

#endif
