/* Whether a server would start again with its TLS: what it has loaded once, it goes on with,
 * whatever becomes of the files, and says nothing of that; without them its next start is FATAL. */
#ifndef PGA_SERVER_START_H
#define PGA_SERVER_START_H

#include "base/error.h"
#include "cert/cluster.h"
#include "cert/cluster_sql.h"
#include "server/hosts_file.h"
#include "server/settings.h"

/* The files of CAs and CRLs that are set besides the pair. */
int pga_server_check_other_files(const struct pga_cluster *cluster,
				 const struct pga_server_settings *settings,
				 struct pga_error *error);

/* The one that verifies the certificates of a host's clients, if it has its own. */
int pga_server_check_host_ca(const struct pga_cluster *cluster, const struct pga_server_host *host,
			     struct pga_error *error);

/* All of them, and the pair, by the settings in force; of a server with TLS. Returns -1 with the
 * first reason. A key with a passphrase is not tried. */
int pga_server_check_start(const struct pga_cluster *cluster, struct pga_cluster_session *session,
			   struct pga_error *error);

/* A host's name by which a handshake stands, where the server has a certificate for each name
 * (ssl_sni, 19 and later) and perhaps none for whoever names no host. The caller frees it; NULL: it
 * has no such names. */
int pga_server_find_named(const struct pga_cluster *cluster, struct pga_cluster_session *session,
			  char **named, struct pga_error *error);

#endif
