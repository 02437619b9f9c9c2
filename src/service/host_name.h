/* Whether what a setting calls a host can be one. */
#ifndef PGA_SERVICE_HOST_NAME_H
#define PGA_SERVICE_HOST_NAME_H

#include "base/error.h"

/* Checks every name of libpq's comma-separated list (NULL: not set). libpq itself takes any text
 * and asks the resolver for it; what no name server can know is often a port, a URL or a comment
 * that was meant. A directory of a Unix-domain socket passes, and so does a name with an
 * underscore. Returns 1 with what is wrong and what to write in its place, -1 for want of
 * memory. */
int pga_hosts_check(const char *list, struct pga_error *error);

#endif
