/* A CA that moves from one root to another, A to A and B to B: the pins, the anchors' own files and
 * root.crt follow, all together or not at all.
 *
 * While a source has several roots, each is an anchor, and stands in the own files of the others,
 * too, where it joins them (policy/joined.h): what is bound to anchors/A.crt goes on connecting
 * once the server's certificate comes from B. When A goes, the B that was pinned as A-2 may take
 * its name and file, so that whatever names that file goes on. */
#ifndef PGA_ANCHOR_ROTATION_H
#define PGA_ANCHOR_ROTATION_H

#include "anchor/source_records.h"
#include "base/error.h"
#include "policy/pins.h"
#include "tls/certificate.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* One anchor of the source, as it is to be. Its texts belong to the caller. */
struct pga_member {
	const char *name;
	const struct pga_certificate *root; /* NULL: nobody has it; then its own file stays as it
					       is, and no other gets it */
	char pin[PGA_PIN_LENGTH + 1];
	const char *hosts;
	bool scoped;
	bool present;      /* the source has it now */
	bool added;        /* it is to be pinned */
	bool dropped;      /* it is to go */
	const char *takes; /* the name of one that is dropped, which it is to have; NULL: none */
};

struct pga_rotation {
	const struct pga_member *members;
	size_t count;
	const char *source;              /* for anchors.conf */
	struct pga_source_record record; /* for sources.conf, of those that are added */
	bool system;
	STACK_OF(X509) * chain;                   /* that the CA showed; NULL: none */
	const struct pga_certificate *chain_root; /* of the members, that it ends in; NULL: none */
};

struct pga_rotated {
	bool changed;    /* something was written, or would be */
	bool joined;     /* some own file got a root, or lost one */
	char *crl_fault; /* why libpq's CRLs let no server of this CA through; NULL: they do */
};

/* Makes it so, where it is not so yet, once the chain verifies with the new files as libpq
 * verifies. With dry_run, everything is done but the writing. On failure, every file is as it was.
 * The caller frees crl_fault. */
int pga_rotate(const struct pga_rotation *rotation, bool dry_run, struct pga_rotated *rotated,
	       struct pga_error *error);

/* A name for this further root of the anchor NAME, NAME-2 or the next that neither is an anchor's
 * nor among the taken ones, and no file of something else has. The caller frees it; NULL with the
 * reason. */
char *pga_rotation_name(const struct pga_pins *pins, const char *name,
			const struct pga_certificate *root, bool system, const char *const *taken,
			size_t count, struct pga_error *error);

#endif
