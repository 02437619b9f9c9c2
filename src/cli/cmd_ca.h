/* What the subcommands of `pganchor ca local` share; each stands in cmd_ca_local_NAME.c. */
#ifndef PGA_CLI_CMD_CA_H
#define PGA_CLI_CMD_CA_H

#include "base/error.h"
#include "cert/local_ca.h"
#include "cert/local_record.h"

#include <stdbool.h>
#include <stdio.h>

/* Makes and pins the user's local CA where there is none or it is near its end, and has the
 * keyring's copy of the pins follow. made is to be freed after a success. */
int pga_ca_local_ensure(struct pga_local_ca *ca, const struct pga_local_ca_wish *wish,
			struct pga_local_ca_made *made, struct pga_error *error);

/* Has certs.conf know what was signed, so that it is renewed; where that fails, it is warned. The
 * caller frees the name that it has there; NULL after a warning. */
char *pga_ca_local_know(const struct pga_local_known *known);

/* Says what was made, or would be; nothing where all is as it was, unless told is to be. */
void pga_print_ca_local(FILE *stream, const struct pga_local_ca *ca,
			const struct pga_local_ca_made *made, bool dry_run, bool told);

#endif
