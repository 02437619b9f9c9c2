/* What the subcommands of `pganchor ca local` share; each stands in cmd_ca_local_NAME.c. */
#ifndef PGA_CLI_CMD_CA_H
#define PGA_CLI_CMD_CA_H

#include "base/error.h"
#include "cert/local_ca.h"
#include "cert/local_record.h"
#include "cert/local_serve.h"

#include <stdbool.h>
#include <stdio.h>

/* Makes and pins the user's local CA where there is none or it is near its end, and has the
 * keyring's copy of the pins follow. made is to be freed after a success. */
int pga_ca_local_ensure(struct pga_local_ca *ca, const struct pga_local_ca_wish *wish,
			struct pga_local_ca_made *made, struct pga_error *error);

/* Has certs.conf know what was signed, so that it is renewed; where that fails, it is warned. The
 * caller frees the name that it has there; NULL after a warning. */
char *pga_ca_local_know(const struct pga_local_known *known);

/* Undoes what serve has done to the server of this directory, and forgets its certificate with its
 * timer. done: to be freed in either case. */
int pga_ca_local_unserve(const char *directory, const char *user, bool dry_run,
			 struct pga_unserving *done, struct pga_error *error);

/* serve --undo: all of it, and what it says. Returns the exit status. */
int pga_ca_local_undo(const char *directory, const char *user, bool dry_run, bool json);

/* Says what was made, or would be; nothing where all is as it was, unless told is to be. */
void pga_print_ca_local(FILE *stream, const struct pga_local_ca *ca,
			const struct pga_local_ca_made *made, bool dry_run, bool told);

#endif
