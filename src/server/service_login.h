/* A session at the server of a service: no password goes to one that is weaker than the policy
 * wants, or that is not verified. */
#ifndef PGA_SERVER_SERVICE_LOGIN_H
#define PGA_SERVER_SERVICE_LOGIN_H

#include "base/error.h"
#include "cert/cluster_sql.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/verdict.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct pga_service_login {
	const char *service; /* the caller's, as are the next two */
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	struct pga_cluster_session *session;
	bool encrypted; /* by TLS, which the server itself has; else it is local, or exempt */
	bool needs_tls; /* it gets in by TLS alone */
	bool superuser;
	char *host;    /* as the service calls the server; a directory, of a Unix-domain socket */
	char *address; /* that it was reached by; "" */
	char *user;
	char *database;
	unsigned port;
	int process; /* of the server's, that answers, as it was told at the login */
};

/* Verifies the server as service and pins say, and logs in. local: a Unix-domain socket will do, or
 * a host that the policy exempts. Returns -1 with the reason, or PGA_SERVICE_UNVERIFIED where it is
 * that a server could not be verified, or PGA_SERVICE_TOO_WEAK where the service itself is too
 * weak. To be left in either case. */
#define PGA_SERVICE_UNVERIFIED (-2)
#define PGA_SERVICE_TOO_WEAK   (-3)

int pga_service_login(struct pga_service_login *login, const char *service,
		      const struct pga_policy *policy, const struct pga_pins *pins, bool local,
		      struct pga_error *error);
void pga_service_leave(struct pga_service_login *login);

/* Another connection by the service. The caller ends it. NULL with the reason where there is none.
 */
PGconn *pga_service_connect(const struct pga_service_login *login, struct pga_error *error);

#endif
