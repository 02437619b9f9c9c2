/* A PostgreSQL server on this machine with a certificate of the local CA. */
#ifndef PGA_CERT_LOCAL_SERVE_H
#define PGA_CERT_LOCAL_SERVE_H

#include "cert/cluster.h"
#include "cert/local_pair.h"

#include <stdbool.h>
#include <stddef.h>

/* The pair, in the data directory. server.crt and server.key there may be somebody's. */
#define PGA_SERVED_CRT "pganchor-local.crt"
#define PGA_SERVED_KEY "pganchor-local.key"
#define PGA_SERVED_CA  "pganchor-local-ca.crt" /* for clients' certificates */

struct pga_serve_wish {
	const char *directory;
	const char *user;                /* a superuser; NULL: see cert/cluster_sql.h */
	struct pga_local_pair_wish pair; /* its paths are filled in here */
	bool clients;                    /* certificates of clients by this CA are to count, too */
	bool replace; /* a certificate of another CA that the server shows by now */
	bool dry_run;
};

/* Besides localhost. */
#define PGA_SERVED_ADDRESSES 2
extern const char *const pga_served_addresses[PGA_SERVED_ADDRESSES];

enum pga_served_at {
	PGA_SERVED_NOT, /* nobody answers there */
	PGA_SERVED_PROVED,
	PGA_SERVED_BY_OTHER, /* another certificate is shown there */
};

/* What was done, or would be. */
struct pga_serving {
	struct pga_cluster cluster;
	char *certificate; /* paths */
	char *key;
	struct pga_local_pair pair;
	bool runs;
	bool altered; /* its configuration was changed */
	bool proved;  /* a verify-full handshake was shown this very certificate */
	enum pga_served_at at[PGA_SERVED_ADDRESSES];
};

/* Places the pair, with owner and mode as PostgreSQL's own check wants them, and has the server use
 * it: one that runs by ALTER SYSTEM and a reload, and then it is proved; one that does not by
 * postgresql.auto.conf, from its next start on. Where the proof fails, pair and configuration are
 * put back, and the server loads them. A second time changes nothing, and proves it again. To be
 * freed in either case. */
int pga_local_serve(const struct pga_local_ca *ca, struct pga_serve_wish *wish,
		    struct pga_serving *serving, struct pga_error *error);
void pga_serving_free(struct pga_serving *serving);

/* As pga_cluster_enter(), of a server that could also be stopped for it. */
struct pga_cluster_session;
struct pga_cluster_session *pga_local_enter(const struct pga_cluster *cluster, const char *user,
					    struct pga_error *error);

/* What was undone, or would be. */
struct pga_unserving {
	struct pga_cluster cluster;
	bool runs;
	bool found;    /* there was something to undo */
	bool restored; /* its configuration was changed back */
	bool exactly;  /* byte for byte, since nobody else has changed it */
	bool left; /* somebody has put a pair of theirs, or a key, in the place of ours: it stays */
};

/* Has the server be configured as it was before, load that, and takes the pair away once it does
 * not show it any more. Where it goes on showing it, all stays as it is, and that is an error. No
 * CA is needed. To be freed in either case. */
int pga_local_unserve(const char *directory, const char *user, bool dry_run,
		      struct pga_unserving *done, struct pga_error *error);
void pga_unserving_free(struct pga_unserving *done);

#endif
