/* The address of a CA, as the user types it. */
#ifndef PGA_CA_URL_H
#define PGA_CA_URL_H

#include "base/error.h"

#include <stdbool.h>

struct pga_ca_url {
	char *url;  /* https://HOST[:PORT][/PREFIX], ASCII, no slash at the end */
	char *host; /* the name or address alone, lower case, no brackets, no zone */
};

/* Reads an address: https:// may be left out; a port and a path prefix are fine, and so is an
 * international name, which is kept as DNS has it (xn--...). Returns -1 for any other scheme, for a
 * user or password, a query or a fragment, and for what is no URL. */
int pga_ca_url_read(struct pga_ca_url *ca, const char *text, struct pga_error *error);

/* The same of the address of a file: https:// has to be there, the path counts to its last letter,
 * and a query is fine. */
int pga_ca_url_read_file(struct pga_ca_url *ca, const char *text, struct pga_error *error);

/* Whether the text begins as an https URL does. */
bool pga_ca_url_is_https(const char *text);

/* A name for the anchor made of the host; NULL for want of memory. The caller frees it. It need
 * not be valid: see pga_pin_name_is_valid(). */
char *pga_ca_url_name(const struct pga_ca_url *ca);

/* Whether both are one address, however it is written: in case, with its usual port or without,
 * with a slash or a dot at the end. What is no address of a CA, as the path of a file, is the same
 * as what has the same letters alone. */
bool pga_ca_url_is_same(const char *one, const char *other);

void pga_ca_url_free(struct pga_ca_url *ca);

#endif
