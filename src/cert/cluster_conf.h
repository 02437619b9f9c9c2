/* What the configuration files of a server that does not run say of a setting, as far as a look at
 * their lines can tell: enough to ask before somebody's TLS is replaced, and no more. */
#ifndef PGA_CERT_CLUSTER_CONF_H
#define PGA_CERT_CLUSTER_CONF_H

#include "cert/cluster.h"
#include "cert/local_ca.h"

#include <stdbool.h>

/* Returns -1 where such a server shows a certificate of another CA, or (clients) takes clients'
 * certificates of other CAs, as pga_local_check_shown() and ssl_ca_file do of one that runs. */
int pga_cluster_check_conf(const struct pga_cluster *cluster, const struct pga_local_ca *ca,
			   bool clients, struct pga_error *error);

#endif
