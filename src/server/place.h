/* A copy of a pair in the data directory, where the server cannot use the files themselves: they
 * are of another user, say. Each certificate has names of its own there, so that nothing that is in
 * use is written over. */
#ifndef PGA_SERVER_PLACE_H
#define PGA_SERVER_PLACE_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster.h"
#include "cert/served_file.h"

#include <stdbool.h>

enum { PGA_PLACED_KEY, PGA_PLACED_CERT, PGA_PLACED_FILES };

/* All zero, there is no copy. */
struct pga_server_copy {
	char *names[PGA_PLACED_FILES]; /* in the data directory: pganchor-server-1a2b3c4d.key */
	struct pga_text bytes[PGA_PLACED_FILES];
	struct pga_served_file files[PGA_PLACED_FILES];
};

/* Reads the pair, for the certificate with this SHA-256 (hex). Nothing is written. To be freed in
 * either case. */
int pga_server_copy_begin(struct pga_server_copy *copy, const char *certificate, const char *key,
			  const char *leaf, struct pga_error *error);
void pga_server_copy_free(struct pga_server_copy *copy);

/* Writes it, of the data directory's owner and with mode 0600, the key first. No copy is no error.
 * On failure nothing of it stays. */
int pga_server_copy_write(const struct pga_cluster *cluster, struct pga_server_copy *copy,
			  struct pga_error *error);

/* Takes away what was written. Returns -1, with the last reason, where something of it stays. */
int pga_server_copy_take_back(struct pga_server_copy *copy, struct pga_error *error);

/* Whether this is a name of such a file: nothing else is ever removed by what a record says. */
bool pga_server_copy_is_name(const char *name);

#endif
