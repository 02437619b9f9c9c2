/* The hosts of an entry, one by one. */
#ifndef PGA_POLICY_HOSTLIST_H
#define PGA_POLICY_HOSTLIST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_host {
	char *name;    /* of host; "" where it says none */
	char *address; /* of hostaddr; "" where it says none */
	char *port;    /* "" where it says none */
	bool local;    /* a Unix-domain socket */
};

struct pga_hosts {
	struct pga_host *items;
	size_t count;
};

/* Takes the lists of host, hostaddr and port apart as connectOptions2() does: commas alone part
 * them, hostaddr (or else host) says how many there are, and one port is the port of all. NULL
 * stands for a setting that is not there. Returns -1 for want of memory. */
int pga_hosts_split(const char *host, const char *hostaddr, const char *port,
		    struct pga_hosts *hosts, struct pga_error *error);

/* What the certificate has to be for: the name, or the address where there is no name (PQhost()).
 */
const char *pga_host_label(const struct pga_host *host);

void pga_hosts_free(struct pga_hosts *hosts);

#endif
