/* What OpenSSL could not do, and why. */
#ifndef PGA_TLS_OPENSSL_ERROR_H
#define PGA_TLS_OPENSSL_ERROR_H

#include "base/error.h"

/* Fails with "WHAT: WHY", the reason of the last error in OpenSSL's queue, which is empty then.
 * Returns -1. */
int pga_fail_openssl(struct pga_error *error, const char *what);

#endif
