/* libpq's password file: who can read it, and whom its passwords may go to. */
#include "diagnose/doctor_checks.h"

#include "base/file.h"
#include "base/host.h"
#include "base/shell_word.h"
#include "diagnose/doctor_paths.h"
#include "password/ask_passfile.h"
#include "password/passfile.h"
#include "policy/linked.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ABOUT_PASSWORDS "passwords"

/* PGPASSFILE, or libpq's default, as *path, which the caller frees; NULL where libpq has none. */
static int find(char **path, struct pga_error *error)
{
	const char *named = getenv("PGPASSFILE");
	struct pga_hidden_environment hidden;
	int result;

	*path = NULL;
	if (named != NULL && named[0] != '\0') {
		*path = strdup(named);
		return *path != NULL ? 0 : pga_fail_memory(error);
	}
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = pga_passfile_find(path, error);
	pga_restore_environment(&hidden);
	return result;
}

/* passwordFromFile() of libpq does not read one that others may do anything with. */
static void judge_mode(const char *path, struct pga_findings *findings)
{
	struct pga_text word = PGA_TEXT_EMPTY;
	struct stat status;

	if (stat(path, &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return;
	pga_text_add_shell_word(&word, path);
	pga_findings_add(findings, PGA_PASSFILE_OPEN, PGA_SEVERITY_ERROR, ABOUT_PASSWORDS,
			 "others may use the password file %s (mode %04o)", path,
			 (unsigned)status.st_mode & 07777);
	pga_findings_detail(findings,
			    "libpq does not read it so, and the passwords in it are known "
			    "to whoever looked");
	pga_findings_hint(findings, "chmod 600 %s", pga_text_string(&word));
	pga_findings_object(findings, "%s", path);
	pga_findings_fix(findings, pga_fix_private);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

/* A service that is allowed connects to the host: then it is verified in some way. */
static bool has_strong_service(const struct pga_doctor *doctor, const char *host)
{
	for (size_t i = 0; i < doctor->services.count; i++) {
		const struct pga_listed *listed = &doctor->services.entries[i];

		if (!listed->hidden && listed->evaluation.state == PGA_ENTRY_ALLOWED &&
		    pga_host_is_same(listed->settings[PGA_TOLD_HOST], host))
			return true;
	}
	return false;
}

static bool has_anchor(const struct pga_doctor *doctor, const char *host)
{
	for (size_t i = 0; i < doctor->pins.count; i++)
		if (pga_host_matches_any(doctor->pins.pins[i].hosts, host))
			return true;
	return false;
}

static bool is_local(const char *host)
{
	return host[0] == '/' || host[0] == '@' || strcmp(host, "localhost") == 0 ||
	       strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

/* HOST:PORT:DBNAME:USER, as the line has it. */
static void name_line(struct pga_findings *findings, const struct pga_password_entry *entry)
{
	pga_findings_object(findings, "%s:%s:%s:%s", entry->words[PGA_SECRET_HOST],
			    entry->words[PGA_SECRET_PORT], entry->words[PGA_SECRET_DBNAME],
			    entry->words[PGA_SECRET_USER]);
}

static void judge_line(const struct pga_doctor *doctor, const char *path,
		       const struct pga_passfile_line *line, struct pga_findings *findings)
{
	const char *host = line->entry.words[PGA_SECRET_HOST];
	struct pga_text word = PGA_TEXT_EMPTY;

	if (strcmp(host, PGA_PASSWORD_ANY) == 0 && !line->starred) {
		pga_findings_add(findings, PGA_PASSFILE_ANY_HOST, PGA_SEVERITY_WARNING,
				 ABOUT_PASSWORDS, "%s, line %zu, is for every host", path,
				 line->number);
		pga_findings_detail(findings, "whichever server is connected to gets the password");
		pga_text_add_shell_word(&word, path);
		pga_findings_hint(findings,
				  "sed -i %zud %s: once a line or pganchor password set "
				  "has it for the hosts that it is for",
				  line->number, pga_text_string(&word));
		name_line(findings, &line->entry);
	} else if (!is_local(host) && !pga_policy_exempts(&doctor->policy, host) &&
		   !has_anchor(doctor, host) && !has_strong_service(doctor, host)) {
		pga_findings_add(
		    findings, PGA_PASSFILE_UNVERIFIED, PGA_SEVERITY_WARNING, ABOUT_PASSWORDS,
		    "%s, line %zu, is for a host that nothing verifies", path, line->number);
		pga_findings_detail(findings,
				    "no anchor and no service is for %s: whoever answers for it "
				    "gets the password",
				    host);
		pga_text_add_shell_word(&word, host);
		pga_findings_hint(findings, "pganchor bootstrap --from-server %s",
				  pga_text_string(&word));
		name_line(findings, &line->entry);
	}
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

static int judge_lines(const struct pga_doctor *doctor, const char *path,
		       struct pga_findings *findings, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_passfile file = {.count = 0};
	bool found = false;
	int result = 0;

	if (pga_file_read(path, &content, &found, error) != 0)
		pga_check_failed(findings, ABOUT_PASSWORDS, path, error);
	else if (found)
		result = pga_passfile_read(&file, pga_text_string(&content), content.length, error);
	for (size_t i = 0; i < file.count && !doctor->broken; i++)
		judge_line(doctor, path, &file.lines[i], findings);
	pga_passfile_free(&file);
	pga_text_wipe(&content);
	return result;
}

int pga_check_passfile(const struct pga_doctor *doctor, struct pga_findings *findings,
		       struct pga_error *error)
{
	char *path;
	int result = 0;

	if (find(&path, error) != 0) {
		pga_check_failed(findings, ABOUT_PASSWORDS, "the password file", error);
	} else if (path != NULL) {
		judge_mode(path, findings);
		result = judge_lines(doctor, path, findings, error);
	}
	free(path);
	if (result == 0 && findings->failed)
		return pga_fail_memory(error);
	return result;
}
