/* What anchors.conf says already of the source that a root is asked for at, and of that root. */
#ifndef PGA_CLI_BOOTSTRAP_KNOWN_H
#define PGA_CLI_BOOTSTRAP_KNOWN_H

#include "anchor/anchors.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Whether an anchor can be asked about whose root nothing has proved yet. rotates: its source
 * verifies with a root that is pinned from there, too. *pinned: it is an anchor already, and there
 * is nothing to ask. Where another root is pinned from the same source, or as the anchor that is to
 * be replaced, this may be somebody else's: warning gets that, and -1 is returned, with what to do,
 * unless the user has said which is to be replaced, or another name. */
int pga_known_look(const struct pga_anchor *anchor, bool rotates, bool *pinned,
		   struct pga_text *warning, struct pga_error *error);

/* Whether pga_anchor_install() would do it; writes nothing. Returns -1 with the reason. */
int pga_known_try(const struct pga_anchor *anchor, struct pga_error *error);

#endif
