/* pganchor doctor: what is hazardous on this machine, why, and what mends it. */
#include "cli/cmd_doctor.h"

#include "base/home_text.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_doctor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(const char *id, const char *object, const char *word)
{
	const size_t length = strlen(id);

	return strncmp(word, id, length) == 0 && word[length] == ':' &&
	       strcmp(word + length + 1, object) == 0;
}

bool pga_finding_is_named(const struct pga_finding *finding, const char *word)
{
	const char *id = pga_finding_word(finding->id);
	struct pga_text object = PGA_TEXT_EMPTY;
	bool is;

	if (strcmp(word, id) == 0)
		return true;
	if (finding->object == NULL)
		return false;
	pga_text_add_home_short(&object, finding->object);
	is = is_word(id, finding->object, word) || is_word(id, pga_text_string(&object), word);
	pga_text_free(&object);
	return is;
}

bool pga_finding_is_asked(const struct pga_finding *finding, const struct pga_doctor_asked *asked)
{
	for (size_t i = 0; i < asked->count; i++)
		if (pga_finding_is_named(finding, asked->names[i]))
			return true;
	return asked->count == 0;
}

/* Returns -1 after an error. To be freed in either case. */
static int examine(struct pga_doctor *doctor, struct pga_checkup *checkup, bool online)
{
	struct pga_error error;

	memset(doctor, 0, sizeof *doctor);
	doctor->online = online;
	if (pga_doctor_begin(doctor, &error) == 0 && pga_doctor_run(doctor, checkup, &error) == 0)
		return 0;
	pga_print_error(&error);
	return -1;
}

static int print(const struct pga_doctor_report *report)
{
	const struct pga_doctor_fixes *fixes = report->fixes;
	int status = pga_exit_of(pga_doctor_worst(report->doctor));

	if (fixes != NULL && fixes->failed > 0)
		status = PGA_EXIT_FAILED;
	else if (fixes != NULL && report->asked->dry_run)
		status = PGA_EXIT_DONE;
	if (report->asked->json)
		return pga_print_doctor_json(report, status);
	pga_print_doctor(report);
	return status;
}

/* What is left is looked at once more. */
static int fix(struct pga_doctor_report *report, struct pga_doctor *doctor,
	       struct pga_checkup *checkup, struct pga_doctor_fixes *fixes)
{
	const struct pga_doctor_asked *asked = report->asked;
	int status = pga_doctor_fix(doctor, asked, fixes);

	if (status != PGA_EXIT_DONE)
		return status;
	report->fixes = fixes;
	if (asked->dry_run)
		return asked->json || fixes->failed > 0
			   ? (asked->json ? print(report) : PGA_EXIT_FAILED)
			   : PGA_EXIT_DONE;
	pga_doctor_free(doctor);
	if (examine(doctor, checkup, asked->online) != 0)
		return PGA_EXIT_FAILED;
	return print(report);
}

static int look(const struct pga_doctor_asked *asked)
{
	struct pga_doctor_fixes fixes = {.count = 0};
	struct pga_checkup checkup;
	struct pga_doctor doctor;
	struct pga_doctor_report report = {&doctor, &checkup, asked, NULL};
	int status = PGA_EXIT_FAILED;

	if (examine(&doctor, &checkup, asked->online) == 0)
		status = asked->accept != NULL ? pga_doctor_accept(&doctor, asked)
			 : asked->fix          ? fix(&report, &doctor, &checkup, &fixes)
					       : print(&report);
	pga_doctor_fixes_free(&fixes);
	pga_doctor_free(&doctor);
	return status;
}

/* Whether it begins with the id of a finding, there or not. */
static bool is_id(const char *word)
{
	const size_t length = strcspn(word, ":");

	for (size_t id = 0; id < PGA_FINDING_ID_COUNT; id++) {
		const char *known = pga_finding_word((enum pga_finding_id)id);

		if (strlen(known) == length && strncmp(known, word, length) == 0)
			return true;
	}
	return false;
}

static int check(const struct pga_doctor_asked *asked)
{
	/* --fix has a word for those that are not there. */
	for (size_t i = 0; i < asked->count && !asked->fix; i++)
		if (!is_id(asked->names[i]))
			return pga_usage_error("doctor",
					       "%s: no id of a finding: pganchor-findings(7) "
					       "lists them",
					       asked->names[i]);
	if ((asked->accept != NULL) + (asked->unaccept != NULL) + asked->fix > 1)
		return pga_usage_error("doctor", "--fix, --accept and --unaccept: one of them");
	if (asked->accept != NULL && (asked->reason == NULL || asked->reason[0] == '\0'))
		return pga_usage_error("doctor", "--accept goes with --reason TEXT: who reads it "
						 "next year has to know why");
	if (asked->accept == NULL && (asked->reason != NULL || asked->until != NULL))
		return pga_usage_error("doctor", "--reason and --accept-until go with --accept");
	if (asked->until != NULL && pga_accepted_date(asked->until) == 0)
		return pga_usage_error("doctor", "--accept-until %s: not a date such as 2027-05-31",
				       asked->until);
	if (asked->until != NULL && pga_accepted_date(asked->until) <= time(NULL))
		return pga_usage_error("doctor", "--accept-until %s: that is over", asked->until);
	if (asked->count > 0 && (asked->accept != NULL || asked->unaccept != NULL))
		return pga_usage_error("doctor", "%s: --accept and --unaccept take one finding",
				       asked->names[0]);
	return PGA_EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct pga_doctor_asked asked = {.all = false};
	int status;

	if (!pga_options_read(&pga_cmd_doctor, argc, argv, &asked, &status))
		return status;
	asked.names = argv + optind;
	asked.count = (size_t)(argc - optind);
	status = check(&asked);
	if (status != PGA_EXIT_DONE)
		return status;
	return asked.unaccept != NULL ? pga_doctor_unaccept(&asked) : look(&asked);
}

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct pga_doctor_asked, all),
     .help = "show what is fine, too"},
    {.name = "online",
     .target = offsetof(struct pga_doctor_asked, online),
     .help = "look at the servers of the services, too"},
    {.name = "fix",
     .target = offsetof(struct pga_doctor_asked, fix),
     .help = "mend what can be mended safely, or of that what is named"},
    {.name = "accept",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_doctor_asked, accept),
     .argument = "ID[:OBJECT]",
     .help = "accept this finding: it is shown as such, and does not count"},
    {.name = "reason",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_doctor_asked, reason),
     .argument = "TEXT",
     .help = "why it is accepted"},
    {.name = "accept-until",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_doctor_asked, until),
     .argument = "DATE",
     .help = "accept it up to this day (2027-05-31)"},
    {.name = "unaccept",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct pga_doctor_asked, unaccept),
     .argument = "ID[:OBJECT]",
     .help = "accept it no longer"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_doctor_asked, dry_run),
     .help = "change nothing, say what would be changed"},
    {.name = "yes",
     .target = offsetof(struct pga_doctor_asked, yes),
     .help = "mend it without a question"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_doctor_asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_doctor = {
    .name = "doctor",
    .summary = "what is hazardous on this machine, why, and what mends it",
    .usage = "[ID[:OBJECT] ...] [--all] [--online] [--json]\n"
	     "--fix [ID[:OBJECT] ...] [--dry-run | --yes] [--json]\n"
	     "--accept ID[:OBJECT] --reason TEXT [--accept-until DATE]\n"
	     "--unaccept ID[:OBJECT]",
    .about = "Looks at everything here by which a connection to PostgreSQL can be weaker than it "
	     "seems, and prints each hazard with why it matters and the command that mends it, the "
	     "worst first. --fix mends those that it can mend safely, once it has shown what it "
	     "would do and you agree.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "a finding",
    .most = SIZE_MAX,
    .statuses = "Exit status: 0 nothing is weaker than the policy, or all of it is accepted; 1 "
		"failed, or something could not be mended; 2 usage; 3 something is weaker.",
    .examples = "  pganchor doctor --fix --dry-run\n"
		"  pganchor doctor --accept service-weak:legacy --reason 'gone in May'\n",
    .run = run,
};
