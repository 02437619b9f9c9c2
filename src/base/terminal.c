#include "base/terminal.h"

#include "base/printable.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *pga_colour(FILE *stream, enum pga_colour colour)
{
	static const char *const sequences[] = {"\033[0m", "\033[1m", "\033[31m", "\033[32m",
						"\033[33m"};
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if ((no_color != NULL && no_color[0] != '\0') || terminal == NULL ||
	    strcmp(terminal, "dumb") == 0 || isatty(fileno(stream)) == 0)
		return "";
	return sequences[colour];
}

char *pga_printable(const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	pga_text_add_printable(&copy, text, "");
	return pga_text_take(&copy);
}

/* A message of ours: what it quotes may be anybody's, but its lines and tabs are ours. */
static void print_message(const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	pga_text_add_printable(&copy, text, "\n\t");
	(void)fputs(pga_text_string(&copy), stderr);
	pga_text_free(&copy);
}

void pga_print_error(const struct pga_error *error)
{
	(void)fprintf(stderr, "%spganchor: ", pga_colour(stderr, PGA_RED));
	print_message(error->message);
	(void)fprintf(stderr, "%s\n", pga_colour(stderr, PGA_PLAIN));
	if (error->next[0] == '\0')
		return;
	(void)fputs("    ", stderr);
	print_message(error->next);
	(void)fputc('\n', stderr);
}

void pga_print_warning(const char *format, ...)
{
	char *message = NULL;
	va_list arguments;
	int length;

	(void)fprintf(stderr, "%spganchor: warning:%s ", pga_colour(stderr, PGA_YELLOW),
		      pga_colour(stderr, PGA_PLAIN));
	va_start(arguments, format);
	length = vasprintf(&message, format, arguments);
	va_end(arguments);
	print_message(length >= 0 ? message : "out of memory");
	(void)fputc('\n', stderr);
	if (length >= 0)
		free(message);
}

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

void pga_print_table(FILE *stream, const char *const *heading, const char *const *cells,
		     size_t columns, size_t rows, const enum pga_colour *marks)
{
	int *widths = calloc(columns, sizeof *widths);

	if (widths == NULL)
		return;
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
