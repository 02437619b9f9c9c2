#include "audit/html.h"

#include "audit/html_tables.h"
#include "report/html.h"
#include "report/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page is read by people: of no server more findings about sessions are told, one by one. */
#define MOST_OF_SESSIONS 200

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- findings ---- */

static const char *heading_of(enum pga_severity severity)
{
	static const char *const words[] = {[PGA_SEVERITY_OK] = "In order",
					    [PGA_SEVERITY_NOTE] = "Note",
					    [PGA_SEVERITY_WARNING] = "Warning",
					    [PGA_SEVERITY_ERROR] = "Error"};

	return words[severity];
}

/* What is found of a rule is said by its line, and the line that it should be. */
static void add_lines(struct pga_text *html, const struct pga_finding *finding)
{
	pga_html_element(html, "pre", finding->detail);
	if (finding->hint != NULL)
		pga_html_element(html, "p", "In its place:");
	pga_html_element(html, "pre", finding->hint);
}

static void add_words(struct pga_text *html, const struct pga_finding *finding)
{
	pga_html_element(html, "p", finding->detail);
	if (finding->hint == NULL)
		return;
	pga_text_add(html, "<p><strong>To do:</strong> ");
	pga_html_text(html, finding->hint);
	pga_text_add(html, "</p>");
}

static void add_finding(struct pga_text *html, const struct pga_finding *finding)
{
	const char *cis = pga_audit_cis(finding->id);

	pga_text_addf(html, "<article class=\"finding %s\">\n",
		      pga_severity_word(finding->severity));
	pga_html_element(html, "p class=\"kind\"", heading_of(finding->severity));
	pga_html_element(html, "h4", finding->message);
	if (pga_audit_is_of_lines(finding))
		add_lines(html, finding);
	else
		add_words(html, finding);
	pga_text_add(html, "<p class=\"quiet\">");
	pga_html_element(html, "code", pga_finding_word(finding->id));
	if (cis[0] != '\0') {
		pga_text_add(html, " &middot; ");
		pga_html_text(html, cis);
	}
	pga_text_add(html, "</p>\n</article>\n");
}

/* What was not seen has a table of its own. */
static bool is_told(const struct pga_finding *finding, enum pga_severity severity)
{
	return finding->severity == severity && strcmp(finding->subject, PGA_AUDIT_UNSEEN) != 0;
}

/* The heaviest first. */
static void add_findings(struct pga_text *html, const struct pga_audit *audit)
{
	size_t of_sessions = 0;

	if (audit->findings.count > 0)
		pga_html_element(html, "h3", "Findings");
	for (int severity = PGA_SEVERITY_ERROR; severity >= PGA_SEVERITY_OK; severity--)
		for (size_t i = 0; i < audit->findings.count; i++) {
			const struct pga_finding *finding = &audit->findings.list[i];

			if (!is_told(finding, (enum pga_severity)severity))
				continue;
			if (strcmp(finding->subject, PGA_AUDIT_SESSIONS) != 0 ||
			    of_sessions++ < MOST_OF_SESSIONS)
				add_finding(html, finding);
		}
	if (of_sessions > MOST_OF_SESSIONS)
		pga_text_addf(
		    html,
		    "<p class=\"quiet\">%zu more findings about sessions are counted, and "
		    "not listed.</p>\n",
		    of_sessions - MOST_OF_SESSIONS);
}

/* ---- who the server is ---- */

/* NULL for an empty text: its term is left out. */
static const char *known(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static const char *rights_of(const struct pga_audit *audit)
{
	if (audit->superuser)
		return "superuser";
	return audit->monitor ? "member of pg_monitor" : "neither superuser nor pg_monitor";
}

static void add_term(struct pga_text *html, const char *term, const char *format, const char *one,
		     const char *two)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	for (; *format != '\0'; format++) {
		if (*format == '1')
			pga_text_add(&text, one);
		else if (*format == '2')
			pga_text_add(&text, two);
		else
			pga_text_add_bytes(&text, format, 1);
	}
	pga_html_term(html, term, pga_text_string(&text));
	html->failed = html->failed || text.failed;
	pga_text_free(&text);
}

static void add_identity(struct pga_text *html, const struct pga_audit *audit)
{
	char now[PGA_MOMENT];

	pga_moment(audit->now, true, now);
	pga_html_terms(html);
	add_term(html, "Server", "1, port 2", audit->host, audit->port);
	pga_html_term(html, "Its address", known(audit->address));
	pga_html_term(html, "PostgreSQL", known(audit->release));
	pga_html_term(html, "Role", audit->standby ? "standby" : "primary");
	pga_html_term(html, "Cluster name", known(audit->cluster));
	pga_html_term(html, "Data directory", known(audit->data));
	if (audit->protocol[0] != '\0')
		add_term(html, "Session of the audit", "1, 2", audit->protocol, audit->cipher);
	pga_html_term(html, "Root", known(audit->root));
	pga_html_term(html, "Root's SHA-256", known(audit->root_pin));
	if (audit->root[0] != '\0')
		pga_html_term(html, "Pinned as",
			      known(audit->anchor) != NULL ? audit->anchor : "not pinned");
	add_term(html, "Asked by", "1 (2)", audit->user, rights_of(audit));
	pga_html_term(html, "Looked at", now);
	pga_html_terms_end(html);
}

static void add_md5_roles(struct pga_text *html, const struct pga_audit *audit)
{
	if (audit->md5_role_count == 0)
		return;
	pga_html_element(html, "h3", "Passwords stored as MD5");
	pga_text_add(html, "<ul>\n");
	for (size_t i = 0; i < audit->md5_role_count; i++)
		pga_html_element(html, "li", audit->md5_roles[i]);
	pga_text_add(html, "</ul>\n");
}

static void add_server(struct pga_text *html, const char *id, const struct pga_audit *audit)
{
	pga_text_addf(html, "<section class=\"server\" aria-labelledby=\"%s\">\n<h2 id=\"%s\">", id,
		      id);
	pga_html_text(html, audit->service);
	pga_text_add(html, "</h2>\n");
	if (audit->connected && !audit->pooler)
		add_identity(html, audit);
	add_findings(html, audit);
	if (audit->connected) {
		pga_audit_html_unseen(html, audit);
		pga_audit_html_chain(html, audit);
		pga_audit_html_callers(html, audit);
		pga_audit_html_sessions(html, audit);
		pga_audit_html_outward(html, audit);
		pga_audit_html_rules(html, audit);
		add_md5_roles(html, audit);
		pga_audit_html_settings(html, audit);
	}
	pga_text_add(html, "</section>\n");
}

/* ---- the summary ---- */

static size_t count_of(const struct pga_audit *audit, enum pga_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < audit->findings.count; i++)
		count += is_told(&audit->findings.list[i], severity) ? 1 : 0;
	return count;
}

static const char *kind_of(const struct pga_audit *audit)
{
	const enum pga_severity worst = pga_findings_worst(&audit->findings);

	if (worst == PGA_SEVERITY_ERROR)
		return "error";
	return worst == PGA_SEVERITY_WARNING ? "warning" : NULL;
}

static void add_summary(struct pga_text *html, const char *id, const struct pga_audit *audit)
{
	char errors[PGA_AUDIT_CELL];
	char warnings[PGA_AUDIT_CELL];
	char plain[PGA_AUDIT_CELL];
	char unseen[PGA_AUDIT_CELL];
	char ends[PGA_AUDIT_DAY + 1] = "";
	const char *const cells[] = {audit->service,
				     audit->connected ? audit->release : "not audited",
				     errors,
				     warnings,
				     audit->connected ? plain : "",
				     audit->connected ? unseen : "",
				     ends};

	if (audit->chain_length > 0)
		(void)snprintf(ends, sizeof ends, "%.*s", PGA_AUDIT_DAY, audit->chain[0].to);
	(void)snprintf(errors, sizeof errors, "%zu", count_of(audit, PGA_SEVERITY_ERROR));
	(void)snprintf(warnings, sizeof warnings, "%zu", count_of(audit, PGA_SEVERITY_WARNING));
	(void)snprintf(plain, sizeof plain, "%zu", pga_audit_plain_sessions(audit));
	(void)snprintf(unseen, sizeof unseen, "%zu", audit->unseen_count);
	pga_html_linked_row(html, kind_of(audit), id, cells, COUNT(cells));
}

void pga_audit_page_add(struct pga_audit_page *page, const struct pga_audit *audit)
{
	char id[PGA_AUDIT_CELL];

	(void)snprintf(id, sizeof id, "server-%zu", ++page->count);
	for (int severity = PGA_SEVERITY_OK; severity <= PGA_SEVERITY_ERROR; severity++)
		page->of[severity] += count_of(audit, (enum pga_severity)severity);
	page->not_audited += audit->connected ? 0 : 1;
	page->unseen += audit->unseen_count;
	add_summary(&page->summary, id, audit);
	add_server(&page->servers, id, audit);
	page->failed = page->failed || audit->failed || audit->findings.failed ||
		       page->summary.failed || page->servers.failed;
}

/* ---- the page ---- */

static void add_tally(struct pga_text *html, const char *kind, size_t count, const char *one,
		      const char *several)
{
	pga_text_addf(html, "<li class=\"%s\"><b>%zu</b> %s</li>\n", kind, count,
		      count == 1 ? one : several);
}

static void add_tallies(struct pga_text *html, const struct pga_audit_page *page)
{
	pga_text_add(html, "<ul class=\"tally\">\n");
	add_tally(html, "error", page->of[PGA_SEVERITY_ERROR], "error", "errors");
	add_tally(html, "warning", page->of[PGA_SEVERITY_WARNING], "warning", "warnings");
	add_tally(html, "note", page->of[PGA_SEVERITY_NOTE], "note", "notes");
	add_tally(html, "quiet", page->unseen, "thing not seen", "things not seen");
	if (page->not_audited > 0)
		add_tally(html, "error", page->not_audited, "server not audited",
			  "servers not audited");
	pga_text_add(html, "</ul>\n");
}

static void add_header(struct pga_text *html, const struct pga_audit_page *page,
		       const char *version, const char *moment)
{
	pga_text_add(html, "<a class=\"skip\" href=\"#server-1\">To the first server</a>\n"
			   "<main>\n<header>\n<h1>PostgreSQL TLS audit</h1>\n<p class=\"quiet\">");
	pga_text_addf(html, "%zu server%s, <time datetime=\"%s\">%s</time>, by pganchor ",
		      page->count, page->count == 1 ? "" : "s", moment, moment);
	pga_html_text(html, version);
	pga_text_add(html, "</p>\n</header>\n");
}

/* What a reader of another report may wonder at. */
static void add_footer(struct pga_text *html)
{
	pga_text_add(
	    html,
	    "<footer>\n<h2>How to read it</h2>\n"
	    "<p>Each server was asked over a connection that the policy allows, and as it was at "
	    "that moment: sessions come and go. What could not be looked at is listed as not seen, "
	    "and is neither good nor bad.</p>\n"
	    "<p>Items named &ldquo;CIS&rdquo; are those of the CIS PostgreSQL Benchmark. Item 7.5 "
	    "asks for <code>sslmode=require</code> in a standby&rsquo;s connection. "
	    "<code>verify-full</code> asks for all of that and verifies in addition whose the "
	    "server is, so it passes here; <code>require</code> alone, which verifies nothing, "
	    "does "
	    "not. An auditor that compares the word counts it the other way round.</p>\n"
	    "</footer>\n");
}

char *pga_audit_page_text(const struct pga_audit_page *page, const char *version, time_t now)
{
	static const char *const headings[] = {
	    "Server",   "PostgreSQL",       "Errors", "Warnings", "Sessions without encryption",
	    "Not seen", "Certificate ends", NULL};
	struct pga_text html = PGA_TEXT_EMPTY;
	char moment[PGA_MOMENT];

	pga_moment(now, true, moment);
	pga_html_begin(&html, "PostgreSQL TLS audit");
	add_header(&html, page, version, moment);
	pga_html_element(&html, "h2", "Summary");
	add_tallies(&html, page);
	pga_html_table(&html, "The servers that were asked", headings);
	pga_text_add(&html, pga_text_string(&page->summary));
	pga_html_table_end(&html);
	pga_text_add(&html, pga_text_string(&page->servers));
	add_footer(&html);
	pga_text_add(&html, "</main>\n");
	pga_html_end(&html);
	html.failed = html.failed || page->failed;
	return pga_text_take(&html);
}

void pga_audit_page_free(struct pga_audit_page *page)
{
	pga_text_free(&page->summary);
	pga_text_free(&page->servers);
	memset(page, 0, sizeof *page);
}
