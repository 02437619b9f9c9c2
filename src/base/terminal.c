#include "base/terminal.h"

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

void pga_print_error(const struct pga_error *error)
{
	(void)fprintf(stderr, "%spganchor: %s%s\n", pga_colour(stderr, PGA_RED), error->message,
		      pga_colour(stderr, PGA_PLAIN));
	if (error->next[0] != '\0')
		(void)fprintf(stderr, "    %s\n", error->next);
}

void pga_print_warning(const char *format, ...)
{
	va_list arguments;

	(void)fprintf(stderr, "%spganchor: warning:%s ", pga_colour(stderr, PGA_YELLOW),
		      pga_colour(stderr, PGA_PLAIN));
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

/* How many bytes the character at the start of the text has if it could steer a terminal, 0 if it
 * is harmless: control characters (the C1 ones are C2 80 to C2 9F in UTF-8), and those that turn
 * the direction of writing (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), with which a name
 * can be made to look like another. */
static size_t steers(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	unsigned char second = first != '\0' ? (unsigned char)text[1] : 0;
	unsigned char third = second != '\0' ? (unsigned char)text[2] : 0;

	if (first < 0x20 || first == 0x7F)
		return 1;
	if (first == 0xC2 && second >= 0x80 && second < 0xA0)
		return 2;
	if (first == 0xE2 && second == 0x80 &&
	    (third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE)))
		return 3;
	if (first == 0xE2 && second == 0x81 && third >= 0xA6 && third <= 0xA9)
		return 3;
	return 0;
}

char *pga_printable(const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	while (*text != '\0') {
		size_t length = steers(text);

		if (length == 0)
			pga_text_add_bytes(&copy, text++, 1);
		for (; length > 0; length--)
			pga_text_addf(&copy, "\\x%02X", (unsigned)(unsigned char)*text++);
	}
	return pga_text_take(&copy);
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
