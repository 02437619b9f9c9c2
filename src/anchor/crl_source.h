/* Where CRLs come from: an address, a file, standard input. */
#ifndef PGA_ANCHOR_CRL_SOURCE_H
#define PGA_ANCHOR_CRL_SOURCE_H

#include "base/error.h"
#include "ca/http.h"
#include "policy/pins.h"
#include "tls/crl.h"

#include <stdbool.h>

/* No CRL that is read is larger. */
#define PGA_CRL_SIZE ((size_t)12 * 1024 * 1024)

/* Whether the text is an address, http or https. */
bool pga_crl_source_is_address(const char *source);

/* The source as crls.conf keeps it: an address as it is, a file by its absolute path, "" for "-".
 * The caller frees it; NULL with the reason for an address that cannot be one. */
char *pga_crl_source_read(const char *typed, struct pga_error *error);

/* Reads the CRLs that are there now; "" is standard input. An https address is verified by the
 * pinned roots, or by the system's CAs; http will do, since a CRL is signed. No redirect is
 * followed. To be freed in either case. */
int pga_crl_source_fetch(const struct pga_http *http, const char *source,
			 const struct pga_pins *pins, struct pga_crl_list *list,
			 struct pga_error *error);

#endif
