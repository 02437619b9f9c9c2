/* Asks the sources of anchors again: what each has now, against what is pinned from it.
 *
 * A step-ca is asked over TLS that a root verifies which is pinned from it already, so that what it
 * says is proven, and is pinned (anchor/rotation.h). What an address, a file or a server shows is
 * not: that is for a person to judge. */
#ifndef PGA_ANCHOR_REFRESH_H
#define PGA_ANCHOR_REFRESH_H

#include "anchor/rotation.h"
#include "anchor/source_records.h"
#include "ca/http.h"
#include "base/error.h"
#include "policy/pins.h"
#include "tls/certificate.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

enum pga_refreshed_state {
	PGA_ROOT_KNOWN,     /* pinned, and its source has it */
	PGA_ROOT_NEW,       /* of the source, proven, and not pinned before */
	PGA_ROOT_SHOWN,     /* of the source, not pinned, and nothing proves it */
	PGA_ROOT_UNUSABLE,  /* the same, and libpq could not use it: why says so */
	PGA_ROOT_WITHDRAWN, /* pinned, and its source has it no more */
	PGA_ROOT_UNASKED,   /* pinned, and nobody could tell */
};

struct pga_refreshed_root {
	enum pga_refreshed_state state;
	char *name;                         /* of its anchor, or the one that it gets; NULL: none */
	const struct pga_pin *pin;          /* of its section; NULL: not pinned before */
	struct pga_certificate certificate; /* x509 is NULL where it is nowhere to be read */
	char digits[PGA_PIN_LENGTH + 1];
	char *why; /* of one that is not pinned, or kept: printable; NULL: nothing */
	bool expired;
	bool dropped;   /* it was taken out, or would be */
	char *taken_by; /* the name that it had before, of one that took another's; NULL: none */
};

/* How a source can be asked. */
enum pga_refreshed_way {
	PGA_ASK_STEPCA,
	PGA_ASK_BYTES, /* an https address, or a file */
	PGA_ASK_SERVER,
	PGA_ASK_NOBODY, /* standard input, root.crt: there is nothing to ask */
};

struct pga_refreshed {
	enum pga_refreshed_way way;
	struct pga_source_record record; /* of its anchors, as it was; location is never NULL */
	const struct pga_pin **anchors;
	size_t anchor_count;
	char *key;                        /* this module's own: what the anchors have in common */
	struct pga_refreshed_root *roots; /* those that are pinned first */
	size_t count;
	size_t held; /* how many certificates the source has */
	bool due;
	bool asked;   /* it has answered, and what it said could be read */
	bool changed; /* it is not as it was seen last */
	bool other;   /* a server that shows a chain of another root than its anchors' */
	char *etag;   /* of what it has now */
	char digest[PGA_PIN_LENGTH + 1];
	STACK_OF(X509) * chain;
	const struct pga_refreshed_root *chain_root;
	struct pga_rotated rotated; /* what pga_refresh_pin() did, or would */
	bool failed;
	bool unreached; /* since nobody was there, as for a machine without a network */
	struct pga_error error;
};

struct pga_refresh {
	struct pga_pins pins;
	struct pga_source_records records;
	bool system;
	struct pga_refreshed *sources;
	size_t count;
};

/* Finds the sources of these anchors (count 0: of all of the user's, or of the system's): those of
 * one location are one. due_only leaves out those that were asked in the last week or so. Returns
 * -1 for a name that is none, and for files that cannot be read. To be ended in any case. */
int pga_refresh_begin(struct pga_refresh *refresh, const char *const *names, size_t count,
		      bool system, bool due_only, struct pga_error *error);

/* Asks one. That it cannot be asked, or says what nobody can read, is its `failed`. Returns -1 for
 * want of memory. */
int pga_refresh_ask(const struct pga_refresh *refresh, struct pga_refreshed *source,
		    const struct pga_http *http, struct pga_error *error);

/* Pins what is new and proven, has the anchors' own files hold what joins them, and takes out what
 * is `dropped`. That it cannot is the source's `failed`. */
void pga_refresh_pin(const struct pga_refresh *refresh, struct pga_refreshed *source, bool dry_run);

/* Writes down, of those that have answered, when that was and what they had, at once. Returns -1
 * with the reason. */
int pga_refresh_note(const struct pga_refresh *refresh, struct pga_error *error);

void pga_refresh_end(struct pga_refresh *refresh);

#endif
