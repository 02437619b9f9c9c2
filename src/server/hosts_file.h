/* pg_hosts.conf of PostgreSQL 19: with ssl_sni on, whoever names a host is shown the certificate of
 * its line, and that of ssl_cert_file is not used as soon as there is one line. */
#ifndef PGA_SERVER_HOSTS_FILE_H
#define PGA_SERVER_HOSTS_FILE_H

#include "base/error.h"
#include "cert/cluster.h"
#include "server/hba_tree.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

#define PGA_HOSTS_ANY     "*"        /* whoever names none of the others, or none at all */
#define PGA_HOSTS_UNNAMED "/no_sni/" /* whoever names none at all */

/* One name of a line. */
struct pga_server_host {
	char *name;
	char *certificate; /* as the file has it: relative to the data directory, or not */
	char *key;
	char *ca;               /* that verifies clients' certificates; NULL: none of its own */
	bool passphrase;        /* a command gives one */
	char *path;             /* the file that has it: what others include counts, too */
	size_t line;            /* from 1 */
	STACK_OF(X509) * chain; /* of the certificate's file, once it was read; else NULL */
	char leaf[65];          /* SHA-256 of the first of them; "" */
};

struct pga_server_hosts {
	struct pga_server_host *list;
	size_t count;
};

/* Reads the file, and what it includes, from this source: one that is not there has no hosts.
 * Returns -1 for what the server would not load. To be freed in either case. */
int pga_server_hosts_parse(struct pga_server_hosts *hosts, const struct pga_hba_source *source,
			   const char *path, struct pga_error *error);

/* The same of the file of this server, as its owner. */
int pga_server_hosts_read(struct pga_server_hosts *hosts, const struct pga_cluster *cluster,
			  const char *path, struct pga_error *error);
void pga_server_hosts_free(struct pga_server_hosts *hosts);

/* Whose certificate is shown to a client that calls the server by this host, and names it unless it
 * is an address; NULL: its handshake fails. */
const struct pga_server_host *pga_server_host_for(const struct pga_server_hosts *hosts,
						  const char *host);

/* Whether it stands for one name, and is not one of the above. */
bool pga_server_host_is_name(const struct pga_server_host *host);

#endif
