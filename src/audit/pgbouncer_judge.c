#include "audit/pgbouncer.h"

#include "audit/ciphers.h"
#include "audit/collect.h"
#include "audit/judge.h"
#include "base/shell_word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* The names of so many databases are told. */
#define MOST_NAMES 5

static bool is(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key,
	       const char *value)
{
	return strcasecmp(pga_pgbouncer_value(judging->ini, key), value) == 0;
}

static bool is_set(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key)
{
	return pga_pgbouncer_value(judging->ini, key)[0] != '\0';
}

/* Where a setting stands, or would have to. */
static struct pga_pgbouncer_place place_of(const struct pga_pgbouncer *ini,
					   enum pga_pgbouncer_key key)
{
	if (ini->set[key].value != NULL)
		return ini->set[key].at;
	if (ini->section.line > 0)
		return ini->section;
	return (struct pga_pgbouncer_place){ini->files[0], 1};
}

/* A finding about a setting, with its line as it is and, but for NULL, as it should be. */
static void find(const struct pga_pgbouncer_judging *judging, enum pga_finding_id id,
		 enum pga_severity severity, enum pga_pgbouncer_key key, const char *better,
		 const char *what)
{
	struct pga_findings *findings = &judging->audit->findings;
	const char *name = pga_pgbouncer_keys[key];
	const struct pga_pgbouncer_place place = place_of(judging->ini, key);

	pga_pgbouncer_find(judging->audit, id, severity, &place, what);
	if (judging->ini->set[key].value != NULL)
		pga_findings_detail(findings, "%s = %s", name, judging->ini->set[key].value);
	else if (key == PGA_PGBOUNCER_SERVER_SSLMODE)
		pga_findings_detail(findings,
				    "%s is left out: prefer; before pgbouncer 1.20, disable", name);
	else
		pga_findings_detail(findings, "%s is left out: %s", name,
				    pga_pgbouncer_value(judging->ini, key));
	if (better != NULL)
		pga_findings_hint(findings, "%s = %s", name, better);
}

/* ---- what it connects to ---- */

static char *said(struct pga_audit *audit, const char *keyword, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "%s=%s", keyword, value) < 0) {
		audit->failed = true;
		return NULL;
	}
	return text;
}

/* In libpq's words, by which the gate judges. Returns whether it would let it through. */
static bool judge_database(const struct pga_pgbouncer_judging *judging,
			   const struct pga_pgbouncer_database *database)
{
	struct pga_audit *audit = judging->audit;
	const char *ca = pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_SERVER_CA_FILE);
	const struct {
		const char *keyword;
		const char *value;
	} words[] = {
	    {"host", database->host},
	    {"port", database->port},
	    {"dbname", database->dbname},
	    {"user", database->user},
	    {"sslmode", pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_SERVER_SSLMODE)},
	    {"sslrootcert", ca[0] != '\0' ? ca : NULL},
	    /* It knows no GSSAPI. */
	    {"gssencmode", "disable"},
	};
	char *settings[sizeof words / sizeof words[0] + 1] = {NULL};
	struct pga_audit_outward *outward =
	    pga_audit_grow(audit, &audit->outward, &audit->outward_count, sizeof *outward);
	size_t count = 0;

	if (outward == NULL)
		return true;
	outward->way = PGA_AUDIT_POOLED;
	outward->enabled = true;
	outward->name = pga_audit_copy(audit, database->name);
	outward->database =
	    pga_audit_copy(audit, database->dbname != NULL ? database->dbname : database->name);
	outward->user = pga_audit_copy(audit, database->user != NULL ? database->user : "");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		settings[count] =
		    words[i].value != NULL ? said(audit, words[i].keyword, words[i].value) : NULL;
		count += settings[count] != NULL ? 1 : 0;
	}
	pga_audit_judge_settings_of(audit, outward, (const char *const *)settings, judging->policy);
	for (size_t i = 0; i < count; i++)
		free(settings[i]);
	return !outward->judged || outward->allowed;
}

static void add_name(struct pga_text *names, size_t *count, const char *name)
{
	if ((*count)++ < MOST_NAMES) {
		pga_text_add(names, names->length > 0 ? ", " : "");
		pga_text_add_shortened(names, name, 63);
	}
}

/* What comes before the names of the databases that the gate would refuse. */
static const char *weakness_of(const struct pga_pgbouncer_judging *judging)
{
	if (is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-full"))
		return "the policy refuses such connections to the servers of";
	if (is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-ca"))
		return "any certificate of the CA will do for the servers of";
	return "pgbouncer does not verify the servers of";
}

/* Its mode is for all databases: one finding. */
static void judge_databases(const struct pga_pgbouncer_judging *judging)
{
	const struct pga_pgbouncer *ini = judging->ini;
	const bool full = is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-full");
	struct pga_text names = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;
	size_t weak = 0;

	for (size_t i = 0; i < ini->database_count && !judging->audit->failed; i++)
		if (!judge_database(judging, &ini->databases[i]))
			add_name(&names, &weak, ini->databases[i].name);
	if (weak > 0) {
		pga_text_addf(&what, "%s %s", weakness_of(judging), pga_text_string(&names));
		if (weak > MOST_NAMES)
			pga_text_addf(&what, " and %zu more", weak - MOST_NAMES);
		find(judging, PGA_POOLER_SERVER_NOT_VERIFIED, PGA_SEVERITY_ERROR,
		     PGA_PGBOUNCER_SERVER_SSLMODE, full ? NULL : "verify-full",
		     pga_text_string(&what));
	}
	judging->audit->failed = judging->audit->failed || names.failed || what.failed;
	pga_text_free(&names);
	pga_text_free(&what);
}

static bool verifies(const struct pga_pgbouncer_judging *judging)
{
	return is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-ca") ||
	       is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "verify-full");
}

static void judge_server_side(const struct pga_pgbouncer_judging *judging)
{
	judge_databases(judging);
	if (verifies(judging) && !is_set(judging, PGA_PGBOUNCER_SERVER_CA_FILE))
		find(judging, PGA_POOLER_ANY_CA,
		     judging->policy->public_ca == PGA_REFUSE ? PGA_SEVERITY_ERROR
							      : PGA_SEVERITY_WARNING,
		     PGA_PGBOUNCER_SERVER_CA_FILE, "FILE",
		     "every CA that this machine trusts vouches for the servers");
}

/* ---- who connects to it ---- */

static bool is_of_this_machine(const char *address, size_t length)
{
	return (length == 9 && strncasecmp(address, "localhost", length) == 0) ||
	       (length == 3 && memcmp(address, "::1", length) == 0) ||
	       (length > 4 && memcmp(address, "127.", 4) == 0);
}

/* With nothing said, it listens at its Unix-domain socket alone. */
static bool listens_to_others(const struct pga_pgbouncer_judging *judging)
{
	const char *at = pga_pgbouncer_value(judging->ini, PGA_PGBOUNCER_LISTEN_ADDR);

	while (*(at += strspn(at, ", \t")) != '\0') {
		const size_t length = strcspn(at, ", \t");

		if (!is_of_this_machine(at, length))
			return true;
		at += length;
	}
	return false;
}

static bool lets_plain_in(const struct pga_pgbouncer_judging *judging)
{
	if (!judging->remote || is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "require") ||
	    is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "verify-ca") ||
	    is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "verify-full"))
		return false;
	return !judging->has_rules || pga_pgbouncer_rules_let_plain_in(judging);
}

static void judge_login(const struct pga_pgbouncer_judging *judging)
{
	const enum pga_severity told = judging->plain ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING;

	if (is(judging, PGA_PGBOUNCER_AUTH_TYPE, "any") ||
	    is(judging, PGA_PGBOUNCER_AUTH_TYPE, "trust"))
		find(judging, PGA_POOLER_TRUST, PGA_SEVERITY_ERROR, PGA_PGBOUNCER_AUTH_TYPE,
		     "scram-sha-256", "anybody who reaches pgbouncer is whoever they say");
	else if (is(judging, PGA_PGBOUNCER_AUTH_TYPE, "plain"))
		find(judging, PGA_POOLER_WEAK_PASSWORD, told, PGA_PGBOUNCER_AUTH_TYPE,
		     "scram-sha-256", "the client sends the password itself");
	else if (judging->plain && (is(judging, PGA_PGBOUNCER_AUTH_TYPE, "pam") ||
				    is(judging, PGA_PGBOUNCER_AUTH_TYPE, "ldap")))
		find(judging, PGA_POOLER_WEAK_PASSWORD, told, PGA_PGBOUNCER_AUTH_TYPE, NULL,
		     "the client sends the password itself, also without encryption");
	else if (is(judging, PGA_PGBOUNCER_AUTH_TYPE, "md5"))
		find(judging, PGA_POOLER_WEAK_PASSWORD, PGA_SEVERITY_WARNING,
		     PGA_PGBOUNCER_AUTH_TYPE, "scram-sha-256",
		     "passwords that are not stored as SCRAM go by MD5, which can be guessed from "
		     "what is heard");
	else if (is(judging, PGA_PGBOUNCER_AUTH_TYPE, "hba"))
		pga_pgbouncer_judge_rules(judging);
}

static void judge_client_side(const struct pga_pgbouncer_judging *judging)
{
	if (!judging->remote)
		return;
	if (judging->plain)
		find(judging, PGA_POOLER_WITHOUT_TLS, PGA_SEVERITY_ERROR,
		     PGA_PGBOUNCER_CLIENT_SSLMODE, "require",
		     is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "disable")
			 ? "no client has TLS"
			 : "clients get in without TLS");
	judge_login(judging);
}

/* ---- TLS of either side ---- */

/* As its libtls does; what that does not know, it refuses. */
static bool lets_old_tls_in(const char *protocols)
{
	bool let_in = false;

	while (*(protocols += strspn(protocols, ",: \t")) != '\0') {
		const size_t length = strcspn(protocols, ",: \t");
		const bool without = protocols[0] == '!';
		static const char *const old[] = {"all", "legacy", "tlsv1", "tlsv1.0", "tlsv1.1"};

		for (size_t i = 0; i < sizeof old / sizeof old[0] && !without; i++)
			let_in = let_in || (strlen(old[i]) == length &&
					    strncasecmp(old[i], protocols, length) == 0);
		protocols += length;
	}
	return let_in;
}

static void judge_protocols(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key)
{
	if (lets_old_tls_in(pga_pgbouncer_value(judging->ini, key)))
		find(judging, PGA_POOLER_TLS_OLD, PGA_SEVERITY_ERROR, key, "secure",
		     "TLS older than 1.2 is let in");
}

static void judge_ciphers(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key)
{
	const char *ciphers = pga_pgbouncer_value(judging->ini, key);
	struct pga_text named = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;

	pga_audit_weak_ciphers(strcasecmp(ciphers, "all") == 0 ? "ALL" : ciphers, &named);
	if (named.length > 0) {
		pga_text_addf(&what, "weak ciphers are let in: %s", pga_text_string(&named));
		find(judging, PGA_POOLER_CIPHERS_WEAK, PGA_SEVERITY_WARNING, key, "default",
		     pga_text_string(&what));
	}
	judging->audit->failed = judging->audit->failed || named.failed || what.failed;
	pga_text_free(&named);
	pga_text_free(&what);
}

static void judge_tls(const struct pga_pgbouncer_judging *judging)
{
	if (judging->remote && !is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "disable")) {
		judge_protocols(judging, PGA_PGBOUNCER_CLIENT_PROTOCOLS);
		judge_ciphers(judging, PGA_PGBOUNCER_CLIENT_CIPHERS);
	}
	if (!is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "disable")) {
		judge_protocols(judging, PGA_PGBOUNCER_SERVER_PROTOCOLS);
		judge_ciphers(judging, PGA_PGBOUNCER_SERVER_CIPHERS);
	}
}

/* ---- whether it starts, and what is lost ---- */

static void judge_start(const struct pga_pgbouncer_judging *judging)
{
	const struct pga_pgbouncer *ini = judging->ini;
	const bool tls = !is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "disable");
	const bool full = is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "verify-full");
	const bool cert = is(judging, PGA_PGBOUNCER_AUTH_TYPE, "cert");
	const char *missing = NULL;

	if (ini->fault != NULL)
		pga_pgbouncer_find(judging->audit, PGA_POOLER_ERROR, PGA_SEVERITY_WARNING,
				   &ini->fault_at, ini->fault);
	if (tls && (!is_set(judging, PGA_PGBOUNCER_CLIENT_KEY_FILE) ||
		    !is_set(judging, PGA_PGBOUNCER_CLIENT_CERT_FILE)))
		missing = "pgbouncer does not start: TLS of clients needs client_tls_key_file and "
			  "client_tls_cert_file";
	else if (cert && !full)
		missing = "pgbouncer does not start: auth_type = cert needs client_tls_sslmode = "
			  "verify-full";
	else if ((full || cert) && !is_set(judging, PGA_PGBOUNCER_CLIENT_CA_FILE))
		missing = "pgbouncer does not start: certificates of clients need "
			  "client_tls_ca_file";
	if (missing != NULL)
		find(judging, PGA_POOLER_ERROR, PGA_SEVERITY_WARNING, PGA_PGBOUNCER_CLIENT_SSLMODE,
		     NULL, missing);
}

static void judge_lost(const struct pga_pgbouncer_judging *judging)
{
	const struct pga_pgbouncer *ini = judging->ini;

	for (size_t i = 0; i < PGA_PGBOUNCER_KEYS; i++) {
		struct pga_text what = PGA_TEXT_EMPTY;

		if (ini->lost[i].value == NULL)
			continue;
		pga_text_addf(&what,
			      "this does not count: the section of %s, line %ld, begins with "
			      "the defaults again",
			      ini->section.file, ini->section.line);
		pga_pgbouncer_find(judging->audit, PGA_POOLER_SETTING_LOST, PGA_SEVERITY_WARNING,
				   &ini->lost[i].at, pga_text_string(&what));
		pga_findings_detail(&judging->audit->findings, "%s = %s", pga_pgbouncer_keys[i],
				    ini->lost[i].value);
		judging->audit->failed = judging->audit->failed || what.failed;
		pga_text_free(&what);
	}
}

/* ---- files with secrets ---- */

static void judge_file(const struct pga_pgbouncer_judging *judging, const char *path,
		       const char *what)
{
	struct pga_findings *findings = &judging->audit->findings;
	struct pga_text word = PGA_TEXT_EMPTY;
	struct stat status;

	if (path[0] != '/' || stat(path, &status) != 0 || (status.st_mode & S_IROTH) == 0)
		return;
	pga_text_add_shell_word(&word, path);
	pga_findings_add(findings, PGA_POOLER_FILE_OPEN, PGA_SEVERITY_WARNING, PGA_AUDIT_POOLER,
			 "everybody on this machine can read %s, which has %s", path, what);
	pga_findings_object(findings, "%s", path);
	pga_findings_hint(findings, "chmod o-rwx %s", pga_text_string(&word));
	judging->audit->failed = judging->audit->failed || word.failed;
	pga_text_free(&word);
}

/* Passwords of databases may stand in each of its files. */
static void judge_files(const struct pga_pgbouncer_judging *judging)
{
	const struct pga_pgbouncer *ini = judging->ini;

	for (size_t i = 0; i < ini->file_count; i++)
		for (size_t k = 0; k < ini->database_count; k++)
			if (ini->databases[k].password &&
			    ini->databases[k].at.file == ini->files[i]) {
				judge_file(judging, ini->files[i], "passwords");
				break;
			}
	judge_file(judging, pga_pgbouncer_value(ini, PGA_PGBOUNCER_AUTH_FILE), "passwords");
	judge_file(judging, pga_pgbouncer_value(ini, PGA_PGBOUNCER_CLIENT_KEY_FILE), "a key");
	judge_file(judging, pga_pgbouncer_value(ini, PGA_PGBOUNCER_SERVER_KEY_FILE), "a key");
}

void pga_pgbouncer_judge(struct pga_pgbouncer_judging *judging)
{
	judging->remote = listens_to_others(judging);
	judging->plain = lets_plain_in(judging);
	judge_start(judging);
	judge_lost(judging);
	judge_server_side(judging);
	judge_client_side(judging);
	judge_tls(judging);
	judge_files(judging);
}
