/* What waits for a person: a command that nobody watches leaves a notice here, `pganchor status`
 * and the next command on a terminal show it, and it goes once it is settled. */
#ifndef PGA_ANCHOR_NOTICES_H
#define PGA_ANCHOR_NOTICES_H

#include "base/error.h"
#include "policy/pins.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PGA_NOTICES_MOST 100 /* as many are kept: the newest */

/* $XDG_STATE_HOME/pganchor/notices, or ~/.local/state/pganchor/notices. The caller frees it; NULL
 * as pga_home() is. */
char *pga_notices_path(void);

/* One for each subject and kind. */
struct pga_notice {
	char *subject;                /* the anchor's name */
	char *kind;                   /* a word, such as "new-root" */
	char *message;                /* one line, printable: what is so, and what to do */
	time_t since;                 /* when it was left first */
	char pin[PGA_PIN_LENGTH + 1]; /* of the root that is waited for: once it is pinned, this
					 is settled; "": none */
};

struct pga_notices {
	struct pga_notice *list; /* in the order in which they were left */
	size_t count;
};

/* What is to be so. */
struct pga_notice_change {
	const char *subject;
	const char *kind;
	const char *message; /* NULL: settled. Made printable, and cut where it is long */
	const char *pin;     /* as above; NULL: none */
};

/* The notices that are not settled: the anchor is one of the pins, and the root that is waited for
 * is none. No file is none. To be freed, after an error too. */
int pga_notices_load(struct pga_notices *notices, const struct pga_pins *pins,
		     struct pga_error *error);
/* Whether there may be any, without a look into the file. */
bool pga_notices_any(void);

void pga_notices_free(struct pga_notices *notices);

/* Leaves notices and takes others away, as one change of the file, which is not touched where all
 * is so already. That it cannot is no failure of the command: the caller warns of the error. */
int pga_notices_change(const struct pga_notice_change *changes, size_t count,
		       struct pga_error *error);

#endif
