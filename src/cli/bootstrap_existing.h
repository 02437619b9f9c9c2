/* bootstrap and the roots that root.crt has already, put there by hand: once an anchor is pinned,
 * the gate refuses their servers. */
#ifndef PGA_CLI_BOOTSTRAP_EXISTING_H
#define PGA_CLI_BOOTSTRAP_EXISTING_H

#include "anchor/unpinned.h"
#include "tls/certificate.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_EXISTING_NAME 32

struct pga_pinned_too {
	char name[PGA_EXISTING_NAME]; /* of its anchor */
	char pin[PGA_PIN_LENGTH + 1];
	char *subject;
};

/* Those that were pinned, or would be. Starts all zero. */
struct pga_existing {
	struct pga_pinned_too *pinned;
	size_t count;
};

/* After root was pinned, or would be: pins the others too, each as an anchor of its own, and adds
 * them to existing; one that is not pinned is warned of. Returns the exit status, which is no
 * failure for one that can be no anchor, or -1 with the reason; the caller frees existing then,
 * too. */
int pga_existing_pin(const struct pga_certificate *root, bool dry_run,
		     struct pga_existing *existing, struct pga_error *error);

/* Reads the roots of root.crt that are not pinned; *path is root.crt's, and the caller's to free,
 * after an error too. Returns -1 with the reason, as where no pin of the user's counts. */
int pga_existing_read(char **path, struct pga_unpinned_roots *unpinned, struct pga_error *error);

/* Pins one of them, for these hosts (NULL: every host), and adds it to existing. Returns 1, with
 * the reason, for one that can be no anchor. */
int pga_existing_pin_one(const struct pga_certificate *root, const char *path, const char *hosts,
			 bool dry_run, struct pga_existing *existing, struct pga_error *error);

/* Names those that are not pinned, on standard error. Where the policy does not ask for pins, there
 * is nothing to say. Returns -1 with the reason. */
int pga_existing_warn(const struct pga_certificate *root, bool dry_run, struct pga_error *error);

void pga_existing_free(struct pga_existing *existing);

/* The same without a CA: shows the roots of root.crt that are not pinned, and with yes pins them.
 * Prints what there is to say. Returns the exit status: without yes it is that of a failure, since
 * nothing was pinned. */
int pga_existing_roots_alone(bool yes, bool dry_run);

#endif
