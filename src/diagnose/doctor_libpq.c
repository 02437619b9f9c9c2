/* The libpqs of this machine and of its running programs that are older than a release in which
 * something was mended that a server could do to its clients. */
#include "diagnose/doctor_checks.h"

#include "base/paths.h"
#include "base/pg_releases.h"
#include "base/text.h"
#include "diagnose/libpq_file.h"
#include "diagnose/processes.h"
#include "policy/linked.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABOUT_LIBPQ "libpq"

/* A libpq that was found. */
struct found {
	char *path; /* as it is told */
	dev_t device;
	ino_t inode;
	int version;
	struct pga_text users; /* the running programs that have it, "psql (71), ..." */
};

struct all {
	struct found *list;
	size_t count;
	bool failed;
};

static struct found *known(struct all *all, const struct stat *status)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].inode == status->st_ino && all->list[i].device == status->st_dev)
			return &all->list[i];
	return NULL;
}

/* Adds the file, which is called so, unless it is known by another name. NULL where it is none. */
static struct found *add(struct all *all, const char *file, const char *name)
{
	struct found *grown;
	struct stat status;
	struct found *same;

	if (stat(file, &status) != 0 || !S_ISREG(status.st_mode))
		return NULL;
	same = known(all, &status);
	if (same != NULL)
		return same;
	grown = reallocarray(all->list, all->count + 1, sizeof *grown);
	if (grown == NULL) {
		all->failed = true;
		return NULL;
	}
	all->list = grown;
	grown[all->count] = (struct found){strdup(name), status.st_dev, status.st_ino,
					   pga_libpq_file_version(file), PGA_TEXT_EMPTY};
	if (grown[all->count].path == NULL) {
		all->failed = true;
		return NULL;
	}
	return &grown[all->count++];
}

/* Where distributions, PostgreSQL's own packages, Python's wheels and conda put it. */
static const char *const places[] = {
    "/usr/lib/libpq.so.5*",
    "/usr/lib/*/libpq.so.5*",
    "/usr/lib64/libpq.so.5*",
    "/usr/local/lib/libpq.so.5*",
    "/usr/local/pgsql/lib/libpq.so.5*",
    "/usr/pgsql-*/lib/libpq.so.5*",
    "/opt/*/lib/libpq.so.5*",
    "/usr/local/lib/python3*/dist-packages/psycopg*_binary.libs/libpq-*.so*",
};

static const char *const places_of_home[] = {
    ".local/lib/python3*/site-packages/psycopg*_binary.libs/libpq-*.so*",
    ".local/share/pipx/venvs/*/lib/python3*/site-packages/psycopg*_binary.libs/libpq-*.so*",
    "miniconda3/lib/libpq.so.5*",
    "anaconda3/lib/libpq.so.5*",
};

#define MOST_FILES 100

static void add_pattern(struct all *all, const char *directory, const char *pattern)
{
	struct pga_text whole = PGA_TEXT_EMPTY;
	glob_t found;
	int result = GLOB_NOMATCH;

	for (; *directory != '\0'; directory++)
		pga_text_addf(&whole, "%s%c", strchr("*?[\\", *directory) != NULL ? "\\" : "",
			      *directory);
	pga_text_add(&whole, pattern);
	if (whole.failed)
		all->failed = true;
	else
		result = glob(pga_text_string(&whole), 0, NULL, &found);
	all->failed = all->failed || result == GLOB_NOSPACE;
	if (result == 0) {
		for (size_t i = 0; i < found.gl_pathc && i < MOST_FILES; i++)
			(void)add(all, found.gl_pathv[i], found.gl_pathv[i]);
		globfree(&found);
	}
	pga_text_free(&whole);
}

static void add_places(struct all *all)
{
	char *home = pga_home();
	struct pga_text directory = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		add_pattern(all, "", places[i]);
	if (home != NULL)
		pga_text_addf(&directory, "%s/", home);
	else
		all->failed = all->failed || errno == ENOMEM;
	all->failed = all->failed || directory.failed;
	for (size_t i = 0; home != NULL && i < sizeof places_of_home / sizeof places_of_home[0];
	     i++)
		add_pattern(all, pga_text_string(&directory), places_of_home[i]);
	pga_text_free(&directory);
	free(home);
}

static void tell_replaced(const struct pga_process *process, struct pga_findings *findings)
{
	pga_findings_add(findings, PGA_LIBPQ_REPLACED, PGA_SEVERITY_WARNING, ABOUT_LIBPQ,
			 "%s (process %ld of %s) goes on with a libpq that has been replaced",
			 process->name, (long)process->pid, process->user);
	pga_findings_detail(findings, "what an update has mended is not mended there");
	pga_findings_hint(findings, "end it and start it again");
	pga_findings_object(findings, "%s", process->name);
}

static void add_process(struct all *all, const struct pga_process *process,
			struct pga_findings *findings)
{
	bool replaced = false;

	for (size_t i = 0; i < process->libpq_count; i++) {
		struct pga_text file = PGA_TEXT_EMPTY;
		struct found *libpq = NULL;

		replaced = replaced || process->libpqs[i].deleted;
		pga_text_addf(&file, "/proc/%ld/root%s", (long)process->pid,
			      process->libpqs[i].path);
		if (!file.failed && !process->libpqs[i].deleted)
			libpq = add(all, pga_text_string(&file), process->libpqs[i].path);
		if (libpq != NULL)
			pga_text_addf(&libpq->users, "%s%s (%ld)",
				      libpq->users.length > 0 ? ", " : "", process->name,
				      (long)process->pid);
		all->failed = all->failed || file.failed;
		pga_text_free(&file);
	}
	if (replaced)
		tell_replaced(process, findings);
}

/* What the release lacks, the newest first. */
static void add_lacking(struct pga_text *text, int version)
{
	for (size_t row = 0; row < pga_pg_mended_count; row++) {
		const int release = pga_pg_release_of(row, version / 10000);

		if (release > version)
			pga_text_addf(text, "%s%s", text->length > 0 ? "; " : "",
				      pga_pg_mended[row].what);
	}
}

static void add_hint(struct pga_findings *findings, const char *path)
{
	if (strstr(path, "/psycopg_binary.libs/") != NULL)
		pga_findings_hint(findings, "pip install --upgrade \"psycopg[binary]\"");
	else if (strstr(path, "/psycopg2_binary.libs/") != NULL)
		pga_findings_hint(findings, "pip install --upgrade psycopg2-binary");
	else if (strstr(path, "conda3/") != NULL)
		pga_findings_hint(findings, "conda update libpq");
	else if ((strncmp(path, "/usr/lib/", 9) == 0 || strncmp(path, "/lib/", 5) == 0) &&
		 access("/usr/bin/apt-get", X_OK) == 0)
		pga_findings_hint(findings, "sudo apt-get update && sudo apt-get install "
					    "--only-upgrade libpq5 'postgresql-client*'");
	else if (strncmp(path, "/usr/", 5) == 0 && access("/usr/bin/dnf", X_OK) == 0)
		pga_findings_hint(findings, "sudo dnf upgrade libpq postgresql");
	else
		pga_findings_hint(findings, "update what has brought it");
}

static void judge(const struct found *libpq, struct pga_findings *findings)
{
	const int major = libpq->version / 10000;
	const bool over = major < pga_pg_oldest_major();
	struct pga_text why = PGA_TEXT_EMPTY;

	add_lacking(&why, libpq->version);
	findings->failed = findings->failed || why.failed;
	if (!over && why.length == 0)
		return;
	if (over)
		pga_text_addf(&why, "%sPostgreSQL %d gets no more fixes",
			      why.length > 0 ? "; " : "", major);
	pga_findings_add(findings, PGA_LIBPQ_OLD, PGA_SEVERITY_WARNING, ABOUT_LIBPQ,
			 "libpq %d.%d (%s) is older than what was mended on %s", major,
			 libpq->version % 10000, libpq->path, pga_pg_mended[0].day);
	pga_findings_detail(findings, "%s%s%s", pga_text_string(&why),
			    libpq->users.length > 0 ? "; used by " : "",
			    pga_text_string(&libpq->users));
	add_hint(findings, libpq->path);
	pga_findings_object(findings, "%s", libpq->path);
	findings->failed = findings->failed || why.failed;
	pga_text_free(&why);
}

int pga_check_libpq(const struct pga_doctor *doctor, struct pga_findings *findings,
		    struct pga_error *error)
{
	struct all all = {NULL, 0, false};
	struct pga_processes processes;
	struct found *own;

	(void)doctor;
	own = add(&all, pga_linked_libpq_path(), pga_linked_libpq_path());
	if (own != NULL)
		own->version = pga_linked_libpq_version();
	add_places(&all);
	if (pga_processes_look(&processes, error) != 0)
		pga_check_failed(findings, ABOUT_LIBPQ, "the running programs", error);
	for (size_t i = 0; i < processes.count; i++)
		add_process(&all, &processes.list[i], findings);
	pga_processes_free(&processes);
	for (size_t i = 0; i < all.count; i++) {
		if (all.list[i].version > 0)
			judge(&all.list[i], findings);
		findings->failed = findings->failed || all.list[i].users.failed;
		free(all.list[i].path);
		pga_text_free(&all.list[i].users);
	}
	free(all.list);
	return all.failed || findings->failed ? pga_fail_memory(error) : 0;
}
