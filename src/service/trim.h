/* A file of many roots, of which each costs every connection that reads it: which of them the
 * servers of the services come from, and the others out of it. */
#ifndef PGA_SERVICE_TRIM_H
#define PGA_SERVICE_TRIM_H

#include "base/error.h"
#include "base/manifest.h"
#include "base/transaction.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/crl_servers.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stddef.h>

struct pga_trim_root {
	struct pga_certificate certificate;
	const struct pga_pin *pin; /* pinned as this anchor: it stays; NULL: not pinned */
	bool needed;               /* a server that answered comes from it */
	bool goes;
};

struct pga_trim {
	char *path; /* of the file, links followed */
	char *kept; /* where it is kept as it was */
	bool noted; /* for uninstall; not of a file out of the home */
	struct pga_trim_root *roots;
	size_t count;
	size_t going;
	struct pga_crl_servers servers; /* of all services */
	bool *uses;                     /* for each of them: it is verified by this file */
	size_t asked;                   /* that use it */
	size_t unreached;               /* of these: libpq has verified none there */

	/* What follows is this module's own. */
	struct pga_transaction_file files[2];
	struct pga_manifest manifest;
};

/* Finds out, with the file locked and read: asks every server of the services whose roots are read
 * from it, and this one (host->host NULL: none). Roots that are pinned stay. The environment's
 * settings are to be hidden (policy/linked.h). To be ended in either case. */
int pga_trim_plan(struct pga_trim *trim, const char *path, const struct pga_crl_host *host,
		  const struct pga_policy *policy, const struct pga_pins *pins,
		  struct pga_error *error);

/* Takes out those that go, once each server that answered does so with the new file, too; the whole
 * file as it was is in FILE.trimmed then. With dry_run all but the writing. */
int pga_trim_do(struct pga_trim *trim, bool dry_run, struct pga_error *error);

void pga_trim_end(struct pga_trim *trim);

#endif
