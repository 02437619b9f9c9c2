/* What ld.so is told to load into every program, and cannot: it says so at each start, and starts
 * the program without. */
#include "diagnose/doctor_checks.h"

#include "base/file.h"
#include "base/shell_word.h"
#include "base/text.h"
#include "preload/module.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABOUT_PRELOAD "preload"
#define FOR_ALL       "/etc/ld.so.preload"

/* Ours by its name: the file is gone. */
static bool is_ours(const char *path)
{
	return strstr(path, "/pganchor-gate.so") != NULL;
}

static void tell(struct pga_findings *findings, const char *where, const char *path)
{
	struct pga_text word = PGA_TEXT_EMPTY;

	pga_text_add_shell_word(&word, path);
	pga_findings_add(findings, PGA_PRELOAD_GONE,
			 is_ours(path) ? PGA_SEVERITY_ERROR : PGA_SEVERITY_WARNING, ABOUT_PRELOAD,
			 "%s names %s, which is not there", where, path);
	pga_findings_detail(findings, "%s",
			    is_ours(path) ? "programs start without the gate"
					  : "each program that starts says so, and starts without");
	if (strcmp(where, FOR_ALL) == 0 && pga_module_is_named(path, strlen(path)))
		pga_findings_hint(findings, "sudo pganchor disable --ld-so-preload: takes it out; "
					    "or install pganchor again");
	else if (strcmp(where, FOR_ALL) == 0)
		pga_findings_hint(
		    findings, "install again what has brought it, or take it out of %s", FOR_ALL);
	else
		pga_findings_hint(findings, "unset LD_PRELOAD");
	pga_findings_object(findings, "%s", path);
	findings->failed = findings->failed || word.failed;
	pga_text_free(&word);
}

/* ld.so(8): in the variable, blanks and colons are between them; in the file, any white space, and
 * a "#" begins a comment. A name without a slash is looked for, and one with a "$" is expanded. */
static void look(struct pga_findings *findings, const char *where, const char *list,
		 const char *between)
{
	while (*list != '\0') {
		const size_t length = strcspn(list, between);
		char *path = strndup(list, length);

		if (path == NULL)
			findings->failed = true;
		else if (path[0] == '/' && strchr(path, '$') == NULL && access(path, F_OK) != 0)
			tell(findings, where, path);
		free(path);
		list += length;
		list += strspn(list, between);
	}
}

static void look_at_file(struct pga_findings *findings)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_text words = PGA_TEXT_EMPTY;
	struct pga_error error;
	const char *rest;
	const char *line;
	size_t length;
	bool found;

	if (pga_file_read(FOR_ALL, &content, &found, &error) != 0)
		pga_check_failed(findings, ABOUT_PRELOAD, FOR_ALL, &error);
	rest = pga_text_string(&content);
	while (pga_next_line(&rest, &line, &length)) {
		const char *comment = memchr(line, '#', length);

		pga_text_add_bytes(&words, line,
				   comment != NULL ? (size_t)(comment - line) : length);
		pga_text_add(&words, "\n");
	}
	findings->failed = findings->failed || words.failed;
	look(findings, FOR_ALL, pga_text_string(&words), " \t\n:");
	pga_text_free(&words);
	pga_text_free(&content);
}

int pga_check_preload(const struct pga_doctor *doctor, struct pga_findings *findings,
		      struct pga_error *error)
{
	const char *variable = getenv("LD_PRELOAD");

	(void)doctor;
	look_at_file(findings);
	if (variable != NULL)
		look(findings, "LD_PRELOAD", variable, " :");
	return findings->failed ? pga_fail_memory(error) : 0;
}
