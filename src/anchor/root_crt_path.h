/* Where the user's root.crt is. */
#ifndef PGA_ANCHOR_ROOT_CRT_PATH_H
#define PGA_ANCHOR_ROOT_CRT_PATH_H

#include "base/error.h"

/* ~/.postgresql/root.crt, in the home in which libpq looks for it, whether or not it is there. The
 * caller frees it; NULL with the reason. */
char *pga_root_crt_path(struct pga_error *error);

#endif
