/* What pganchor enable looks at before it writes: whether the gate will be where it promises. */
#ifndef PGA_CLI_ENABLE_CHECKS_H
#define PGA_CLI_ENABLE_CHECKS_H

#include "preload/enable.h"
#include "base/error.h"

#include <stdbool.h>

struct pga_asked {
	const char *command;
	bool ways[PGA_WAYS];
	const char *unit;
	const char *root;
	bool all;        /* whatever was enabled on this machine, but for the users' own */
	bool own;        /* lines of another installation stay */
	bool keep_going; /* what can be done is done, whatever cannot */
	bool session;    /* what the options name; settle() makes the ways of it */
	bool shell;
	bool system;
	bool preload;
	bool machine;
	bool module; /* some way of them loads it, and not the drop-in alone */
	bool off;
	bool dry_run;
	bool json;
};

/* Whether a drop-in holds for the service: refused with an error, or warned of. *preload is what
 * the service preloads already: the last assignment of LD_PRELOAD wins in systemd, so that a
 * drop-in which did not repeat it would take it away. The caller frees it. */
int pga_check_unit(const struct pga_asked *asked, bool user, char **preload,
		   struct pga_error *error);

/* Whether the drop-in may be put before the machine's libpq: looked at before it is loaded, and
 * then it is tried. */
int pga_check_dropin(const struct pga_asked *asked, struct pga_error *error);

/* Warns of an image without the module, or the drop-in. */
void pga_check_image(const struct pga_asked *asked);

/* Warns of sessions that will not have the gate, and of programs that cannot live with it. */
void pga_check_sessions(const struct pga_asked *asked);

/* Whether the module may be loaded where it is asked for: looked at before it is, by us as by
 * others.
 */
int pga_check_module(const struct pga_asked *asked, struct pga_error *error);

#endif
