/* servers.json, beside anchors.conf: what pganchor server has changed at servers where nothing can
 * be written but settings, by the services that have led there. */
#ifndef PGA_SERVER_SERVERS_FILE_H
#define PGA_SERVER_SERVERS_FILE_H

#include "base/error.h"

#include <jansson.h>

#define PGA_SERVERS_FILE "servers.json"

/* The server that a service leads to. */
struct pga_servers_entry {
	const char *service;
	const char *system;    /* its system identifier; a standby has that of its primary */
	const char *directory; /* of its data */
	const char *address;   /* that the service has reached it by; "" of a Unix-domain socket */
};

/* The changes of this server, the last one last; an empty array where there are none. *address (or
 * NULL) is where they were made, *other a service by which there are some of the same server, where
 * there are none by this one; each NULL where there is none. The caller frees both, and lets go of
 * the array. */
int pga_servers_read(const struct pga_servers_entry *entry, json_t **changes, char **address,
		     char **other, struct pga_error *error);

/* Has the changes of this server be these; no changes is no entry, no entry is no file. What is
 * there of other servers stays. */
int pga_servers_write(const struct pga_servers_entry *entry, json_t *changes,
		      struct pga_error *error);

#endif
