#include "server/alone.h"

#include <string.h>

int pga_server_alone_begin(struct pga_server_alone *alone, const struct pga_cluster *cluster,
			   struct pga_error *error)
{
	struct pga_made made = {.count = 0};

	memset(alone, 0, sizeof *alone);
	if (cluster->directory == NULL)
		return 0;
	if (pga_directory_open(&alone->directory, &made, cluster->directory, 0700, error) != 0)
		return -1;
	return pga_lock_take(&alone->lock, &alone->directory, error);
}

void pga_server_alone_end(struct pga_server_alone *alone)
{
	pga_lock_release(alone->lock);
	if (alone->directory.path != NULL)
		pga_directory_close(&alone->directory);
	memset(alone, 0, sizeof *alone);
}
