/* pganchor uninstall: puts the home back as it was found. */
#include "cli/cli.h"
#include "cli/print_uninstall.h"
#include "cli/question.h"

#include "base/terminal.h"
#include "policy/linked.h"
#include "uninstall/plan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct leaving {
	struct pga_uninstall plan;
	bool keep_services;
	bool passwords;
	bool system;
	bool dry_run;
	bool yes;
	bool json;
};

/* The plan as it is shown. It belongs to the caller; NULL for want of memory. */
static char *written(const struct pga_uninstall *plan, enum pga_told_when when)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		return NULL;
	pga_print_uninstall(stream, plan, when);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

/* The environment's settings are none of a service's. */
static int make_plan(struct leaving *leaving, struct pga_error *error)
{
	struct pga_hidden_environment hidden;
	int result;

	leaving->plan = (struct pga_uninstall){.keep_services = leaving->keep_services,
					       .passwords = leaving->passwords};
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = pga_uninstall_plan(&leaving->plan, error);
	pga_restore_environment(&hidden);
	return result;
}

static int ask(const char *plan, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows what",
			       error) != 0)
		return -1;
	pga_print(question.out, "%s", plan);
	return pga_question_confirm(&question, "Do all of this? Type yes: ", error);
}

/* While somebody thinks, nobody else waits for the locks: the plan is made again. */
static int ask_and_plan_again(struct leaving *leaving, struct pga_error *error)
{
	char *shown = written(&leaving->plan, PGA_TOLD_BEFORE);
	char *now = NULL;
	int result = -1;

	if (shown == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	pga_uninstall_end(&leaving->plan);
	if (ask(shown, error) != 0 || make_plan(leaving, error) != 0)
		goto done;
	now = written(&leaving->plan, PGA_TOLD_BEFORE);
	if (now == NULL)
		(void)pga_fail_memory(error);
	else if (strcmp(shown, now) != 0)
		(void)pga_fail(error, "run it again; nothing was changed",
			       "another program has changed something in the meantime");
	else
		result = 0;
done:
	free(shown);
	free(now);
	return result;
}

static int report(const struct leaving *leaving)
{
	char *text;

	if (leaving->json)
		return pga_print_uninstall_json(&leaving->plan, leaving->dry_run);
	text = written(&leaving->plan, leaving->dry_run ? PGA_TOLD_WOULD : PGA_TOLD_DONE);
	pga_print(stdout, "%s", text != NULL ? text : "done\n");
	free(text);
	return PGA_EXIT_DONE;
}

/* Whether something was changed is always said. */
static void print_failure(const struct leaving *leaving, struct pga_error *error)
{
	pga_print_error(error);
	if (leaving->plan.changed)
		pga_print_warning("some of it was done all the same\n    run pganchor uninstall "
				  "again for the rest");
}

static int leave(struct leaving *leaving)
{
	struct pga_error error;

	if (make_plan(leaving, &error) != 0)
		goto failed;
	if (leaving->dry_run || leaving->plan.step_count == 0)
		return report(leaving);
	if (!leaving->yes && !pga_question_possible()) {
		(void)pga_usage_error("uninstall", "there is no terminal to ask on: --yes does it, "
						   "--dry-run shows what");
		return PGA_EXIT_USAGE;
	}
	if ((leaving->yes || ask_and_plan_again(leaving, &error) == 0) &&
	    pga_uninstall_do(&leaving->plan, &error) == 0)
		return report(leaving);
failed:
	print_failure(leaving, &error);
	return PGA_EXIT_FAILED;
}

static const struct pga_option options[] = {
    {.name = "keep-services",
     .target = offsetof(struct leaving, keep_services),
     .help = "leave the services that pganchor has written"},
    {.name = "passwords",
     .target = offsetof(struct leaving, passwords),
     .help = "remove the passwords and passphrases that pganchor keeps in the keyring, too"},
    {.name = "system",
     .target = offsetof(struct leaving, system),
     .help = "say how the machine's files are put back, which are root's to change"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct leaving, dry_run),
     .help = "change nothing, and show what would be done"},
    {.name = "yes", .target = offsetof(struct leaving, yes), .help = "do it without a question"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct leaving, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct leaving leaving = {.yes = false};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_uninstall, argc, argv, &leaving, &status))
		return status;
	if (leaving.system) {
		(void)pga_fail(&error,
			       "sudo pganchor disable --all; sudo pganchor anchor remove --system "
			       "NAME",
			       "--system: what is in /etc is taken out one by one; nothing was "
			       "changed");
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	status = leave(&leaving);
	pga_uninstall_end(&leaving.plan);
	return status;
}

const struct pga_command pga_cmd_uninstall = {
    .name = "uninstall",
    .summary = "put the home back as it was before pganchor",
    .usage = "[OPTION ...]",
    .about =
	"Takes everything out of your home that pganchor has put there: the gate out of your "
	"session and shell, the services that it wrote and nobody has changed since, the CRLs, the "
	"anchors and their copies in root.crt, its own files, and the directories that it made. "
	"What it found comes back to the byte. What is yours stays, and what was pganchor's and "
	"was "
	"changed by somebody is named and left.\n\n"
	"All of it is shown first, with the services that lose their anchor; then it asks.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 done; 1 failed; 2 usage, and where there is no terminal to ask on.",
    .examples = "  pganchor uninstall --dry-run\n",
    .run = run,
};
