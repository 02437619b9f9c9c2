/* Whether a server can use a file that a setting of its names: by owner and mode, and, of what is
 * no pair, by what is in it. */
#ifndef PGA_SERVER_FILE_RULE_H
#define PGA_SERVER_FILE_RULE_H

#include "base/error.h"
#include "cert/cluster.h"

#include <stdbool.h>

/* Where a file is that a setting names: relative to the data directory, or not. The caller frees
 * it; NULL: memory ran out. */
char *pga_server_file_path(const struct pga_cluster *cluster, const char *file);

/* Checks that the server's user can read it, and that it is a regular file: what has no end, such
 * as a FIFO, would be waited for. Returns -1 with the reason. */
int pga_server_file_check_readable(const struct pga_cluster *cluster, const char *path,
				   struct pga_error *error);

/* Checks the same for whoever runs this, of a file that is copied. Returns -1 with the reason. */
int pga_server_file_check_ours(const char *path, struct pga_error *error);

/* Checks a key's owner and mode as the server does (check_ssl_key_file_permissions() of
 * be-secure-common.c). Returns -1 with the reason, and a hint that says what would be right. */
int pga_server_key_check_mode(const struct pga_cluster *cluster, const char *path,
			      struct pga_error *error);

/* Checks that the server can load a file of CAs or CRLs (is_crl) that its setting, of this name,
 * names: a reload fails as a whole, and where the certificate stays the same, no handshake would
 * show it. Returns -1 with the reason. */
int pga_server_check_file(const struct pga_cluster *cluster, const char *setting, const char *file,
			  bool is_crl, struct pga_error *error);

#endif
