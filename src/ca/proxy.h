/* The proxy between this machine and a CA: its address as people write it, and what it says. */
#ifndef PGA_CA_PROXY_H
#define PGA_CA_PROXY_H

#include "base/error.h"

#include <stdbool.h>

/* Whether the text is the address of a proxy as --proxy takes it, "" for none. Returns -1, with a
 * reason that does not show it: it may hold a password. */
int pga_proxy_check(const char *address, struct pga_error *error);

/* Whether the request of this handle (a CURL *) failed at the proxy, and then why. address: as in
 * struct pga_http; where it is NULL, the environment has it. */
bool pga_proxy_explain(void *curl, const char *address, const char *url, struct pga_error *error);

#endif
