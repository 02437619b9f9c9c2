/* What is found of a pgbouncer.ini. */
#include "audit/pgbouncer.h"

#include "audit/ciphers.h"
#include "base/shell_word.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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
		pga_pgbouncer_find_setting(judging, PGA_POOLER_TLS_OLD, PGA_SEVERITY_ERROR, key,
					   "secure", "TLS older than 1.2 is let in");
}

static void judge_ciphers(const struct pga_pgbouncer_judging *judging, enum pga_pgbouncer_key key)
{
	const char *ciphers = pga_pgbouncer_value(judging->ini, key);
	struct pga_text named = PGA_TEXT_EMPTY;
	struct pga_text what = PGA_TEXT_EMPTY;

	pga_audit_weak_ciphers(strcasecmp(ciphers, "all") == 0 ? "ALL" : ciphers, &named);
	if (named.length > 0) {
		pga_text_addf(&what, "weak ciphers are let in: %s", pga_text_string(&named));
		pga_pgbouncer_find_setting(judging, PGA_POOLER_CIPHERS_WEAK, PGA_SEVERITY_WARNING,
					   key, "default", pga_text_string(&what));
	}
	judging->audit->failed = judging->audit->failed || named.failed || what.failed;
	pga_text_free(&named);
	pga_text_free(&what);
}

static void judge_tls(const struct pga_pgbouncer_judging *judging)
{
	if (judging->remote &&
	    !pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "disable")) {
		judge_protocols(judging, PGA_PGBOUNCER_CLIENT_PROTOCOLS);
		judge_ciphers(judging, PGA_PGBOUNCER_CLIENT_CIPHERS);
	}
	if (!pga_pgbouncer_is(judging, PGA_PGBOUNCER_SERVER_SSLMODE, "disable")) {
		judge_protocols(judging, PGA_PGBOUNCER_SERVER_PROTOCOLS);
		judge_ciphers(judging, PGA_PGBOUNCER_SERVER_CIPHERS);
	}
}

/* ---- whether it starts, and what is lost ---- */

static void judge_start(const struct pga_pgbouncer_judging *judging)
{
	const struct pga_pgbouncer *ini = judging->ini;
	const bool tls = !pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "disable");
	const bool full = pga_pgbouncer_is(judging, PGA_PGBOUNCER_CLIENT_SSLMODE, "verify-full");
	const bool cert = pga_pgbouncer_is(judging, PGA_PGBOUNCER_AUTH_TYPE, "cert");
	const char *missing = NULL;

	if (ini->fault != NULL)
		pga_pgbouncer_find(judging->audit, PGA_POOLER_ERROR, PGA_SEVERITY_WARNING,
				   &ini->fault_at, ini->fault);
	if (tls && (!pga_pgbouncer_is_set(judging, PGA_PGBOUNCER_CLIENT_KEY_FILE) ||
		    !pga_pgbouncer_is_set(judging, PGA_PGBOUNCER_CLIENT_CERT_FILE)))
		missing = "pgbouncer does not start: TLS of clients needs client_tls_key_file and "
			  "client_tls_cert_file";
	else if (cert && !full)
		missing = "pgbouncer does not start: auth_type = cert needs client_tls_sslmode = "
			  "verify-full";
	else if ((full || cert) && !pga_pgbouncer_is_set(judging, PGA_PGBOUNCER_CLIENT_CA_FILE))
		missing = "pgbouncer does not start: certificates of clients need "
			  "client_tls_ca_file";
	if (missing != NULL)
		pga_pgbouncer_find_setting(judging, PGA_POOLER_ERROR, PGA_SEVERITY_WARNING,
					   PGA_PGBOUNCER_CLIENT_SSLMODE, NULL, missing);
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
	judging->remote = pga_pgbouncer_listens_to_others(judging);
	judging->plain = pga_pgbouncer_lets_plain_in(judging);
	judge_start(judging);
	judge_lost(judging);
	pga_pgbouncer_judge_servers(judging);
	pga_pgbouncer_judge_clients(judging);
	judge_tls(judging);
	judge_files(judging);
}
