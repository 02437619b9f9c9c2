/* Which anchor is valid for the hosts of an entry, and whether the entry has to name its file. */
#ifndef PGA_SERVICE_CHOOSE_ANCHOR_H
#define PGA_SERVICE_CHOOSE_ANCHOR_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/settings.h"

#include <stdbool.h>

struct pga_anchor_choice {
	const struct pga_pin *anchor; /* NULL where none was named and not exactly one is valid for
					 a host; belongs to the pins */
	char *sslrootcert; /* the anchor's own file, where it was named or is scoped, or is the
			      system's and has one; else NULL */
	bool in_own_file;  /* sslrootcert is to be named: pganchor's own */
	bool named;        /* by the user: no other is valid */
	bool in_root_crt;  /* what is valid for the hosts is in root.crt */
	struct pga_text unpinned; /* hosts that no anchor is valid for, with ", " between */
};

/* Chooses the anchor for the hosts in the settings' host and hostaddr; Unix-domain sockets need
 * none. wanted is the name that the user gave, or NULL. Returns -1 when there is no anchor of that
 * name, when it is not valid for a host, or when nobody but the user can choose. */
int pga_anchor_choose(const struct pga_pins *pins, const char *wanted,
		      const struct pga_settings *settings, struct pga_anchor_choice *choice,
		      struct pga_error *error);

/* Whether the anchor's own file holds its certificate and no other but those that join it, so that
 * it binds an entry to it; nobody but the administrator can write one of the system's. Returns -1
 * with what is wrong. */
int pga_anchor_file_check(const struct pga_pin *anchor, const struct pga_pins *pins,
			  const char *path, struct pga_error *error);

/* Adds the hosts of host and hostaddr (NULL: not set) that no anchor is valid for, with ", "
 * between; Unix-domain sockets and hosts that the policy exempts (NULL: none) need none. Returns -1
 * for want of memory. */
int pga_anchor_missing(const struct pga_pins *pins, const struct pga_policy *policy,
		       const char *host, const char *hostaddr, struct pga_text *names,
		       struct pga_error *error);

/* Adds the hosts, as above, that an anchor is valid for, but none whose pin is in in_file: the
 * pins of the file of roots that libpq will use. *anchor is one that is valid for the first of
 * them, or NULL. Returns -1 for want of memory. */
int pga_anchor_elsewhere(const struct pga_pins *pins, const struct pga_policy *policy,
			 const char *host, const char *hostaddr, const char *in_file,
			 struct pga_text *names, const struct pga_pin **anchor,
			 struct pga_error *error);

void pga_anchor_choice_free(struct pga_anchor_choice *choice);

#endif
