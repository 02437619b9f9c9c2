/* The anchors as a table of 80 columns. */
#ifndef PGA_CLI_PRINT_ANCHOR_LIST_H
#define PGA_CLI_PRINT_ANCHOR_LIST_H

#include "base/terminal.h"
#include "cli/anchor_view.h"

#include <stddef.h>

enum pga_anchor_column {
	PGA_ANCHOR_NAME,
	PGA_ANCHOR_SUBJECT,
	PGA_ANCHOR_SOURCE,
	PGA_ANCHOR_DAYS,
	PGA_ANCHOR_HOSTS,
	PGA_ANCHOR_FILES,
	PGA_ANCHOR_SERVICES,
	PGA_ANCHOR_COLUMNS
};

struct pga_anchor_row {
	char *cells[PGA_ANCHOR_COLUMNS];
	enum pga_colour mark;
};

/* Makes the row of an anchor, of which nothing is kept. Returns -1 for want of memory. The caller
 * frees the cells. */
int pga_anchor_row_make(struct pga_anchor_row *row, const struct pga_anchor_facts *facts,
			struct pga_error *error);

/* Prints them; what does not fit is cut, and ends in "…". Returns -1 for want of memory. */
int pga_print_anchor_rows(const struct pga_anchor_row *rows, size_t count, struct pga_error *error);

void pga_anchor_rows_free(struct pga_anchor_row *rows, size_t count);

#endif
