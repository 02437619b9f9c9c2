/* A pair in the place of another (pair.h): a part of pair.c. */
#ifndef PGA_CERT_PAIR_SWAP_H
#define PGA_CERT_PAIR_SWAP_H

#include "cert/pair.h"

/* What is there goes. The certificate is there, and the key is another. */
int pga_pair_swap(const struct pga_pair_files *files, const struct pga_text *chain,
		  const struct pga_text *key, struct pga_error *error);

#endif
