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

/* The character at the start of the text, and how many bytes it has; 0 bytes where it is no UTF-8
 * (RFC 3629: at most four bytes, none that fewer could say, no surrogates). */
static size_t character(const char *text, unsigned *point)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0x80   ? 1
			: first < 0xC0 ? 0
			: first < 0xE0 ? 2
			: first < 0xF0 ? 3
				       : 4;

	*point = length <= 1 ? first : first & (0x7FU >> length);
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xC0) != 0x80)
			return 0;
		*point = *point << 6 | ((unsigned char)text[i] & 0x3FU);
	}
	if (first >= 0xF8 || *point < least[length] || *point > 0x10FFFF ||
	    (*point >= 0xD800 && *point <= 0xDFFF))
		return 0;
	return length;
}

/* Whether it could steer a terminal: control characters, those that end a line or a paragraph, and
 * those that turn the direction of writing (Unicode's Bidi_Control), with which a name can be made
 * to look like another. */
static bool steers(unsigned point)
{
	return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C ||
	       point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2066 && point <= 0x2069);
}

/* Adds the text, made printable. allowed: characters that stay although they steer. */
static void add_printable(struct pga_text *copy, const char *text, const char *allowed)
{
	while (*text != '\0') {
		unsigned point;
		size_t length = character(text, &point);

		if (length > 0 && (!steers(point) || strchr(allowed, *text) != NULL)) {
			pga_text_add_bytes(copy, text, length);
			text += length;
			continue;
		}
		for (length = length > 0 ? length : 1; length > 0; length--)
			pga_text_addf(copy, "\\x%02X", (unsigned)(unsigned char)*text++);
	}
}

char *pga_printable(const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	add_printable(&copy, text, "");
	return pga_text_take(&copy);
}

/* A message of ours: what it quotes may be anybody's, but its lines and tabs are ours. */
static void print_message(const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	add_printable(&copy, text, "\n\t");
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
