/* The copy of the pins in the keyring, while bootstrap changes them. */
#ifndef PGA_CLI_BOOTSTRAP_COPY_H
#define PGA_CLI_BOOTSTRAP_COPY_H

#include "password/pins_copy.h"

#include <stdbool.h>

/* All zero, nothing is looked at. */
struct pga_followed_copy {
	bool possible;
	struct pga_pins_copy before; /* the user's pins */
};

/* Before the pins change. Where no keyring can be asked, this and the next do nothing. */
void pga_followed_copy_begin(struct pga_followed_copy *followed);

/* Once they have: where the keyring has a copy, it follows what was changed since, and nothing
 * else, for what somebody has changed before is not to be hidden by it. Where it is valid for more
 * hosts now than the copy says, that stays as it is, too. Nobody is asked for anything, and nothing
 * fails: a copy that is older now is warned of. A second time does nothing.
 */
void pga_followed_copy_end(struct pga_followed_copy *followed);

#endif
