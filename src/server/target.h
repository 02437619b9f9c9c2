/* The server that is to be changed, by its data directory or by a service, with a session of its
 * superuser. */
#ifndef PGA_SERVER_TARGET_H
#define PGA_SERVER_TARGET_H

#include "base/error.h"
#include "cert/cluster.h"
#include "cert/cluster_sql.h"
#include "server/service_login.h"

#include <stdbool.h>

struct pga_server_target {
	struct pga_cluster cluster;          /* of a service: its directory, as the server has it,
						and its TCP port alone */
	struct pga_cluster_session *session; /* the kept one: it outlives what is changed, and is
						the way back */
	char *host;                          /* where it can be reached over TCP from here */
	bool by_name; /* it has certificates for each name (ssl_sni), and may have none for this */
	struct pga_service_login login; /* its service is NULL where it is known by its data
					   directory; its session is the one above */
	char *system;                   /* of a service: its system identifier */
};

/* The server of this directory, which has to run: what is changed is proved. user: a superuser, or
 * NULL (see cert/cluster_sql.h). may_be_stopped: one that does not run will do, and has no session.
 * To be closed in either case. */
int pga_server_target_open(struct pga_server_target *target, const char *directory,
			   const char *user, bool may_be_stopped, struct pga_error *error);

/* The server of a service, which policy and pins let log in: by TLS, a Unix-domain socket, or a
 * host that the policy exempts. where: a host by which it can be reached over TCP where the service
 * leads to a socket; NULL: by what it listens on. To be closed in either case. */
int pga_server_target_open_service(struct pga_server_target *target, const char *service,
				   const char *where, const struct pga_policy *policy,
				   const struct pga_pins *pins, struct pga_error *error);

/* Which server a session is at: its system identifier and data directory, which the caller frees in
 * either case, and its port. */
int pga_server_identify(struct pga_cluster_session *session, char **system, char **directory,
			unsigned *port, struct pga_error *error);

/* Keeps other runs out: pga_server_alone_at(). */
int pga_server_target_lock(const struct pga_service_login *login, struct pga_error *error);

void pga_server_target_close(struct pga_server_target *target);

/* Sets host, of a target that has cluster and session. */
int pga_server_target_find_host(struct pga_server_target *target, struct pga_error *error);

/* The host, or the address that a service reaches it by. */
const char *pga_server_target_address(const struct pga_server_target *target);

/* The same to whoever names this host; NULL: to whoever names none. */
int pga_server_target_shows_to(const struct pga_server_target *target, const char *name,
			       char leaf[65], struct pga_error *error);

/* What it shows to whoever asks for TLS there: the SHA-256 of its certificate in hex. Returns 1,
 * or 0 where it answers that it has no TLS, or -1 with the reason. Nothing is verified. Where it
 * has a certificate for each name and none for this one, leaf is "". */
int pga_server_target_shows(const struct pga_server_target *target, char leaf[65],
			    struct pga_error *error);

#endif
