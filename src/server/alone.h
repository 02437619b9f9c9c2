/* One run at a time changes a server: the next one waits, and then plans for what it finds. */
#ifndef PGA_SERVER_ALONE_H
#define PGA_SERVER_ALONE_H

#include "base/directory.h"
#include "base/edit_lock.h"
#include "base/error.h"
#include "cert/cluster.h"
#include "cert/cluster_sql.h"

/* The lock on its data directory. All zero: there is none. */
struct pga_server_alone {
	struct pga_directory directory;
	struct pga_lock *lock;
};

/* Waits for whoever changes the server; see pga_lock_take(). Of a server without a data directory,
 * as it is reached by a service, nothing. To be ended in either case. */
int pga_server_alone_begin(struct pga_server_alone *alone, const struct pga_cluster *cluster,
			   struct pga_error *error);
void pga_server_alone_end(struct pga_server_alone *alone);

/* Keeps out who comes by another way, of a service or the data directory, and would prove what this
 * run has changed: as long as the session is there. Returns -1 where there is one. server: which it
 * is, for the reason ("service prod"). */
int pga_server_alone_at(struct pga_cluster_session *session, const char *server,
			struct pga_error *error);

#endif
