#include "report/html.h"

#include "base/printable.h"
#include "report/html_style.h"

#include <stdbool.h>
#include <string.h>

void pga_html_text(struct pga_text *html, const char *text)
{
	struct pga_text printable = PGA_TEXT_EMPTY;

	pga_text_add_printable(&printable, text, "\n\t");
	for (const char *at = pga_text_string(&printable); *at != '\0'; at++) {
		switch (*at) {
		case '&':
			pga_text_add(html, "&amp;");
			break;
		case '<':
			pga_text_add(html, "&lt;");
			break;
		case '>':
			pga_text_add(html, "&gt;");
			break;
		case '"':
			pga_text_add(html, "&quot;");
			break;
		case '\'':
			pga_text_add(html, "&#39;");
			break;
		default:
			pga_text_add_bytes(html, at, 1);
		}
	}
	html->failed = html->failed || printable.failed;
	pga_text_free(&printable);
}

/* The policy of its content holds where a browser finds markup in what was meant as a text. */
void pga_html_begin(struct pga_text *html, const char *title)
{
	pga_text_add(html,
		     "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		     "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		     "<meta name=\"referrer\" content=\"no-referrer\">\n"
		     "<meta name=\"robots\" content=\"noindex\">\n<title>");
	pga_html_text(html, title);
	pga_text_add(html, "</title>\n<style>\n" PGA_HTML_STYLE "</style>\n</head>\n<body>\n");
}

void pga_html_end(struct pga_text *html)
{
	pga_text_add(html, "</body>\n</html>\n");
}

void pga_html_element(struct pga_text *html, const char *tag, const char *text)
{
	if (text == NULL)
		return;
	pga_text_addf(html, "<%s>", tag);
	pga_html_text(html, text);
	pga_text_addf(html, "</%.*s>", (int)strcspn(tag, " "), tag);
}

void pga_html_table(struct pga_text *html, const char *caption, const char *const *headings)
{
	pga_text_add(html, "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"");
	pga_html_text(html, caption);
	pga_text_add(html, "\">\n<table>\n");
	pga_html_element(html, "caption", caption);
	pga_text_add(html, "\n<thead><tr>");
	for (; *headings != NULL; headings++)
		pga_html_element(html, "th scope=\"col\"", *headings);
	pga_text_add(html, "</tr></thead>\n<tbody>\n");
}

static void begin_row(struct pga_text *html, const char *kind)
{
	if (kind != NULL)
		pga_text_addf(html, "<tr class=\"%s\">", kind);
	else
		pga_text_add(html, "<tr>");
}

/* A colour alone says nothing to whoever hears the page, or sees no red. */
static void add_kind(struct pga_text *html, const char *kind)
{
	if (kind != NULL)
		pga_text_addf(html, "<span class=\"mark\">%s: </span>", kind);
}

/* A word or two, or a moment, which is not broken into lines where it need not be. */
#define SHORT 20

static void add_cell(struct pga_text *html, const char *tag, const char *kind, const char *text)
{
	const bool is_short = text != NULL && text[0] != '\0' && strlen(text) <= SHORT;

	pga_text_addf(html, "<%s%s>", tag, is_short ? " class=\"short\"" : "");
	add_kind(html, kind);
	pga_html_text(html, text != NULL ? text : "");
	pga_text_addf(html, "</%.*s>", (int)strcspn(tag, " "), tag);
}

/* The cells behind the first, and the end of the row. */
static void end_row(struct pga_text *html, const char *const *cells, size_t count)
{
	for (size_t i = 1; i < count; i++)
		add_cell(html, "td", NULL, cells[i]);
	pga_text_add(html, "</tr>\n");
}

void pga_html_row(struct pga_text *html, const char *kind, const char *const *cells, size_t count)
{
	begin_row(html, kind);
	add_cell(html, "th scope=\"row\"", kind, cells[0]);
	end_row(html, cells, count);
}

void pga_html_linked_row(struct pga_text *html, const char *kind, const char *id,
			 const char *const *cells, size_t count)
{
	begin_row(html, kind);
	pga_text_add(html, "<th scope=\"row\">");
	add_kind(html, kind);
	pga_text_addf(html, "<a href=\"#%s\">", id);
	pga_html_text(html, cells[0]);
	pga_text_add(html, "</a></th>");
	end_row(html, cells, count);
}

void pga_html_table_end(struct pga_text *html)
{
	pga_text_add(html, "</tbody>\n</table>\n</div>\n");
}

void pga_html_terms(struct pga_text *html)
{
	pga_text_add(html, "<dl>\n");
}

void pga_html_term(struct pga_text *html, const char *term, const char *text)
{
	if (text == NULL)
		return;
	pga_html_element(html, "dt", term);
	pga_html_element(html, "dd", text);
	pga_text_add(html, "\n");
}

void pga_html_terms_end(struct pga_text *html)
{
	pga_text_add(html, "</dl>\n");
}
