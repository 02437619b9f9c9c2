/* Rules of pg_hba.conf that let somebody in who should not come in so. */
#include "audit/address.h"
#include "audit/collect.h"
#include "audit/judge.h"

#include <string.h>

static bool is(const char *text, const char *word)
{
	return strcmp(text, word) == 0;
}

/* Whether the rule is for connections without TLS; with it; by GSSAPI encryption. */
static bool takes_plain(const struct pga_audit_rule *rule)
{
	return is(rule->type, "host") || is(rule->type, "hostnossl") ||
	       is(rule->type, "hostnogssenc");
}

static bool takes_tls(const struct pga_audit_rule *rule)
{
	return is(rule->type, "host") || is(rule->type, "hostssl") ||
	       is(rule->type, "hostnogssenc");
}

static bool takes_gss(const struct pga_audit_rule *rule)
{
	return is(rule->type, "host") || is(rule->type, "hostgssenc") ||
	       is(rule->type, "hostnossl");
}

/* The length of the first word of a list, in quotes or not. */
static size_t word_length(const char *list)
{
	bool quoted = false;
	size_t length = 0;

	for (; list[length] != '\0' && (quoted || list[length] != ','); length++)
		quoted = quoted != (list[length] == '"');
	return length;
}

/* What is compared for one server at most, in bytes, about: some 2000 rules. Who has more of them,
 * or lists without an end, is not waited for. */
#define MOST_COMPARED 100000000
#define OF_EACH_RULE  16

struct judging {
	struct pga_audit *audit;
	size_t left; /* to be compared */
};

static void spend(struct judging *judging, size_t amount)
{
	judging->left -= amount < judging->left ? amount : judging->left;
}

static bool has_word(struct judging *judging, const char *list, const char *word, size_t length)
{
	while (*list != '\0' && judging->left > 0) {
		const size_t first = word_length(list);

		spend(judging, first + 1);
		if (first == length && strncmp(list, word, length) == 0)
			return true;
		list += first + (list[first] == ',');
	}
	return false;
}

/* Whether one list of names has all of the other's. Of groups and patterns only the very same are
 * known to be. */
static bool names_cover(struct judging *judging, const char *earlier, const char *later,
			bool databases)
{
	const bool all = has_word(judging, earlier, "all", strlen("all"));

	while (*later != '\0') {
		const size_t length = word_length(later);
		const bool other = databases && length == strlen("replication") &&
				   strncmp(later, "replication", length) == 0;

		spend(judging, length + 1);
		if (judging->left == 0 ||
		    (!(all && !other) && !has_word(judging, earlier, later, length)))
			return false;
		later += length + (later[length] == ',');
	}
	return true;
}

static bool takes_local(const struct pga_audit_rule *rule)
{
	return is(rule->type, "local");
}

/* Whether every client that the later one is for, and comes so, has met the earlier one before. */
static bool covers(struct judging *judging, const struct pga_audit_rule *earlier,
		   const struct pga_audit_rule *later)
{
	return pga_audit_address_covers(earlier->address, later->address) &&
	       names_cover(judging, earlier->databases, later->databases, true) &&
	       names_cover(judging, earlier->users, later->users, false);
}

static const struct pga_audit_rule *covering(struct judging *judging, size_t index,
					     bool (*takes)(const struct pga_audit_rule *rule))
{
	const struct pga_audit_rule *rules = judging->audit->rules;

	for (size_t i = 0; i < index && judging->left > 0; i++) {
		spend(judging, OF_EACH_RULE);
		if (takes(&rules[i]) && covers(judging, &rules[i], &rules[index]))
			return &rules[i];
	}
	return NULL;
}

/* The first rule by which nobody gets as far as this one, however they come; NULL: somebody does.
 */
static const struct pga_audit_rule *shadow_of(struct judging *judging, size_t index)
{
	static bool (*const ways[])(const struct pga_audit_rule *) = {takes_plain, takes_tls,
								      takes_gss, takes_local};
	const struct pga_audit_rule *rule = &judging->audit->rules[index];
	const struct pga_audit_rule *shadow = NULL;

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		if (!ways[i](rule))
			continue;
		shadow = covering(judging, index, ways[i]);
		if (shadow == NULL)
			return NULL;
	}
	return shadow;
}

/* "/etc/postgresql/15/main/pg_hba.conf:12", and without a name "pg_hba.conf:12" */
static const char *file_of(const struct pga_audit *audit, const struct pga_audit_rule *rule)
{
	if (rule->file[0] != '\0')
		return rule->file;
	return audit->hba_file[0] != '\0' ? audit->hba_file : "pg_hba.conf";
}

/* The length of the first of a rule's options, of which a part may be in quotes. */
static size_t option_length(const char *options)
{
	bool quoted = false;
	size_t length = 0;

	for (; options[length] != '\0' && (quoted || options[length] != ' '); length++)
		quoted = quoted != (options[length] == '"');
	return length;
}

static bool begins(const char *option, const char *with)
{
	return strncmp(option, with, strlen(with)) == 0;
}

/* Others are refused beside another method, and with them the file (parse_hba_auth_opt(), 15 to
 * 19). */
static bool is_of_any_method(const char *option)
{
	return begins(option, "clientcert=") || begins(option, "clientname=");
}

/* Whether clients show a certificate that is for the role, as by the method cert. */
static bool has_certificate(const struct pga_audit_rule *rule)
{
	for (const char *at = rule->options; *at != '\0'; at += strspn(at, " ")) {
		if (begins(at, "clientcert=verify-full") && is(rule->type, "hostssl"))
			return true;
		at += option_length(at);
	}
	return false;
}

static void add_line(struct pga_text *line, const struct pga_audit_rule *rule, const char *type,
		     const char *method)
{
	pga_text_addf(line, "%s %s %s%s%s %s", type, rule->databases, rule->users,
		      rule->address[0] != '\0' ? " " : "", rule->address, method);
	for (const char *at = rule->options; *at != '\0'; at += strspn(at, " ")) {
		const size_t length = option_length(at);

		if (is(rule->method, method) || is_of_any_method(at)) {
			pga_text_add(line, " ");
			pga_text_add_bytes(line, at, length);
		}
		at += length;
	}
}

/* A finding about a rule, with the line as it is, and as it should be (NULL: nothing to correct).
 */
static void add(struct pga_audit *audit, const struct pga_audit_rule *rule, enum pga_finding_id id,
		enum pga_severity severity, const char *what, const char *type, const char *method)
{
	struct pga_findings *findings = &audit->findings;
	struct pga_text line = PGA_TEXT_EMPTY;
	struct pga_text corrected = PGA_TEXT_EMPTY;

	add_line(&line, rule, rule->type, rule->method);
	pga_findings_add(findings, id, severity, PGA_AUDIT_RULES, "%s:%ld: %s",
			 file_of(audit, rule), rule->line, what);
	pga_findings_object(findings, "%s:%ld", file_of(audit, rule), rule->line);
	pga_findings_detail(findings, "%s", pga_text_string(&line));
	if (type != NULL) {
		add_line(&corrected, rule, type, method);
		pga_findings_hint(findings, "%s", pga_text_string(&corrected));
	}
	audit->failed = audit->failed || line.failed || corrected.failed;
	pga_text_free(&line);
	pga_text_free(&corrected);
}

static void add_shadowed(struct pga_audit *audit, const struct pga_audit_rule *rule,
			 const struct pga_audit_rule *shadow)
{
	struct pga_text what = PGA_TEXT_EMPTY;

	/* "all" in quotes is a database of that name, which the view does not tell. */
	pga_text_add(&what, "nobody seems to get to this rule: ");
	if (!is(shadow->file, rule->file))
		pga_text_addf(&what, "%s:", file_of(audit, shadow));
	else
		pga_text_add(&what, "line ");
	pga_text_addf(&what, "%ld is before it", shadow->line);
	add(audit, rule, PGA_RULE_SHADOWED, PGA_SEVERITY_NOTE, pga_text_string(&what), NULL, NULL);
	audit->failed = audit->failed || what.failed;
	pga_text_free(&what);
}

/* Methods by which the server is told the password itself, and asks somebody else. */
static bool hands_on(const char *method)
{
	return is(method, "ldap") || is(method, "radius") || is(method, "pam") || is(method, "bsd");
}

static const char *stronger(const char *method)
{
	return is(method, "trust") || is(method, "password") || is(method, "md5") ||
		       is(method, "ident")
		   ? "scram-sha-256"
		   : method;
}

static void judge_method(struct pga_audit *audit, const struct pga_audit_rule *rule, bool plain)
{
	const char *type = plain ? "hostssl" : rule->type;
	const char *better = stronger(rule->method);

	if (is(rule->method, "trust") && has_certificate(rule))
		return;
	if (is(rule->method, "trust"))
		add(audit, rule, PGA_RULE_TRUST, PGA_SEVERITY_ERROR,
		    "anybody who reaches the server is whoever they say", type, better);
	else if (is(rule->method, "ident"))
		add(audit, rule, PGA_RULE_TRUST, PGA_SEVERITY_ERROR,
		    "the client's own machine is asked who somebody is, without encryption", type,
		    better);
	else if (is(rule->method, "password"))
		add(audit, rule, PGA_RULE_WEAK_PASSWORD,
		    plain ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING,
		    plain ? "the password is sent as it is, also without encryption"
			  : "the server is told the password itself",
		    type, better);
	else if (hands_on(rule->method) && plain)
		add(audit, rule, PGA_RULE_WEAK_PASSWORD, PGA_SEVERITY_ERROR,
		    "the password is sent as it is, also without encryption", type, better);
	else if (is(rule->method, "md5"))
		add(audit, rule, PGA_RULE_WEAK_PASSWORD, PGA_SEVERITY_WARNING,
		    "passwords that are stored as MD5 go by MD5, which can be guessed from what is "
		    "heard",
		    type, better);
}

static void judge(struct judging *judging, size_t index)
{
	struct pga_audit *audit = judging->audit;
	const struct pga_audit_rule *rule = &audit->rules[index];
	const struct pga_audit_rule *shadow = shadow_of(judging, index);
	const bool plain = takes_plain(rule) && covering(judging, index, takes_plain) == NULL;

	if (shadow != NULL) {
		add_shadowed(audit, rule, shadow);
		return;
	}
	if (!rule->remote && is(rule->method, "trust"))
		add(audit, rule, PGA_RULE_LOCAL_TRUST, PGA_SEVERITY_WARNING,
		    "anybody on the server's machine is whoever they say", rule->type,
		    is(rule->type, "local") ? "peer" : "scram-sha-256");
	if (is(rule->method, "reject") || !rule->remote)
		return;
	if (plain)
		add(audit, rule, PGA_RULE_WITHOUT_TLS, PGA_SEVERITY_ERROR,
		    "lets clients in without TLS", "hostssl", stronger(rule->method));
	if (is(rule->type, "hostgssenc"))
		add(audit, rule, PGA_RULE_GSS, PGA_SEVERITY_NOTE,
		    "lets clients in by GSSAPI encryption, which is not TLS: no certificate is "
		    "looked at",
		    NULL, NULL);
	judge_method(audit, rule, plain);
}

/* With ssl off the view says so of every hostssl line, and the server loads them all the same. */
static bool is_of_ssl_off(const struct pga_audit_rule *rule)
{
	return strstr(rule->error, "hostssl") != NULL && strstr(rule->error, "ssl") != NULL &&
	       rule->type[0] != '\0';
}

void pga_audit_judge_rules(struct pga_audit *audit)
{
	struct pga_findings *findings = &audit->findings;
	struct judging judging = {audit, MOST_COMPARED};

	for (size_t i = 0; i < audit->rule_count; i++) {
		const struct pga_audit_rule *rule = &audit->rules[i];

		if (rule->type[0] != '\0')
			judge(&judging, i);
		/* Of some that it cannot read, the view says nothing at all: only the log does. */
		if (rule->type[0] != '\0' && (rule->error[0] == '\0' || is_of_ssl_off(rule)))
			continue;
		pga_findings_add(findings, PGA_RULE_ERROR, PGA_SEVERITY_ERROR, PGA_AUDIT_RULES,
				 "%s:%ld: this line has an error: the server goes on with all of "
				 "its old rules, and does not start again",
				 file_of(audit, rule), rule->line);
		pga_findings_object(findings, "%s:%ld", file_of(audit, rule), rule->line);
		pga_findings_detail(findings, "%s",
				    rule->error[0] != '\0' ? rule->error
							   : "the server's log says which");
	}
	if (judging.left == 0)
		pga_audit_not_seen(audit, "all of the rules that nobody gets to",
				   "there are too many to compare them", "");
}
