#include "audit/html_tables.h"

#include "report/html.h"

#include <stdio.h>
#include <string.h>

/* A page is read by people: no table has more rows of sessions. */
#define MOST_SESSIONS 200

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void number(char cell[PGA_AUDIT_CELL], long value)
{
	(void)snprintf(cell, PGA_AUDIT_CELL, "%ld", value);
}

/* The class of a row: the weight of what was found of this object. NULL where nothing has to be
 * seen at once. */
static const char *kind_of(const struct pga_audit *audit, const char *subject, const char *object)
{
	enum pga_severity worst = PGA_SEVERITY_OK;

	for (size_t i = 0; i < audit->findings.count; i++) {
		const struct pga_finding *finding = &audit->findings.list[i];

		if (finding->severity > worst && finding->object != NULL &&
		    strcmp(finding->subject, subject) == 0 && strcmp(finding->object, object) == 0)
			worst = finding->severity;
	}
	return worst >= PGA_SEVERITY_WARNING ? pga_severity_word(worst) : NULL;
}

/* ---- the certificates ---- */

static void add_certificate(struct pga_text *html, const struct pga_audit_certificate *certificate)
{
	struct pga_text valid = PGA_TEXT_EMPTY;
	struct pga_text key = PGA_TEXT_EMPTY;

	pga_text_addf(&valid, "%.*s to %.*s", PGA_AUDIT_DAY, certificate->from, PGA_AUDIT_DAY,
		      certificate->to);
	pga_text_addf(&key, "%s, %s", certificate->key, certificate->signature);

	const char *const cells[] = {certificate->subject,  certificate->issuer,
				     certificate->names,    pga_text_string(&valid),
				     pga_text_string(&key), certificate->pin};

	pga_html_row(html, NULL, cells, COUNT(cells));
	html->failed = html->failed || valid.failed || key.failed;
	pga_text_free(&valid);
	pga_text_free(&key);
}

void pga_audit_html_chain(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {"Subject",        "Issuer",  "Names", "Valid",
					       "Key, signature", "SHA-256", NULL};

	if (audit->chain_length == 0)
		return;
	pga_html_element(html, "h3", "Certificates");
	pga_html_table(html, "As the server has shown them, its own first", headings);
	for (size_t i = 0; i < audit->chain_length; i++)
		add_certificate(html, &audit->chain[i]);
	pga_html_table_end(html);
}

/* ---- who calls it ---- */

static void add_caller(struct pga_text *html, const struct pga_audit *audit,
		       const struct pga_audit_caller *caller)
{
	const char *const cells[] = {caller->services, caller->host,
				     caller->verified ? "yes"
				     : caller->weak   ? "no, and the service does not ask"
						      : "no",
				     caller->anchor, caller->why};

	pga_html_row(html, kind_of(audit, PGA_AUDIT_CERT, caller->services), cells, COUNT(cells));
}

void pga_audit_html_callers(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {"Services", "Host",    "Verified",
					       "Anchor",   "Why not", NULL};

	if (audit->caller_count == 0)
		return;
	pga_html_element(html, "h3", "Services that lead to it");
	pga_html_table(html, "Of this machine; what each makes of the certificates above",
		       headings);
	for (size_t i = 0; i < audit->caller_count; i++)
		add_caller(html, audit, &audit->callers[i]);
	pga_html_table_end(html);
}

/* ---- the sessions ---- */

static bool is_plain(const struct pga_audit_session *session)
{
	return session->seen && !session->own && session->address[0] != '\0' && !session->tls &&
	       !session->gss;
}

size_t pga_audit_plain_sessions(const struct pga_audit *audit)
{
	size_t count = 0;

	for (size_t i = 0; i < audit->session_count; i++)
		count += is_plain(&audit->sessions[i]) ? 1 : 0;
	return count;
}

/* Nothing where there is no network between, or it is not known. */
static const char *encryption_of(const struct pga_audit_session *session)
{
	if (!session->seen)
		return "not seen";
	if (session->tls)
		return session->protocol;
	if (session->gss)
		return "GSSAPI";
	return session->address[0] != '\0' ? "none" : "Unix-domain socket";
}

static void add_session(struct pga_text *html, const struct pga_audit_session *session,
			const char *kind, const char *pid)
{
	const char *const cells[] = {session->user,    session->database,      session->application,
				     session->address, encryption_of(session), session->cipher,
				     session->kind,    session->since,         pid};

	pga_html_row(html, kind, cells, COUNT(cells));
}

/* Those of which something was found, or the others, as long as there is room. Returns how many of
 * them were added. */
static size_t add_sessions(struct pga_text *html, const struct pga_audit *audit, bool found,
			   size_t room)
{
	size_t added = 0;

	for (size_t i = 0; i < audit->session_count && added < room; i++) {
		char pid[PGA_AUDIT_CELL];
		const char *kind;

		number(pid, audit->sessions[i].pid);
		kind = kind_of(audit, PGA_AUDIT_SESSIONS, pid);
		if ((kind != NULL) != found)
			continue;
		add_session(html, &audit->sessions[i], kind, pid);
		added++;
	}
	return added;
}

void pga_audit_html_sessions(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {"User",         "Database", "Application", "Address",
					       "Encrypted by", "Cipher",   "Kind",        "Since",
					       "Process",      NULL};
	size_t shown;

	if (audit->session_count == 0)
		return;
	pga_html_element(html, "h3", "Sessions");
	pga_html_table(html, "Who was connected, the weak ones first", headings);
	shown = add_sessions(html, audit, true, MOST_SESSIONS);
	shown += add_sessions(html, audit, false, MOST_SESSIONS - shown);
	pga_html_table_end(html);
	if (audit->session_count > shown)
		pga_text_addf(html, "<p class=\"quiet\">%zu more are not listed.</p>\n",
			      audit->session_count - shown);
}

/* ---- what the server connects to ---- */

/* Each as a person would call it. */
static const char *way_of(enum pga_audit_way way)
{
	static const char *const ways[] = {[PGA_AUDIT_RECEIVER] = "Replication from the primary",
					   [PGA_AUDIT_SUBSCRIPTION] = "Subscription",
					   [PGA_AUDIT_MAPPING] =
					       "Foreign server, by a user mapping",
					   [PGA_AUDIT_FOREIGN] = "Foreign server",
					   [PGA_AUDIT_POOLED] = "Database of pgbouncer",
					   [PGA_AUDIT_DBLINK] = "dblink"};

	return ways[way];
}

static const char *verdict_of(const struct pga_audit_outward *outward)
{
	if (!outward->judged)
		return "not judged";
	return outward->allowed ? "verified" : "weak";
}

/* As heavy as what is found of it: one that is disabled connects to nothing yet. */
static const char *kind_of_outward(const struct pga_audit_outward *outward)
{
	if (outward->judged && outward->allowed)
		return NULL;
	return pga_severity_word(outward->judged && outward->enabled ? PGA_SEVERITY_ERROR
								     : PGA_SEVERITY_WARNING);
}

static void add_outward(struct pga_text *html, const struct pga_audit_outward *outward)
{
	struct pga_text what = PGA_TEXT_EMPTY;

	pga_text_addf(&what, "%s%s", way_of(outward->way), outward->enabled ? "" : ", disabled");

	const char *const cells[] = {outward->name, pga_text_string(&what), outward->database,
				     outward->user, outward->shown,         verdict_of(outward),
				     outward->why};

	pga_html_row(html, kind_of_outward(outward), cells, COUNT(cells));
	html->failed = html->failed || what.failed;
	pga_text_free(&what);
}

void pga_audit_html_outward(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {"Name",     "What",    "Database", "User",
					       "Settings", "Verdict", "Why",      NULL};

	if (audit->outward_count == 0)
		return;
	pga_html_element(html, "h3", "Connections that the server makes");
	pga_html_table(html,
		       "Judged by the policy, as a connection of this machine is; secrets are "
		       "masked",
		       headings);
	for (size_t i = 0; i < audit->outward_count; i++)
		add_outward(html, &audit->outward[i]);
	pga_html_table_end(html);
}

/* ---- pg_hba.conf ---- */

/* A rule is found by its place. */
static const char *kind_of_rule(const struct pga_audit *audit, const struct pga_audit_rule *rule)
{
	const char *file = rule->file[0] != '\0'        ? rule->file
			   : audit->hba_file[0] != '\0' ? audit->hba_file
							: "pg_hba.conf";
	struct pga_text place = PGA_TEXT_EMPTY;
	const char *kind;

	pga_text_addf(&place, "%s:%ld", file, rule->line);
	kind = kind_of(audit, PGA_AUDIT_RULES, pga_text_string(&place));
	pga_text_free(&place);
	return kind;
}

static void add_rule(struct pga_text *html, const struct pga_audit *audit,
		     const struct pga_audit_rule *rule)
{
	struct pga_text place = PGA_TEXT_EMPTY;

	if (rule->file[0] != '\0')
		pga_text_addf(&place, "%s, ", rule->file);
	pga_text_addf(&place, "line %ld", rule->line);

	const char *const cells[] = {pga_text_string(&place),
				     rule->type,
				     rule->databases,
				     rule->users,
				     rule->address,
				     rule->method,
				     rule->error[0] != '\0' ? rule->error : rule->options};

	pga_html_row(html, kind_of_rule(audit, rule), cells, COUNT(cells));
	html->failed = html->failed || place.failed;
	pga_text_free(&place);
}

void pga_audit_html_rules(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {"Where",   "Type",   "Databases", "Users",
					       "Address", "Method", "Options",   NULL};

	if (audit->rule_count == 0)
		return;
	pga_html_element(html, "h3", "Rules of pg_hba.conf");
	if (audit->hba_file[0] != '\0')
		pga_html_element(html, "p class=\"quiet\"", audit->hba_file);
	pga_html_table(html,
		       "As the file was on the disk, in its order: the first that fits decides",
		       headings);
	for (size_t i = 0; i < audit->rule_count; i++)
		add_rule(html, audit, &audit->rules[i]);
	pga_html_table_end(html);
}

/* ---- settings, and what was not seen ---- */

void pga_audit_html_settings(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {
	    "Setting", "Value", "Set by", "File", "Waits for a restart", NULL};

	if (audit->setting_count == 0)
		return;
	pga_html_element(html, "h3", "Settings");
	pga_html_table(html, "About TLS, passwords and listening", headings);
	for (size_t i = 0; i < audit->setting_count; i++) {
		const struct pga_audit_setting *setting = &audit->settings[i];
		const char *const cells[] = {setting->name, setting->value, setting->source,
					     setting->file, setting->pending ? "yes" : ""};

		pga_html_row(html, kind_of(audit, PGA_AUDIT_SETTINGS, setting->name), cells,
			     COUNT(cells));
	}
	pga_html_table_end(html);
}

void pga_audit_html_unseen(struct pga_text *html, const struct pga_audit *audit)
{
	static const char *const headings[] = {"What", "Why", "What grants it", NULL};

	if (audit->unseen_count == 0)
		return;
	pga_html_element(html, "h3", "Not seen");
	pga_html_table(html, "What could not be looked at: nothing is said of it here", headings);
	for (size_t i = 0; i < audit->unseen_count; i++) {
		const struct pga_audit_unseen *unseen = &audit->unseen[i];
		const char *const cells[] = {
		    unseen->what, unseen->why,
		    unseen->right[0] != '\0' ? unseen->right : "nothing that can be granted"};

		pga_html_row(html, "warning", cells, COUNT(cells));
	}
	pga_html_table_end(html);
}
