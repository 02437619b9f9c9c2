/* Files of root's in the user's home: what "sudo psql" or "sudo pganchor" has left there. */
#include "diagnose/doctor_checks.h"

#include "base/paths.h"
#include "base/shell_word.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABOUT_HOME "files"

/* What libpq and psql have in a home, and directories of which each file counts. */
static const char *const places[] = {".postgresql", ".pgpass",       ".pg_service.conf",
				     ".psqlrc",     ".psql_history", NULL};

#define MOST_FILES 1000

/* Adds the path where it is root's. Returns whether it is a directory that can be read. */
static bool look_at(struct pga_text *found, const char *path)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return false;
	if (status.st_uid == 0) {
		pga_text_add(found, " ");
		pga_text_add_shell_word(found, path);
	}
	return S_ISDIR(status.st_mode);
}

static void look_in(struct pga_text *found, const char *path)
{
	struct dirent **entries = NULL;
	const int count = look_at(found, path) ? scandir(path, &entries, NULL, alphasort) : 0;

	for (int i = 0; i < count; i++) {
		struct pga_text file = PGA_TEXT_EMPTY;

		pga_text_addf(&file, "%s/%s", path, entries[i]->d_name);
		if (i < MOST_FILES && strcmp(entries[i]->d_name, ".") != 0 &&
		    strcmp(entries[i]->d_name, "..") != 0)
			(void)look_at(found, pga_text_string(&file));
		found->failed = found->failed || file.failed;
		pga_text_free(&file);
		free(entries[i]);
	}
	free(entries);
}

static void tell(struct pga_findings *findings, const struct pga_text *found)
{
	const struct passwd *self = getpwuid(geteuid());

	pga_findings_add(findings, PGA_HOME_FILE_OF_ROOT, PGA_SEVERITY_WARNING, ABOUT_HOME,
			 "files of root's are in your home:%s", pga_text_string(found));
	pga_findings_detail(findings,
			    "libpq cannot read what is closed to you, and goes on as if it "
			    "were not there, and pganchor cannot change it; a program that "
			    "was run with sudo has left them");
	if (self != NULL)
		pga_findings_hint(findings, "sudo chown -h %s:%s", self->pw_name,
				  pga_text_string(found));
}

int pga_check_home(const struct pga_doctor *doctor, struct pga_findings *findings,
		   struct pga_error *error)
{
	char *home = geteuid() != 0 ? pga_home() : NULL;
	char *own = geteuid() != 0 ? pga_user_config("") : NULL;
	struct pga_text found = PGA_TEXT_EMPTY;

	(void)doctor;
	if (geteuid() != 0 && (home == NULL || own == NULL))
		found.failed = errno == ENOMEM;
	for (size_t i = 0; home != NULL && places[i] != NULL; i++) {
		struct pga_text path = PGA_TEXT_EMPTY;

		pga_text_addf(&path, "%s/%s", home, places[i]);
		look_in(&found, pga_text_string(&path));
		found.failed = found.failed || path.failed;
		pga_text_free(&path);
	}
	if (own != NULL && strlen(own) > 1) {
		own[strlen(own) - 1] = '\0';
		look_in(&found, own);
	}
	if (found.length > 0)
		tell(findings, &found);
	findings->failed = findings->failed || found.failed;
	pga_text_free(&found);
	free(home);
	free(own);
	return findings->failed ? pga_fail_memory(error) : 0;
}
