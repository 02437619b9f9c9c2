/* Reports as one page of HTML, which needs nothing else: no script, no picture, no font, no
 * network. Each function adds to a text, in which running out of memory is remembered. */
#ifndef PGA_REPORT_HTML_H
#define PGA_REPORT_HTML_H

#include "base/text.h"

#include <stddef.h>

/* Begins a page with this title, which is what its window is called. */
void pga_html_begin(struct pga_text *html, const char *title);

/* Ends it. */
void pga_html_end(struct pga_text *html);

/* Adds a text of anybody's: what steers or is no UTF-8 as \xNN, and nothing of it is markup,
 * between tags and in a quoted attribute alike. Lines and tabs stay. */
void pga_html_text(struct pga_text *html, const char *text);

/* Adds an element around the text. tag is its name with attributes ("h2 id=\"findings\""), written
 * by us; NULL text adds nothing at all. */
void pga_html_element(struct pga_text *html, const char *tag, const char *text);

/* A table with a caption: a heading for each column, NULL behind the last; then rows, each of as
 * many cells as there are headings, the first of which heads its row; a NULL cell is empty. kind is
 * a word of ours for the row, its class, which is read out with it, or NULL. In a narrow window it
 * is scrolled by itself. */
void pga_html_table(struct pga_text *html, const char *caption, const char *const *headings);
void pga_html_row(struct pga_text *html, const char *kind, const char *const *cells, size_t count);

/* The same, with the first cell a link to the element of this page that has this id. */
void pga_html_linked_row(struct pga_text *html, const char *kind, const char *id,
			 const char *const *cells, size_t count);
void pga_html_table_end(struct pga_text *html);

/* A list of terms and what they are here: an entry is left out where its text is NULL. */
void pga_html_terms(struct pga_text *html);
void pga_html_term(struct pga_text *html, const char *term, const char *text);
void pga_html_terms_end(struct pga_text *html);

#endif
