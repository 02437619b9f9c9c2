/* The server whose rules are looked at or changed: by its data directory, as the owner of its
 * files, or by a service, over SQL alone. */
#ifndef PGA_SERVER_HBA_SERVER_H
#define PGA_SERVER_HBA_SERVER_H

#include "base/error.h"
#include "cert/cluster.h"
#include "cert/cluster_sql.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "server/hba_tree.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct pga_require_wish {
	const char *directory;
	const char *user;    /* a superuser; NULL: see cert/cluster_sql.h */
	const char *service; /* in the place of both, with the next two; NULL: none */
	const struct pga_policy *policy;
	const struct pga_pins *pins;
};

struct pga_hba_server {
	struct pga_cluster cluster;          /* of a directory; all zero otherwise */
	const char *service;                 /* the caller's; NULL: by its directory */
	struct pga_cluster_session *session; /* stands until the end: the way back */
	struct pga_hba_source source;
	int version; /* 15 */
	unsigned port;

	/* Of the service's session. */
	char *host; /* where it goes to */
	char *user;
	char *database;
	char *seen_from; /* the client's address, as the server has it */
	char *own;       /* the server's */
};

/* What does not take a session: the directory is looked at. Of a service, this is all of it: the
 * server is verified as the service and the pins say, and logged in to. To be closed in either
 * case. */
int pga_hba_server_open(struct pga_hba_server *server, const struct pga_require_wish *wish,
			struct pga_error *error);

/* Logs in to a directory's server, which has to run. */
int pga_hba_server_enter(struct pga_hba_server *server, const struct pga_require_wish *wish,
			 struct pga_error *error);
void pga_hba_server_close(struct pga_hba_server *server);

/* The only value of a question. The caller frees it; NULL with the reason. */
char *pga_hba_server_ask(const struct pga_hba_server *server, const char *question,
			 struct pga_error *error);

/* The path of a file in its data directory. The caller frees it; NULL with the reason. */
char *pga_hba_server_file(const struct pga_hba_server *server, const char *name,
			  struct pga_error *error);

/* Another connection by the service, as the first one. The caller finishes it. */
PGconn *pga_hba_server_connect(const char *service);

#endif
