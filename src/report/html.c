#include "report/html.h"

#include "base/printable.h"
#include "report/html_style.h"

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
	pga_text_add(html, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
	pga_html_text(html, caption);
	pga_text_add(html, "\">\n<table>\n");
	pga_html_element(html, "caption", caption);
	pga_text_add(html, "\n<thead><tr>");
	for (; *headings != NULL; headings++)
		pga_html_element(html, "th scope=\"col\"", *headings);
	pga_text_add(html, "</tr></thead>\n<tbody>\n");
}

void pga_html_row(struct pga_text *html, const char *kind, const char *const *cells, size_t count)
{
	if (kind != NULL)
		pga_text_addf(html, "<tr class=\"%s\">", kind);
	else
		pga_text_add(html, "<tr>");
	for (size_t i = 0; i < count; i++)
		pga_html_element(html, i == 0 ? "th scope=\"row\"" : "td",
				 cells[i] != NULL ? cells[i] : "");
	pga_text_add(html, "</tr>\n");
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
