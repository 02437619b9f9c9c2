/* The services that a change of the anchors takes something from, before it is made. */
#ifndef PGA_CLI_ANCHOR_LOSSES_H
#define PGA_CLI_ANCHOR_LOSSES_H

#include "base/error.h"
#include "cli/anchor_view.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct pga_loss {
	const struct pga_use *use;
	enum pga_use_loss loses;
};

struct pga_losses {
	struct pga_loss *items; /* the services that use one of the anchors; the view's order */
	size_t count;
	size_t cut_off; /* how many of them lose some of their hosts, or all */
};

/* Looks at the services that use one of these anchors, with these pins in force. To be freed in
 * either case. Returns -1 for want of memory. */
int pga_losses_find(struct pga_losses *losses, const struct pga_anchor_view *view,
		    const struct pga_pin *const *anchors, size_t count, const struct pga_pins *then,
		    struct pga_error *error);

/* Prints a line for each. */
void pga_losses_print(FILE *stream, const struct pga_losses *losses);

json_t *pga_losses_as_json(const struct pga_losses *losses);

/* Asks on the terminal whether services may be cut off. Returns -1 unless somebody has said yes. */
int pga_losses_ask(const struct pga_losses *losses, const char *what, struct pga_error *error);

void pga_losses_free(struct pga_losses *losses);

#endif
