#include "cli/print_findings.h"

#include "base/home_text.h"
#include "base/printable.h"
#include "base/terminal.h"

#include <string.h>

static enum pga_colour colour_of(enum pga_severity severity)
{
	static const enum pga_colour colours[] = {[PGA_SEVERITY_OK] = PGA_GREEN,
						  [PGA_SEVERITY_NOTE] = PGA_PLAIN,
						  [PGA_SEVERITY_WARNING] = PGA_YELLOW,
						  [PGA_SEVERITY_ERROR] = PGA_RED};

	return colours[severity];
}

void pga_finding_add_said(struct pga_text *text, const char *said)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_text_add_home_short(&shown, said);
	pga_text_add_printable(text, pga_text_string(&shown), "");
	text->failed = text->failed || shown.failed;
	pga_text_free(&shown);
}

/* These messages were made to stand under a heading. */
static const char *about(const struct pga_finding *finding)
{
	static const char *const headings[] = {"gate", "programs", "policy"};

	for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
		if (strcmp(finding->subject, headings[i]) == 0)
			return headings[i];
	return NULL;
}

void pga_finding_add_message(struct pga_text *text, FILE *stream, const struct pga_finding *finding,
			     const char *word)
{
	const enum pga_colour colour = word == NULL ? colour_of(finding->severity) : PGA_PLAIN;
	const char *heading = about(finding);

	pga_text_addf(text, "%s%s%s: ", colour != PGA_PLAIN ? pga_colour(stream, colour) : "",
		      word != NULL ? word : pga_severity_word(finding->severity),
		      colour != PGA_PLAIN ? pga_colour(stream, PGA_PLAIN) : "");
	if (heading != NULL)
		pga_text_addf(text, "%s: ", heading);
	pga_finding_add_said(text, finding->message);
}

/* How much of the line stands in one of so many bytes: up to its last blank there, or as much of a
 * word as fits. */
static size_t fitting(const char *line, size_t room)
{
	size_t length = room;

	if (strlen(line) <= room)
		return strlen(line);
	while (length > 0 && line[length] != ' ')
		length--;
	return length > 0 ? length : pga_text_whole(line, room);
}

/* In two lines at the most. */
static void print_cut(FILE *stream, const char *line, size_t width)
{
	const size_t room = width - strlen("    ");
	struct pga_text shown = PGA_TEXT_EMPTY;
	struct pga_text cut = PGA_TEXT_EMPTY;
	const char *rest;
	size_t length;

	pga_finding_add_said(&shown, line);
	rest = pga_text_string(&shown);
	length = fitting(rest, room);
	pga_print(stream, "    %.*s\n", (int)length, rest);
	rest += length;
	rest += strspn(rest, " ");
	if (*rest != '\0') {
		if (strlen(rest) > room)
			pga_text_add_shortened(&cut, rest, room - strlen("..."));
		else
			pga_text_add(&cut, rest);
		pga_print(stream, "    %s\n", pga_text_string(&cut));
	}
	pga_text_free(&shown);
	pga_text_free(&cut);
}

/* A command that is cut is none. */
static void print_hint(FILE *stream, const char *hint, size_t width)
{
	const char *end = strstr(hint, ": ");
	struct pga_text command = PGA_TEXT_EMPTY;
	struct pga_text shown = PGA_TEXT_EMPTY;

	if (end == NULL && strlen(hint) + strlen("    ") > width) {
		print_cut(stream, hint, width);
		return;
	}
	pga_text_add_bytes(&command, hint, end != NULL ? (size_t)(end - hint) : strlen(hint));
	pga_finding_add_said(&shown, pga_text_string(&command));
	pga_print(stream, "    %s\n", pga_text_string(&shown));
	pga_text_free(&command);
	pga_text_free(&shown);
}

void pga_print_finding_briefly(FILE *stream, const struct pga_finding *finding, size_t width)
{
	struct pga_text message = PGA_TEXT_EMPTY;
	struct pga_text cut = PGA_TEXT_EMPTY;

	pga_finding_add_message(&message, stream, finding, NULL);
	/* The colours take no place. */
	pga_text_add_shortened(&cut, pga_text_string(&message),
			       width - strlen("...") +
				   strlen(pga_colour(stream, colour_of(finding->severity))) +
				   strlen(pga_colour(stream, PGA_PLAIN)));
	pga_print(stream, "%s\n", pga_text_string(&cut));
	if (finding->detail != NULL)
		print_cut(stream, finding->detail, width);
	if (finding->hint != NULL)
		print_hint(stream, finding->hint, width);
	pga_text_free(&message);
	pga_text_free(&cut);
}
