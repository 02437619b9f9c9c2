/* Findings as text. */
#include "report/text.h"

#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"

#include <string.h>

static enum pga_colour colour_of(enum pga_severity severity)
{
	static const enum pga_colour colours[] = {[PGA_SEVERITY_OK] = PGA_GREEN,
						  [PGA_SEVERITY_NOTE] = PGA_PLAIN,
						  [PGA_SEVERITY_WARNING] = PGA_YELLOW,
						  [PGA_SEVERITY_ERROR] = PGA_RED};

	return colours[severity];
}

void pga_print_finding(FILE *stream, const struct pga_finding *finding)
{
	const enum pga_colour colour = colour_of(finding->severity);
	struct pga_text text = PGA_TEXT_EMPTY;

	if (colour != PGA_PLAIN)
		pga_text_add(&text, pga_colour(stream, colour));
	pga_text_add_printable(&text, finding->message, "");
	if (colour != PGA_PLAIN)
		pga_text_add(&text, pga_colour(stream, PGA_PLAIN));
	if (finding->detail != NULL) {
		pga_text_add(&text, ": ");
		pga_text_add_printable(&text, finding->detail, "");
	}
	if (finding->hint != NULL) {
		pga_text_add(&text, finding->detail != NULL ? "\n    " : ": ");
		pga_text_add_printable(&text, finding->hint, "");
	}
	(void)fprintf(stream, "%s\n", text.failed ? "out of memory" : pga_text_string(&text));
	pga_text_free(&text);
}

void pga_print_findings(FILE *stream, const struct pga_findings *findings, const char *subject)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->list[i].subject, subject) == 0)
			pga_print_finding(stream, &findings->list[i]);
}

static void warn_of(const struct pga_finding *finding)
{
	const char *detail = finding->detail;
	const char *hint = finding->hint;

	pga_print_warning("%s%s%s%s%s", finding->message, detail != NULL ? ": " : "",
			  detail != NULL ? detail : "", hint != NULL ? "\n    " : "",
			  hint != NULL ? hint : "");
}

void pga_warn_of_findings(const struct pga_findings *findings, const char *subject)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->list[i].subject, subject) == 0)
			warn_of(&findings->list[i]);
}

void pga_warn_since(const struct pga_findings *findings, size_t before)
{
	for (size_t i = before; i < findings->count; i++)
		warn_of(&findings->list[i]);
	if (findings->failed)
		pga_print_warning("out of memory");
}
