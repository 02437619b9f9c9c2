/* service add --from-bundle: the one root of a bundle that signs the server is pinned for it, and
 * the entry is bound to that. */
#ifndef PGA_CLI_SERVICE_BUNDLE_H
#define PGA_CLI_SERVICE_BUNDLE_H

#include "service/compose.h"

#include <stdbool.h>

struct pga_bundle_wish {
	const char *source;      /* a file or an https address; NULL: none was given */
	const char *fingerprint; /* of the root; NULL: the user is asked */
	const char *ca_file;     /* what verifies the address; NULL: the system's CAs */

	const struct pga_wish *entry; /* what is to be bound to it */
	const char *service;          /* its name */
	bool replace;
	bool dry_run;
	bool json;
};

/* Pins it, once all is looked at that would refuse the entry. *name is the anchor's, the caller's
 * to free; *pinned says whether it was pinned just now. Returns the exit status. */
int pga_service_pin_from_bundle(const struct pga_bundle_wish *wish, char **name, bool *pinned);

#endif
