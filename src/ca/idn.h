/* International host names: libpq and OpenSSL compare bytes, and DNS and certificates have these
 * names in an ASCII form alone (RFC 5890: xn--...). */
#ifndef PGA_CA_IDN_H
#define PGA_CA_IDN_H

#include "base/error.h"

#include <stdbool.h>

bool pga_host_is_ascii(const char *host);

/* The ASCII form of a host name in UTF-8, by libcurl's libidn2. The caller frees it; NULL, with
 * the reason, for what is no such name, and where this libcurl cannot tell. */
char *pga_host_to_ascii(const char *host, struct pga_error *error);

/* The same for each of libpq's list of hosts, with commas between; sockets stay as they are. */
char *pga_hosts_to_ascii(const char *hosts, struct pga_error *error);

#endif
