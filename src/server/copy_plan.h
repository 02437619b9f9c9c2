/* A pair that the server cannot use where it is, and gets as a copy: what that means. */
#ifndef PGA_SERVER_COPY_PLAN_H
#define PGA_SERVER_COPY_PLAN_H

#include "server/change.h"

/* Reads the pair of the wish, and plans the copy; wanted names it then. why: what keeps the server
 * from the files themselves. */
int pga_server_plan_copy(struct pga_server_work *work, const struct pga_server_wish *wish,
			 const char *wanted[PGA_SET_COUNT], const char *why,
			 struct pga_error *error);

#endif
