/* What pganchor enable looks at before it writes: whether the gate will be where it promises. */
#ifndef PGA_CLI_ENABLE_CHECKS_H
#define PGA_CLI_ENABLE_CHECKS_H

#include "activate/switch.h"
#include "base/error.h"

#include <stdbool.h>

struct pga_asked {
	const char *command;
	bool ways[PGA_WAYS];
	const char *unit;
	const char *root;
	bool all; /* whatever was enabled on this machine, but for the users' own */
	bool off;
	bool dry_run;
	bool json;
};

/* Whether a drop-in holds for the service: refused with an error, or warned of. */
int pga_check_unit(const struct pga_asked *asked, struct pga_error *error);

/* Warns of an image without the module. */
void pga_check_image(const struct pga_asked *asked);

/* Warns of sessions that will not have the gate, and of programs that cannot live with it. */
void pga_check_sessions(const struct pga_asked *asked);

/* Whether the module may be loaded by every program of the machine. */
int pga_check_preload(const struct pga_asked *asked, struct pga_error *error);

#endif
