/* pganchor anchor import: pins what stands in root.crt already. */
#include "anchor/anchors_conf.h"
#include "anchor/unpinned.h"
#include "base/terminal.h"
#include "cli/anchor_view.h"
#include "cli/bootstrap_copy.h"
#include "cli/bootstrap_existing.h"
#include "cli/cli.h"
#include "cli/question.h"
#include "report/json.h"
#include "tls/certificate_text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMPARE "compare them with what those who run the CAs say; "

struct importing {
	const char *hosts_given;
	bool yes;
	bool dry_run;
	bool json;

	char *hosts; /* NULL: every host */
	char *path;  /* of root.crt */
	struct pga_unpinned_roots unpinned;
	struct pga_existing existing;
};

static int look(struct importing *importing, struct pga_error *error)
{
	if (pga_existing_read(&importing->path, &importing->unpinned, error) != 0)
		return -1;
	if (access(importing->path, R_OK) != 0)
		return pga_fail_errno(error, "pganchor bootstrap pins the root of a CA",
				      "%s: there is no root to pin", importing->path);
	if (importing->unpinned.count + importing->unpinned.pinned > 0)
		return 0;
	return pga_fail(error, "pganchor bootstrap pins the root of a CA",
			importing->unpinned.readable
			    ? "%s: there is no root to pin: no certificate in it is self-signed "
			      "and in date"
			    : "%s: there is no root to pin: libpq finds no certificate in it",
			importing->path);
}

static int show(const struct importing *importing, FILE *stream, struct pga_error *error)
{
	pga_print(stream, "%s holds %zu %s not pinned:\n", importing->path,
		  importing->unpinned.count,
		  importing->unpinned.count == 1 ? "root that is" : "roots that are");
	for (size_t i = 0; i < importing->unpinned.count; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		if (pga_certificate_tell(&importing->unpinned.roots[i], &text, error) != 0) {
			pga_text_free(&text);
			return -1;
		}
		pga_print(stream, "%s    pin          %s\n\n", pga_text_string(&text),
			  importing->unpinned.roots[i].pin);
		pga_text_free(&text);
	}
	return 0;
}

static int ask(const struct importing *importing, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (!pga_question_possible()) {
		if (!importing->json && show(importing, stdout, error) != 0)
			return -1;
		(void)fflush(stdout);
		return pga_fail(error, COMPARE "--yes then pins them",
				"nothing was pinned: nobody has said that these roots are the "
				"right ones, and there is no terminal to ask on");
	}
	if (pga_question_begin(&question, "--yes pins them without a question", error) != 0)
		return -1;
	result = show(importing, question.out, error);
	if (result == 0)
		result = pga_question_ask(&question,
					  "Trust them for PostgreSQL? Type yes: ", &answer, error);
	pga_question_end(&question);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, COMPARE "type yes then",
				  "nothing was pinned: you have not said yes");
	return result;
}

/* One that can be no anchor keeps no other from being pinned. Returns the exit status. */
static int pin_all(struct importing *importing)
{
	struct pga_followed_copy copy = {.possible = false};
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	if (!importing->dry_run)
		pga_followed_copy_begin(&copy);
	for (size_t i = 0; i < importing->unpinned.count; i++) {
		if (pga_existing_pin_one(&importing->unpinned.roots[i], importing->path,
					 importing->hosts, importing->dry_run, &importing->existing,
					 &error) == 0)
			continue;
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_followed_copy_end(&copy);
	return status;
}

static int report_json(const struct importing *importing, int status)
{
	json_t *anchors = json_array();

	for (size_t i = 0; i < importing->existing.count; i++) {
		const struct pga_pinned_too *pinned = &importing->existing.pinned[i];

		pga_json_add(anchors,
			     json_pack("{s:s, s:s, s:o}", "anchor", pinned->name, "pin",
				       pinned->pin, "subject", pga_json_text(pinned->subject)));
	}
	return pga_json_print(
	    json_pack("{s:o, s:o, s:o, s:I, s:b}", "anchors", anchors, "hosts",
		      pga_hosts_as_json(importing->hosts != NULL ? importing->hosts : "*"),
		      "root_crt", pga_json_text(importing->path), "already_pinned",
		      (json_int_t)importing->unpinned.pinned, "dry_run", (int)importing->dry_run),
	    status);
}

static void report_text(const struct importing *importing)
{
	if (importing->unpinned.count == 0)
		pga_print(stdout, "%s holds no root that is not pinned: nothing to do\n",
			  importing->path);
	for (size_t i = 0; i < importing->existing.count; i++)
		pga_print(stdout, "%s, as anchor %s: %s (SHA-256 %s)\n",
			  importing->dry_run ? "Would be pinned" : "Pinned",
			  importing->existing.pinned[i].name, importing->existing.pinned[i].subject,
			  importing->existing.pinned[i].pin);
	if (importing->dry_run)
		(void)puts("This was a dry run: nothing was changed.");
}

static int import(struct importing *importing)
{
	struct pga_error error;
	int status = look(importing, &error);

	if (status == 0 && importing->unpinned.count > 0 && !importing->dry_run) {
		if (!importing->yes)
			status = ask(importing, &error);
		else if (!importing->json)
			status = show(importing, stdout, &error);
	}
	if (status != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (importing->dry_run && !importing->json && importing->unpinned.count > 0 &&
	    show(importing, stdout, &error) != 0)
		pga_print_error(&error);
	(void)fflush(stdout);
	status = pin_all(importing);
	if (importing->json)
		return report_json(importing, status);
	report_text(importing);
	return status;
}

static const struct pga_option options[] = {
    {.name = "hosts",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct importing, hosts_given),
     .argument = "PATTERNS",
     .help = "the hosts that they are valid for; every host if left out"},
    {.name = "yes",
     .target = offsetof(struct importing, yes),
     .help = "pin them without a question: you have compared what --dry-run shows"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct importing, dry_run),
     .help = "change nothing, show what would be pinned"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct importing, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct importing importing = {.json = false};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_import, argc, argv, &importing, &status))
		return status;
	if (importing.hosts_given != NULL) {
		importing.hosts = pga_anchors_conf_hosts(importing.hosts_given, &error);
		if (importing.hosts == NULL) {
			pga_print_error(&error);
			return PGA_EXIT_USAGE;
		}
	}
	status = import(&importing);
	pga_existing_free(&importing.existing);
	pga_unpinned_roots_free(&importing.unpinned);
	free(importing.path);
	free(importing.hosts);
	return status;
}

const struct pga_command pga_cmd_anchor_import = {
    .name = "anchor import",
    .summary = "pin the roots that root.crt has already",
    .usage = "[OPTION ...]",
    .about = "Shows the roots of root.crt that are not pinned, asks whether they are the right "
	     "ones, and pins each as an anchor of its own. root.crt stays as it is. The same as "
	     "bootstrap --pin-existing, with a question.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .run = run,
};
