/* libpq's lists of hosts, as one host after the other. */
#ifndef PGA_POLICY_HOSTLIST_H
#define PGA_POLICY_HOSTLIST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A part of a list, where it stands: no NUL is behind it. */
struct pga_part {
	const char *bytes;
	size_t length;
};

/* One host of a connection; what is not said is empty. */
struct pga_host_part {
	struct pga_part name;    /* of host */
	struct pga_part address; /* of hostaddr */
	struct pga_part port;
	bool local; /* a Unix-domain socket */
};

/* The lists of host, hostaddr and port, taken apart as connectOptions2() and
 * parse_comma_separated_list() do: commas alone part them, without quoting, and no blanks are
 * skipped; hostaddr (or else host) says how many there are, and one port is the port of all; an
 * address counts before the name; a name that starts with "/" or "@" is a socket
 * (is_unixsock_path()), and an empty one is the default, a socket. Asks for no memory. */
struct pga_hostlist {
	struct pga_part hosts; /* what is left of each; bytes is NULL behind the last */
	struct pga_part addresses;
	struct pga_part ports;
	bool by_address;
	bool one_port;
};

/* NULL stands for a setting that is not there. The list is good for as long as they are. */
struct pga_hostlist pga_hostlist_begin(const char *host, const char *hostaddr, const char *port);
bool pga_hostlist_next(struct pga_hostlist *list, struct pga_host_part *host);

/* What the certificate has to be for: the name, or the address where there is no name (PQhost()).
 */
struct pga_part pga_host_part_label(const struct pga_host_part *host);

/* The same, each a string of its own. */
struct pga_host {
	char *name;
	char *address;
	char *port;
	bool local;
};

struct pga_hosts {
	struct pga_host *items;
	size_t count;
};

/* Returns -1 for want of memory. */
int pga_hosts_split(const char *host, const char *hostaddr, const char *port,
		    struct pga_hosts *hosts, struct pga_error *error);

const char *pga_host_label(const struct pga_host *host);

void pga_hosts_free(struct pga_hosts *hosts);

#endif
