/* What the files of anchors say already of the address that a root is asked for at, and of that
 * root. */
#ifndef PGA_CLI_BOOTSTRAP_KNOWN_H
#define PGA_CLI_BOOTSTRAP_KNOWN_H

#include "anchor/anchors.h"
#include "tls/certificate.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* A root that a CA shows and that nothing has proved yet. */
struct pga_shown_root {
	const char *url;
	const struct pga_certificate *root;
	bool rotates;     /* the CA's TLS verifies with a root that is pinned from there, too */
	const char *name; /* of --name, or NULL */
	const char *fallback_name;
	bool replace;
	bool system; /* to be pinned for every user: what counts is what the system has */
};

/* Whether it can be asked about. *pinned: it is an anchor already, and there is nothing to ask.
 * Where another root is pinned from the same address, or as the anchor that is to be replaced, this
 * may be somebody else's: warning gets that, and -1 is returned, with what to do, unless the user
 * has said which is to be replaced, or another name. */
int pga_known_look(const struct pga_shown_root *shown, bool *pinned, struct pga_text *warning,
		   struct pga_error *error);

/* Whether a pin of the user's will count. said gets that the system pins this root already, with
 * the file, if it does; what is pinned there needs no word of the user's. Returns -1 where the
 * policy takes none but the system's (user-anchors = refuse), and this root (NULL: whatever root it
 * is) is not among them. */
int pga_known_to_system(const struct pga_certificate *root, struct pga_text *said,
			struct pga_error *error);

/* Whether pga_anchor_install() would do it; writes nothing. Returns -1 with the reason. */
int pga_known_try(const struct pga_anchor *anchor, struct pga_error *error);

#endif
