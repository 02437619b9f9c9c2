/* The parts of a server's section of the page that are tables: each adds one where there is
 * something to show, and nothing else. */
#ifndef PGA_AUDIT_HTML_TABLES_H
#define PGA_AUDIT_HTML_TABLES_H

#include "audit/audit.h"
#include "base/text.h"

enum {
	PGA_AUDIT_CELL = 32, /* room for a number, as text */
	PGA_AUDIT_DAY = 10,  /* what of a moment's text is its day */
};

/* Sessions over the network that nothing encrypts. */
size_t pga_audit_plain_sessions(const struct pga_audit *audit);

/* Each adds a part of a server's section, a heading and a table, and nothing where there is nothing
 * of it. Want of memory is remembered in the text. */
void pga_audit_html_chain(struct pga_text *html, const struct pga_audit *audit);
void pga_audit_html_callers(struct pga_text *html, const struct pga_audit *audit);
void pga_audit_html_sessions(struct pga_text *html, const struct pga_audit *audit);
void pga_audit_html_outward(struct pga_text *html, const struct pga_audit *audit);
void pga_audit_html_rules(struct pga_text *html, const struct pga_audit *audit);
void pga_audit_html_settings(struct pga_text *html, const struct pga_audit *audit);
void pga_audit_html_unseen(struct pga_text *html, const struct pga_audit *audit);

#endif
