/* What the services here call their servers by: each of those names has to be in the certificate
 * that the server shows to who asks for it. */
#ifndef PGA_AUDIT_NAMES_H
#define PGA_AUDIT_NAMES_H

#include "audit/audit.h"
#include "audit/connect.h"

#include <netdb.h>

struct pga_audit_name {
	char *service;
	char *host; /* what the certificate has to be for */
	char *port;
	struct addrinfo *addresses; /* of it, or of the hostaddr; NULL: none is known */
	char *look_up;              /* what these are of */
	size_t like;                /* an earlier one with the same addresses; else itself */
};

struct pga_audit_names {
	struct pga_audit_name *list;
	size_t count;
};

/* Takes the hosts of every entry of both service files that is for TCP, and looks them up, several
 * at once. Files that cannot be read have none. Returns 0; -1 with the reason; the number of a
 * signal, as pga_many_run(). To be freed but after a signal. */
int pga_audit_names_find(struct pga_audit_names *names, const struct pga_policy *policy,
			 const struct pga_pins *pins, struct pga_error *error);

/* Adds those that lead to the server of the connection, and for which what it shows to them is not.
 */
void pga_audit_names_check(struct pga_audit *audit, const struct pga_audit_connection *connection,
			   const struct pga_audit_names *names);

void pga_audit_names_free(struct pga_audit_names *names);

#endif
