/* Who may read the keys of the user, and write what libpq and the gate rely on. */
#include "diagnose/doctor_checks.h"

#include "base/paths.h"
#include "base/shell_word.h"
#include "base/walk.h"
#include "diagnose/doctor_paths.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABOUT_FILES "files"

static bool is_told(const struct pga_findings *findings, enum pga_finding_id id, const char *object)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].id == id && findings->list[i].object != NULL &&
		    strcmp(findings->list[i].object, object) == 0)
			return true;
	return false;
}

static void tell_writable(struct pga_findings *findings, const char *place,
			  const struct stat *status)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_text_add_shell_word(&word, place);
	pga_findings_add(findings, PGA_FILE_WRITABLE, PGA_SEVERITY_ERROR, ABOUT_FILES,
			 "%s can be written by %s (mode %04o)", place,
			 (status->st_mode & S_IWOTH) != 0 ? "everybody" : "its group",
			 (unsigned)status->st_mode & 07777);
	pga_findings_detail(findings, "who may write it decides which servers are trusted here");
	pga_findings_hint(findings, "chmod go-w %s", pga_text_string(&word));
	pga_findings_object(findings, "%s", place);
	pga_findings_fix(findings, pga_fix_writable);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

static void tell_owner(struct pga_findings *findings, const char *place, const struct stat *status)
{
	struct pga_text word = PGA_TEXT_EMPTY;
	const struct passwd *self = getpwuid(geteuid());

	pga_text_add_shell_word(&word, place);
	pga_findings_add(findings, PGA_FILE_OF_ANOTHER, PGA_SEVERITY_ERROR, ABOUT_FILES,
			 "%s belongs to the user %lu", place, (unsigned long)status->st_uid);
	pga_findings_detail(findings, "its owner decides which servers are trusted here");
	if (self != NULL)
		pga_findings_hint(findings, "sudo chown -h %s %s", self->pw_name,
				  pga_text_string(&word));
	pga_findings_object(findings, "%s", place);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

/* As base/ownership.h judges the system's files. */
static int look_at_place(void *context, const char *place, const struct stat *status)
{
	struct pga_findings *findings = context;
	const bool sticky = S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0;

	if (status->st_uid != 0 && status->st_uid != geteuid()) {
		if (!is_told(findings, PGA_FILE_OF_ANOTHER, place))
			tell_owner(findings, place, status);
	} else if (!S_ISLNK(status->st_mode) && !sticky &&
		   (status->st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
		   !is_told(findings, PGA_FILE_WRITABLE, place)) {
		tell_writable(findings, place, status);
	}
	return 0;
}

/* A way that ends before the file is there has nothing to be said of; path is freed. */
static void look_along(char *path, struct pga_findings *findings)
{
	struct pga_walk walk;

	if (path == NULL)
		return;
	memset(&walk, 0, sizeof walk);
	if (path[0] == '/' && access(path, F_OK) == 0)
		(void)pga_walk_go(&walk, path, look_at_place, findings);
	pga_walk_free(&walk);
	free(path);
}

int pga_check_writable(const struct pga_doctor *doctor, struct pga_findings *findings,
		       struct pga_error *error)
{
	static const char *const libpqs[] = {"root.crt", "root.crl", "postgresql.key",
					     "postgresql.crt"};
	static const char *const own[] = {"anchors.conf",      "policy.conf", "sources.conf",
					  "passwords.conf",    "crls.conf",   "accepted.conf",
					  "known_servers.conf"};

	for (size_t i = 0; i < sizeof libpqs / sizeof libpqs[0]; i++)
		look_along(pga_libpq_file(libpqs[i], error), findings);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		look_along(pga_user_config(own[i]), findings);
	for (size_t i = 0; i < doctor->pins.count; i++)
		look_along(pga_pin_own_file(&doctor->pins.pins[i]), findings);
	if (doctor->user.found)
		look_along(strdup(doctor->user.path), findings);
	return findings->failed ? pga_fail_memory(error) : 0;
}

/* initialize_SSL() of libpq: of one's own no bit for others, of root's at most that the group
 * reads it. */
static void judge_key(const char *path, struct pga_findings *findings)
{
	struct pga_text word = PGA_TEXT_EMPTY;
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (status.st_mode & (status.st_uid == 0 && geteuid() != 0 ? (S_IWGRP | S_IXGRP | S_IRWXO)
								    : (S_IRWXG | S_IRWXO))) == 0 ||
	    is_told(findings, PGA_KEY_OPEN, path))
		return;
	pga_text_add_shell_word(&word, path);
	pga_findings_add(findings, PGA_KEY_OPEN, PGA_SEVERITY_ERROR, ABOUT_FILES,
			 "others may use the private key %s (mode %04o)", path,
			 (unsigned)status.st_mode & 07777);
	pga_findings_detail(findings, "libpq does not take it so, and who has copied it can log in "
				      "as you");
	pga_findings_hint(findings, "chmod 600 %s", pga_text_string(&word));
	pga_findings_object(findings, "%s", path);
	pga_findings_fix(findings, pga_fix_private);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

int pga_check_keys(const struct pga_doctor *doctor, struct pga_findings *findings,
		   struct pga_error *error)
{
	char *path = pga_libpq_file("postgresql.key", error);

	if (path != NULL)
		judge_key(path, findings);
	free(path);
	for (size_t i = 0; i < doctor->services.count; i++)
		if (doctor->entries != NULL && doctor->entries[i].key != NULL &&
		    doctor->entries[i].key[0] == '/')
			judge_key(doctor->entries[i].key, findings);
	return findings->failed ? pga_fail_memory(error) : 0;
}
