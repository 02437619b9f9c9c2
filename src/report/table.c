#include "report/table.h"

#include <stdlib.h>

/* In the place of a table, as pga_print() has it. */
#define NO_MEMORY "out of memory\n"

/* How many columns of a terminal the text takes: code points, which is close enough for names and
 * paths. */
static int width(const char *text)
{
	int count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

static void print_row(FILE *stream, const char *const *cells, const int *widths, size_t columns)
{
	for (size_t column = 0; column < columns; column++) {
		const char *cell = cells[column] != NULL ? cells[column] : "";

		(void)fputs(cell, stream);
		if (column + 1 < columns)
			(void)fprintf(stream, "%*s", widths[column] - width(cell) + 2, "");
	}
}

void pga_cells_free(char **cells, size_t count)
{
	for (size_t i = 0; cells != NULL && i < count; i++)
		free(cells[i]);
	free(cells);
}

/* Copies of the cells that can be shown, which the caller frees; NULL when memory ran out. */
static char **shown_cells(const char *const *cells, size_t count)
{
	char **shown = calloc(count + 1, sizeof *shown);

	for (size_t i = 0; shown != NULL && i < count; i++) {
		if (cells[i] == NULL)
			continue;
		shown[i] = pga_printable(cells[i]);
		if (shown[i] == NULL) {
			pga_cells_free(shown, count);
			return NULL;
		}
	}
	return shown;
}

static void print_cells(FILE *stream, const char *const *heading, const char *const *cells,
			size_t columns, size_t rows, const enum pga_colour *marks)
{
	int *widths = calloc(columns, sizeof *widths);

	if (widths == NULL) {
		(void)fputs(NO_MEMORY, stream);
		return;
	}
	for (size_t column = 0; column < columns; column++) {
		widths[column] = width(heading[column]);
		for (size_t row = 0; row < rows; row++) {
			const char *cell = cells[row * columns + column];

			if (cell != NULL && width(cell) > widths[column])
				widths[column] = width(cell);
		}
	}
	(void)fputs(pga_colour(stream, PGA_BOLD), stream);
	print_row(stream, heading, widths, columns);
	(void)fprintf(stream, "%s\n", pga_colour(stream, PGA_PLAIN));
	for (size_t row = 0; row < rows; row++) {
		if (marks != NULL && marks[row] != PGA_PLAIN)
			(void)fputs(pga_colour(stream, marks[row]), stream);
		print_row(stream, cells + row * columns, widths, columns);
		if (marks != NULL && marks[row] != PGA_PLAIN)
			(void)fputs(pga_colour(stream, PGA_PLAIN), stream);
		(void)fputc('\n', stream);
	}
	free(widths);
}

void pga_print_table(FILE *stream, const char *const *heading, const char *const *cells,
		     size_t columns, size_t rows, const enum pga_colour *marks)
{
	char **shown = shown_cells(cells, columns * rows);

	if (shown == NULL) {
		(void)fputs(NO_MEMORY, stream);
		return;
	}
	print_cells(stream, heading, (const char *const *)shown, columns, rows, marks);
	pga_cells_free(shown, columns * rows);
}
