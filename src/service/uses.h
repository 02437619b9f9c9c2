/* Which anchors the entries of the service files use: by the file of roots that each one has libpq
 * read, and by the hosts that the anchors in it are valid for. */
#ifndef PGA_SERVICE_USES_H
#define PGA_SERVICE_USES_H

#include "base/error.h"
#include "policy/hostlist.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "service/servicefile.h"

#include <stdbool.h>
#include <stddef.h>

/* Where an entry has libpq look for roots. */
enum pga_use_kind {
	PGA_USE_OWN_FILE, /* in the anchor's own file, anchors/NAME.crt, by whatever name or link */
	PGA_USE_ROOT_CRT, /* in root.crt, named or by default */
	PGA_USE_OTHER_FILE, /* in a file that is neither */
	PGA_USE_SYSTEM,     /* sslrootcert=system: in none */
	PGA_USE_NONE,       /* no TLS: a socket, sslmode=disable, or exempt by the policy */
	PGA_USE_UNKNOWN,    /* libpq refuses the entry, or only an LDAP server could tell */
};

struct pga_use {
	const struct pga_service_file *file; /* of the entry; the caller's */
	const struct pga_entry *entry;
	enum pga_use_kind kind;
	bool hidden; /* an earlier entry, or one of the user's file, has its name: nobody uses it */
	char *roots; /* the path of the file of roots; NULL where there is none */
	const struct pga_pin *own; /* of PGA_USE_OWN_FILE: the anchor whose file it is */
	bool joined;               /* and it holds others, that join that one (policy/joined.h) */
	struct pga_hosts hosts;    /* those that are reached by TCP and not exempt */

	size_t roots_file; /* this module's own: which of the files that were read */
};

struct pga_uses_index;

struct pga_uses {
	struct pga_use *uses; /* of the user's file, then of the machine's, in their order */
	size_t count;
	struct pga_uses_index *index; /* this module's own */
};

/* Looks at every entry of both files (as libpq reads them; the caller has hidden the environment,
 * policy/linked.h). root_crt is the path of the user's. Takes about as long as there are entries
 * and anchors. Files, policy and pins have to outlive it; to be freed in any case. Returns -1 for
 * want of memory. */
int pga_uses_find(struct pga_uses *uses, const struct pga_service_file *user,
		  const struct pga_service_file *system, const struct pga_policy *policy,
		  const struct pga_pins *pins, const char *root_crt, struct pga_error *error);

/* The entries that use this one of the pins, in the order of the files, those that are hidden left
 * out: pointers into uses, in an array that the caller frees, and how many there are. NULL for want
 * of memory. */
const struct pga_use **pga_uses_of(const struct pga_uses *uses, const struct pga_pin *pin,
				   size_t *count, struct pga_error *error);

/* Whether the certificate of this pin stands in root.crt. */
bool pga_uses_is_in_root_crt(const struct pga_uses *uses, const char *pin);

/* What becomes of an entry that uses an anchor when other pins are in force. */
enum pga_use_loss {
	PGA_USE_LOSES_NOTHING, /* every host that had an anchor has one */
	PGA_USE_LOSES_SOME,    /* some hosts have none any more */
	PGA_USE_LOSES_ALL,     /* no host has one: it will not connect */
};

/* Whether the hosts of the entry that an anchor of its file is valid for, as the pins are, still
 * have one when these pins are in force, and files of anchors that are not among them are gone. An
 * entry that had none loses nothing. */
enum pga_use_loss pga_use_loses(const struct pga_uses *uses, const struct pga_use *use,
				const struct pga_pins *then);

void pga_uses_free(struct pga_uses *uses);

/* Makes of these pins those without the ones that `gone` says, or with other hosts for one: they
 * share all with the pins, which have to outlive them; pga_pins_view_free() frees them. Returns -1
 * for want of memory. */
int pga_pins_without(struct pga_pins *view, const struct pga_pins *pins,
		     bool (*gone)(const struct pga_pin *pin, const void *context),
		     const void *context, struct pga_error *error);
int pga_pins_with_hosts(struct pga_pins *view, const struct pga_pins *pins,
			const struct pga_pin *changed, char *hosts, struct pga_error *error);
void pga_pins_view_free(struct pga_pins *view);

#endif
