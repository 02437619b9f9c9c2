/* pganchor doctor --fix. */
#include "cli/cmd_doctor.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_doctor.h"
#include "cli/question.h"
#include "diagnose/quiet_libpq.h"

#include <stdlib.h>
#include <string.h>

/* What was accepted stays as it is, unless it is named. */
static bool is_wanted(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked,
		      const struct pga_finding *finding)
{
	return finding->fix != NULL && pga_finding_is_asked(finding, asked) &&
	       (asked->count > 0 ||
		pga_accepted_for(&doctor->accepted, finding, doctor->now) == NULL);
}

/* Does it, or with dry_run finds out what it would do. */
static void run_fix(const struct pga_finding *finding, bool dry_run, struct pga_doctor_fix *fix)
{
	const struct pga_quiet quiet = pga_quiet_begin();

	pga_text_free(&fix->does);
	fix->failed = finding->fix(finding->object, dry_run, &fix->does, &fix->error) != 0;
	pga_quiet_end(&quiet);
	if (!fix->failed && fix->does.failed) {
		fix->failed = true;
		(void)pga_fail_memory(&fix->error);
	}
}

static int prepare(const struct pga_finding *finding, struct pga_doctor_fixes *fixes)
{
	struct pga_doctor_fix *fix = &fixes->list[fixes->count];
	struct pga_text name = PGA_TEXT_EMPTY;

	memset(fix, 0, sizeof *fix);
	pga_finding_add_name(&name, finding);
	fix->name = pga_text_take(&name);
	if (fix->name == NULL)
		return -1;
	fixes->count++;
	run_fix(finding, true, fix);
	return 0;
}

static void print_lines(FILE *stream, const char *before, const struct pga_text *text)
{
	const char *rest = pga_text_string(text);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		pga_print(stream, "%s%.*s\n", before, (int)length, line);
}

static void print_failures(FILE *stream, const struct pga_doctor_fixes *fixes)
{
	for (size_t i = 0; i < fixes->count; i++) {
		const struct pga_doctor_fix *fix = &fixes->list[i];

		if (!fix->failed)
			continue;
		pga_print(stream, "not fixed: %s: %s\n", fix->name, fix->error.message);
		if (fix->error.hint[0] != '\0')
			pga_print(stream, "    %s\n", fix->error.hint);
	}
}

static void print_plan(FILE *stream, const char *before, const struct pga_doctor_fixes *fixes)
{
	for (size_t i = 0; i < fixes->count; i++)
		if (!fixes->list[i].failed)
			print_lines(stream, before, &fixes->list[i].does);
}

static size_t count_ready(const struct pga_doctor_fixes *fixes)
{
	size_t ready = 0;

	for (size_t i = 0; i < fixes->count; i++)
		ready += !fixes->list[i].failed && fixes->list[i].does.length > 0;
	return ready;
}

static int ask(const struct pga_doctor_fixes *fixes, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows what",
			       error) != 0)
		return -1;
	(void)fputs("Doctor would:\n", question.out);
	print_plan(question.out, "    ", fixes);
	return pga_question_confirm(&question, "Do that? Type yes: ", error);
}

/* A name that has no finding, or one that nothing but a person can mend. */
static int check_names(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked)
{
	for (size_t i = 0; i < asked->count; i++) {
		const struct pga_finding *named = NULL;
		bool fixable = false;

		for (size_t k = 0; k < doctor->findings.count; k++) {
			const struct pga_finding *finding = &doctor->findings.list[k];

			if (!pga_finding_is_named(finding, asked->names[i]))
				continue;
			named = finding;
			fixable = fixable || finding->fix != NULL;
		}
		if (named == NULL)
			return pga_usage_error("doctor", "%s: there is no such finding here",
					       asked->names[i]);
		if (!fixable)
			return pga_usage_error("doctor", "%s: --fix cannot mend that: %s",
					       asked->names[i],
					       named->hint != NULL ? named->hint : named->message);
	}
	return PGA_EXIT_DONE;
}

static void apply(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked,
		  struct pga_doctor_fixes *fixes)
{
	size_t at = 0;

	for (size_t i = 0; i < doctor->findings.count; i++) {
		const struct pga_finding *finding = &doctor->findings.list[i];

		if (!is_wanted(doctor, asked, finding))
			continue;
		if (!fixes->list[at].failed && fixes->list[at].does.length > 0)
			run_fix(finding, false, &fixes->list[at]);
		at++;
	}
}

static int prepare_all(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked,
		       struct pga_doctor_fixes *fixes)
{
	struct pga_error error;

	fixes->list = calloc(doctor->findings.count + 1, sizeof *fixes->list);
	for (size_t i = 0; fixes->list != NULL && i < doctor->findings.count; i++)
		if (is_wanted(doctor, asked, &doctor->findings.list[i]) &&
		    prepare(&doctor->findings.list[i], fixes) != 0) {
			pga_doctor_fixes_free(fixes);
			break;
		}
	if (fixes->list != NULL)
		return PGA_EXIT_DONE;
	(void)pga_fail_memory(&error);
	pga_print_error(&error);
	return PGA_EXIT_FAILED;
}

static int do_it(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked,
		 struct pga_doctor_fixes *fixes)
{
	struct pga_error error;

	if (count_ready(fixes) > 0 && !asked->dry_run) {
		if (!asked->yes && !pga_question_possible())
			return pga_usage_error("doctor", "there is no terminal to ask on: --yes "
							 "does it, --dry-run shows what");
		if (!asked->yes && ask(fixes, &error) != 0) {
			pga_print_error(&error);
			return PGA_EXIT_FAILED;
		}
		apply(doctor, asked, fixes);
	}
	for (size_t i = 0; i < fixes->count; i++)
		fixes->failed += fixes->list[i].failed;
	if (asked->json)
		return PGA_EXIT_DONE;
	if (count_ready(fixes) == 0)
		(void)puts("There is nothing that --fix can mend.");
	print_plan(stdout, asked->dry_run ? "would " : "done: ", fixes);
	print_failures(stdout, fixes);
	return PGA_EXIT_DONE;
}

int pga_doctor_fix(const struct pga_doctor *doctor, const struct pga_doctor_asked *asked,
		   struct pga_doctor_fixes *fixes)
{
	int status = check_names(doctor, asked);

	if (status == PGA_EXIT_DONE)
		status = prepare_all(doctor, asked, fixes);
	return status == PGA_EXIT_DONE ? do_it(doctor, asked, fixes) : status;
}

void pga_doctor_fixes_free(struct pga_doctor_fixes *fixes)
{
	for (size_t i = 0; i < fixes->count; i++) {
		free(fixes->list[i].name);
		pga_text_free(&fixes->list[i].does);
	}
	free(fixes->list);
	memset(fixes, 0, sizeof *fixes);
}
