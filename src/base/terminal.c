#include "base/terminal.h"

#include "base/home_text.h"
#include "base/printable.h"
#include "base/text.h"

#include <errno.h>
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

/* Where both go to one pipe, a message comes after what was printed before it: stderr has no
 * buffer, and stdout has one where it is no terminal. What could not be written, main() tells. */
static void keep_order(const FILE *stream)
{
	const int failed = errno;

	if (stream == stderr)
		(void)fflush(stdout);
	errno = failed;
}

/* The length of a colour of ours at the start of the text, 0 where there is none. */
static size_t colour_at(FILE *stream, const char *text)
{
	for (int colour = PGA_PLAIN; colour <= PGA_YELLOW; colour++) {
		const char *sequence = pga_colour(stream, (enum pga_colour)colour);

		if (strncmp(text, sequence, strlen(sequence)) == 0)
			return strlen(sequence); /* 0 where there is no colour at all */
	}
	return 0;
}

/* Every byte that is not plain becomes a question mark. */
static void print_without_memory(FILE *stream, const char *text)
{
	for (; *text != '\0'; text++)
		(void)fputc((*text >= ' ' && *text < 0x7f) || *text == '\n' ? *text : '?', stream);
}

/* A message of ours: what it quotes may be anybody's, but its lines, tabs and colours are ours. */
static void print_message(FILE *stream, const char *text)
{
	const char *const whole = text;
	struct pga_text copy = PGA_TEXT_EMPTY;

	while (*text != '\0') {
		size_t length = colour_at(stream, text);
		char *part;

		if (length > 0) {
			pga_text_add_bytes(&copy, text, length);
		} else {
			length = 1 + strcspn(text + 1, "\033");
			part = strndup(text, length);
			if (part != NULL)
				pga_text_add_printable(&copy, part, "\n\t");
			copy.failed = copy.failed || part == NULL;
			free(part);
		}
		text += length;
	}
	if (copy.failed)
		print_without_memory(stream, whole);
	else
		(void)fputs(pga_text_string(&copy), stream);
	pga_text_free(&copy);
}

/* Without memory too it is told what there was to tell, as far as there is room. */
void pga_vprint(FILE *stream, const char *format, va_list arguments)
{
	static const char rest[] = "...";
	char cut[4096];
	char *message = NULL;
	va_list again;

	keep_order(stream);
	va_copy(again, arguments);
	if (vasprintf(&message, format, arguments) < 0) {
		const int length = vsnprintf(cut, sizeof cut, format, again);

		message = NULL;
		if (length < 0)
			cut[0] = '\0';
		else if ((size_t)length >= sizeof cut)
			memcpy(cut + sizeof cut - sizeof rest, rest, sizeof rest);
	}
	va_end(again);
	print_message(stream, message != NULL ? message : cut);
	free(message);
}

void pga_print(FILE *stream, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pga_vprint(stream, format, arguments);
	va_end(arguments);
}

/* Prints it with the user's home as ~. */
static void print_homely(FILE *stream, const char *text)
{
	struct pga_text copy = PGA_TEXT_EMPTY;

	pga_text_add_home_short(&copy, text);
	if (copy.failed)
		print_without_memory(stream, text);
	else
		print_message(stream, pga_text_string(&copy));
	pga_text_free(&copy);
}

void pga_print_error(const struct pga_error *error)
{
	keep_order(stderr);
	(void)fprintf(stderr, "%spganchor: ", pga_colour(stderr, PGA_RED));
	print_homely(stderr, error->message);
	(void)fprintf(stderr, "%s\n", pga_colour(stderr, PGA_PLAIN));
	if (error->hint[0] == '\0')
		return;
	(void)fputs("    ", stderr);
	print_homely(stderr, error->hint);
	(void)fputc('\n', stderr);
}

/* What was warned of so far, one a line. */
static struct pga_text warnings = PGA_TEXT_EMPTY;

/* The lines of a warning are one here. */
static void keep_warning(const char *message)
{
	if (warnings.length > 0)
		pga_text_add(&warnings, "\n");
	while (*message != '\0') {
		const size_t length = strcspn(message, "\n");

		pga_text_add_bytes(&warnings, message, length);
		message += length + strspn(message + length, "\n ");
		if (*message != '\0')
			pga_text_add(&warnings, " ");
	}
}

void pga_print_warning(const char *format, ...)
{
	/* A warning tells of what nobody else does: it is one without memory, too. */
	char cut[2048];
	char *message = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&message, format, arguments) < 0)
		message = NULL;
	va_end(arguments);
	if (message == NULL) {
		va_start(arguments, format);
		(void)vsnprintf(cut, sizeof cut, format, arguments);
		va_end(arguments);
	}
	keep_order(stderr);
	(void)fprintf(stderr, "%spganchor: warning:%s ", pga_colour(stderr, PGA_YELLOW),
		      pga_colour(stderr, PGA_PLAIN));
	print_homely(stderr, message != NULL ? message : cut);
	(void)fputc('\n', stderr);
	keep_warning(message != NULL ? message : cut);
	free(message);
}

const char *pga_warnings(void)
{
	return pga_text_string(&warnings);
}
