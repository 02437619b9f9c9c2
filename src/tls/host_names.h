/* The names of hosts that a certificate is for. */
#ifndef PGA_TLS_HOST_NAMES_H
#define PGA_TLS_HOST_NAMES_H

#include "base/text.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* Adds those that somebody could connect to, one a line, in small letters: the DNS names among the
 * alternative ones, or else the common name, as libpq takes it. What no resolver can know, and what
 * has a "*", is left out, and of very many the rest: what is added can be shown, and written. */
void pga_host_names_of(X509 *certificate, struct pga_text *names);

/* Whether the certificate is for this name or address, as OpenSSL compares them. */
bool pga_host_names_have(X509 *certificate, const char *host);

#endif
