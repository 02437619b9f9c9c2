/* One file of a server's data directory that serve writes, and takes back where it fails. */
#ifndef PGA_CERT_SERVED_FILE_H
#define PGA_CERT_SERVED_FILE_H

#include "base/error.h"
#include "base/text.h"
#include "cert/cluster.h"

#include <stdbool.h>
#include <stddef.h>

/* All zero, nothing was written. */
struct pga_served_file {
	char *path;
	struct pga_text before; /* what it was */
	bool existed;
	bool written;
};

/* Gives the file of the data directory these bytes; NULL: it goes. One that has them stays as it
 * is. Owner and mode stay; a new one is the directory's owner's, with mode 0600. On failure it is
 * as it was. To be freed in either case. */
int pga_served_file_put(const struct pga_cluster *cluster, const char *name,
			const struct pga_text *bytes, struct pga_served_file *file,
			struct pga_error *error);

/* Lets it be what it was. */
int pga_served_file_take_back(struct pga_served_file *file, struct pga_error *error);

void pga_served_file_free(struct pga_served_file *file);

#endif
