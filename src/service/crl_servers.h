/* The servers of all services, as they are seen without any CRL: what a CRL is tried on. */
#ifndef PGA_SERVICE_CRL_SERVERS_H
#define PGA_SERVICE_CRL_SERVERS_H

#include "base/error.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

struct pga_crl_server {
	char *service; /* NULL: of --host */
	enum pga_service_place place;
	char *label;         /* "service prod, db.example.com", for messages */
	char *roots;         /* the file that libpq reads them from; NULL: the system's */
	char *crl_file;      /* sslcrl, or ~/.postgresql/root.crl; NULL: none */
	char *crl_directory; /* sslcrldir; NULL: none */
	bool own_crls;       /* the entry itself says so */
	char *bound;         /* the file that a plan gives it; NULL: none; free() frees it */
	char **keywords;     /* libpq's parameters for this one host, without CRLs */
	char **values;
	size_t count;
	int seconds;               /* that it is waited for */
	STACK_OF(X509) * chain;    /* that it showed; NULL: it was not reached, or showed none */
	STACK_OF(X509) * verified; /* that without CRLs, the root last; NULL: libpq refuses it */
	char *problem;             /* why libpq refuses it without any CRL; NULL: it does not */
	const struct pga_pin *pin; /* of the root; NULL: not pinned; belongs to the pins */
};

struct pga_crl_servers {
	struct pga_crl_server *items;
	size_t count;
};

/* One more server than those of the services. */
struct pga_crl_host {
	const char *host;  /* NULL: none */
	const char *port;  /* NULL: libpq's */
	const char *roots; /* the file of an anchor; NULL: root.crt */
};

/* Asks each server of the user's services and of the machine's, and that host: a handshake, before
 * which no user's name goes out. Hosts without TLS, and services that libpq refuses, are left out;
 * one server of several services is asked once. The environment's settings are to be hidden
 * (policy/linked.h). The servers are to be freed in either case; -1 for a service file that cannot
 * be read and for want of memory. */
int pga_crl_servers_ask(struct pga_crl_servers *servers, const struct pga_crl_host *host,
			const struct pga_policy *policy, const struct pga_pins *pins,
			struct pga_error *error);

/* The handshake once more, with this file of CRLs. Returns 0 where libpq takes the server, 1 with
 * its words where it does not; *result is OpenSSL's then. -1 for want of memory. */
int pga_crl_server_try(const struct pga_crl_server *server, const char *crl_file,
		       const char *crl_directory, long *result, struct pga_error *error);

void pga_crl_servers_free(struct pga_crl_servers *servers);

#endif
