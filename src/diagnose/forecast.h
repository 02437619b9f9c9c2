/* Which services stop on which day: the chain of every server that the entries name, verified again
 * at each moment at which something of it ends or begins. */
#ifndef PGA_DIAGNOSE_FORECAST_H
#define PGA_DIAGNOSE_FORECAST_H

#include "base/error.h"
#include "diagnose/ends.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "report/finding.h"
#include "service/servicefile.h"
#include "service/trusted.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The subject of what is found. */
#define PGA_ABOUT_SERVERS "servers"

enum pga_seen {
	PGA_SEEN,        /* it has shown its chain */
	PGA_NOT_REACHED, /* what is told is of the roots that its chain may end in */
	PGA_LEFT_OUT,    /* there is nothing to tell */
};

/* A host of an entry. Entry and host are as the file has them, the host as PQhost() calls it. */
struct pga_forecast_server {
	char *service;
	char *host; /* "" of an entry that cannot be read */
	char *port;
	enum pga_seen seen;
	bool system_roots; /* it is verified by the system's store */
	char *why;         /* it was not reached, or is left out; else NULL */
};

struct pga_forecast {
	time_t now;
	time_t last; /* the last moment that was looked at */
	struct pga_forecast_server *servers;
	size_t count;
	struct pga_ends ends; /* the earliest first */
	bool *present;        /* of each root that is taken away: whether some service trusts it */
	struct pga_findings findings;
};

/* What is asked. */
struct pga_forecast_question {
	const char *const *services; /* names; none: all */
	size_t service_count;
	time_t now;
	time_t last;
	const struct pga_root_changes *changes;
	const struct pga_service_file *user;
	const struct pga_service_file *system;
	const struct pga_policy *policy;
	const struct pga_pins *pins;
};

/* Connects to the servers of the entries, many at once, as far as the TLS handshake, with the
 * settings that each comes to in this environment; what is told is in the order of the entries. A
 * server that does not answer is a finding. A signal that comes meanwhile ends the process. Returns
 * -1 for a name that is no service's, and for want of memory. To be freed in either case. */
int pga_forecast_make(const struct pga_forecast_question *question, struct pga_forecast *forecast,
		      struct pga_error *error);
void pga_forecast_free(struct pga_forecast *forecast);

#endif
