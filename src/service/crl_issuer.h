/* Who has signed a CRL, of those whose word is taken. */
#ifndef PGA_SERVICE_CRL_ISSUER_H
#define PGA_SERVICE_CRL_ISSUER_H

#include "base/error.h"
#include "policy/pins.h"
#include "service/crl_servers.h"
#include "tls/crl.h"

/* Finds the CA among the pinned roots and in the verified chains of servers. *key is its public
 * key, as crls.conf has it, which the caller frees; *pin the anchor that it comes from, rather that
 * of this name (NULL: any), and NULL where its root is not pinned. Returns -1 with the reason. */
int pga_crl_issuer_find(const struct pga_crl *crl, const char *whose,
			const struct pga_crl_servers *servers, const struct pga_pins *pins,
			const char *name, char **key, const struct pga_pin **pin,
			struct pga_error *error);

#endif
