/* Tables for people: columns under a heading. */
#ifndef PGA_REPORT_TABLE_H
#define PGA_REPORT_TABLE_H

#include "base/terminal.h"

#include <stddef.h>
#include <stdio.h>

/* Prints rows of cells under a heading, each column as wide as its widest cell. cells[row * columns
 * + column], made printable; a NULL cell is empty. marks, if not NULL, gives a colour for each row.
 */
void pga_print_table(FILE *stream, const char *const *heading, const char *const *cells,
		     size_t columns, size_t rows, const enum pga_colour *marks);

/* Frees so many cells, each made by malloc() or NULL, and their array. Nothing is done where it is
 * NULL. */
void pga_cells_free(char **cells, size_t count);

#endif
