/* pganchor onboard: applies a profile, and sees that every service of it works. */
#include "cli/cli.h"
#include "cli/bootstrap_existing.h"
#include "cli/bootstrap_timer.h"
#include "cli/bootstrap_warnings.h"
#include "cli/onboarding.h"
#include "cli/print_onboard.h"
#include "cli/profile_options.h"
#include "cli/question.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "password/secret.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int take_replaced(void *into, const struct pga_option *option, const char *value)
{
	struct pga_onboarding *onboarding = into;

	if (onboarding->replaced_count == PGA_ONBOARD_REPLACED)
		return pga_usage_error("onboard", "--%s: %d of them at the most", option->name,
				       PGA_ONBOARD_REPLACED);
	onboarding->replaced[onboarding->replaced_count++] = value;
	return PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "system-profiles",
     .target = offsetof(struct pga_onboarding, system_profiles),
     .help = "apply those of the administrator, in /etc/pganchor/profile.d"},
    PGA_PROFILE_SOURCE_OPTIONS(struct pga_onboarding, source),
    {.name = "replace",
     .kind = PGA_OPTION_TAKEN,
     .argument = "NAME",
     .help = "the service, anchor or key of the policy of this name is to be the profile's, "
	     "whatever is there; may be given several times",
     .names = PGA_NAMES_SERVICE,
     .take = take_replaced},
    {.name = "allow-older",
     .target = offsetof(struct pga_onboarding, leave.older),
     .help = "take an older version than was applied"},
    {.name = "allow-other-key",
     .target = offsetof(struct pga_onboarding, leave.other_key),
     .help = "take one that is not signed by the key of the one that was applied"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_onboarding, dry_run),
     .help = "change nothing, and show what would be done"},
    {.name = "yes",
     .target = offsetof(struct pga_onboarding, yes),
     .help = "do it without a question"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_onboarding, json),
     .help = "report in JSON"},
};

/* ---- the plan ---- */

static void say_asking(void *context, const struct pga_profile_anchor *anchor)
{
	const struct pga_onboarding *onboarding = context;

	if (onboarding->json)
		return;
	pga_print(stdout, "asking %s for the root of anchor %s\n", anchor->source, anchor->name);
	(void)fflush(stdout);
}

/* What brings the user here again, for hints. */
static int write_again(struct pga_onboarding *onboarding, struct pga_error *error)
{
	struct pga_text *text = &onboarding->again;

	pga_text_add(text, "pganchor onboard ");
	if (onboarding->system_profiles)
		pga_text_add(text, "--system-profiles");
	else
		pga_text_add_shell_word(text, onboarding->source.word);
	if (onboarding->source.sha256 != NULL) {
		pga_text_add(text, " --sha256 ");
		pga_text_add_shell_word(text, onboarding->source.sha256);
	}
	if (onboarding->source.public_key != NULL) {
		pga_text_add(text, " --public-key ");
		pga_text_add_shell_word(text, onboarding->source.public_key);
	}
	if (onboarding->source.ca_file != NULL) {
		pga_text_add(text, " --ca-file ");
		pga_text_add_shell_word(text, onboarding->source.ca_file);
	}
	return text->failed ? pga_fail_memory(error) : 0;
}

static int fetch(struct pga_onboarding *onboarding, struct pga_error *error)
{
	struct pga_system_profiles *fetched = &onboarding->fetched;

	if (onboarding->system_profiles) {
		if (pga_profiles_of_system(fetched, error) != 0)
			return -1;
	} else {
		fetched->profiles = calloc(1, sizeof *fetched->profiles);
		if (fetched->profiles == NULL)
			return pga_fail_memory(error);
		if (pga_profile_fetch(&onboarding->source, &fetched->profiles[0], error) != 0)
			return -1;
		fetched->count = 1;
	}
	onboarding->profiles = calloc(fetched->count + 1, sizeof *onboarding->profiles);
	return onboarding->profiles != NULL ? 0 : pga_fail_memory(error);
}

/* Each is planned on what is there: of two that are about the same, the second finds out when it
 * is applied. */
static int plan(struct pga_onboarding *onboarding, struct pga_error *error)
{
	for (size_t i = 0; i < onboarding->fetched.count; i++) {
		struct pga_application *application = &onboarding->profiles[i].application;

		application->fetched = &onboarding->fetched.profiles[i];
		application->leave = onboarding->leave;
		application->replaced = onboarding->replaced;
		application->replaced_count = onboarding->replaced_count;
		application->again = pga_text_string(&onboarding->again);
		onboarding->count++;
		if (pga_apply_prepare(application, say_asking, onboarding, error) != 0 ||
		    pga_apply(application, true, error) != 0)
			return -1;
	}
	return 0;
}

static bool changes(const struct pga_onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->count; i++)
		if (onboarding->profiles[i].application.changes)
			return true;
	return false;
}

static void print_plans(FILE *stream, const struct pga_onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->count; i++)
		pga_print_onboard_plan(stream, &onboarding->profiles[i].application);
	(void)fflush(stream);
}

/* That a root's days are numbered, and hosts that its CA can never sign for. */
static int warn_of_roots(const struct pga_onboarding *onboarding, struct pga_error *error)
{
	for (size_t i = 0; i < onboarding->count; i++) {
		const struct pga_application *application = &onboarding->profiles[i].application;

		for (size_t k = 0; k < application->anchor_count; k++) {
			const struct pga_apply_anchor *anchor = &application->anchors[k];

			if (anchor->action != PGA_APPLY_ADD)
				continue;
			pga_warn_before_pinning(&anchor->root->certificate, NULL);
			if (pga_warn_of_constraints(&anchor->root->certificate, anchor->hosts,
						    error) != 0)
				return -1;
		}
	}
	return 0;
}

/* ---- the question ---- */

/* Whether somebody has to say that its fingerprints are the right ones. */
static bool is_believed(const struct pga_onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->count; i++) {
		const struct pga_fetched_profile *fetched = &onboarding->fetched.profiles[i];

		if (onboarding->profiles[i].application.changes && !fetched->is_signed &&
		    fetched->trust != PGA_PROFILE_BY_DIGEST &&
		    fetched->trust != PGA_PROFILE_BY_SYSTEM)
			return false;
	}
	return true;
}

static int ask(const struct pga_onboarding *onboarding, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows what",
			       error) != 0)
		return -1;
	print_plans(question.out, onboarding);
	return pga_question_confirm(&question,
				    "Trust these roots for PostgreSQL, and do all of "
				    "this? Type yes: ",
				    error);
}

/* ---- doing it ---- */

static int apply(struct pga_onboarding *onboarding, struct pga_error *error)
{
	int result = 0;

	pga_followed_copy_begin(&onboarding->copy);
	for (size_t i = 0; result == 0 && i < onboarding->count; i++) {
		struct pga_application *application = &onboarding->profiles[i].application;

		result = pga_apply(application, false, error);
		onboarding->applied = onboarding->applied || (result == 0 && application->changes);
		if (result == 0 && !onboarding->json && application->visible)
			/* A profile's name is harmless as it is: this needs no memory to be said.
			 */
			(void)printf("profile %s: applied\n", application->fetched->profile.name);
	}
	pga_followed_copy_end(&onboarding->copy);
	return result;
}

/* The first anchor that is new; NULL: none is. */
static const struct pga_apply_anchor *first_new(const struct pga_onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->count; i++)
		for (size_t k = 0; k < onboarding->profiles[i].application.anchor_count; k++)
			if (onboarding->profiles[i].application.anchors[k].action == PGA_APPLY_ADD)
				return &onboarding->profiles[i].application.anchors[k];
	return NULL;
}

/* What was done is said, whatever comes behind. */
static int finish(struct pga_onboarding *onboarding, struct pga_error *error)
{
	const struct pga_apply_anchor *pinned = onboarding->applied ? first_new(onboarding) : NULL;
	int status;

	if (pinned != NULL)
		pga_bootstrap_timer(false, onboarding->json);
	/* From now on the gate refuses the servers of other roots. */
	if ((pinned != NULL && pga_existing_warn(&pinned->root->certificate, false, error) != 0) ||
	    pga_onboard_servers(onboarding, error) != 0) {
		pga_print_error(error);
		if (onboarding->applied)
			pga_print_warning("the profile is applied all the same");
		return PGA_EXIT_FAILED;
	}
	status = pga_onboard_status(onboarding);
	if (onboarding->json)
		return pga_print_onboard_json(onboarding, status);
	pga_print_onboard_end(onboarding);
	return status;
}

static int failed(const struct pga_onboarding *onboarding, struct pga_error *error)
{
	pga_print_error(error);
	if (onboarding->applied)
		pga_print_warning("the profiles before it are applied all the same");
	return PGA_EXIT_FAILED;
}

static int onboard(struct pga_onboarding *onboarding)
{
	struct pga_error error;

	if (write_again(onboarding, &error) != 0 || fetch(onboarding, &error) != 0 ||
	    plan(onboarding, &error) != 0 || warn_of_roots(onboarding, &error) != 0)
		return failed(onboarding, &error);
	/* At a login, say: there is nothing to tell. */
	if (onboarding->system_profiles && onboarding->yes && !onboarding->dry_run &&
	    !changes(onboarding))
		return PGA_EXIT_DONE;
	if (onboarding->count == 0 && !onboarding->json) {
		(void)puts("no profile is in " PGA_PROFILE_DIRECTORY);
		return PGA_EXIT_DONE;
	}
	if (onboarding->dry_run && onboarding->json)
		return pga_print_onboard_json(onboarding, PGA_EXIT_DONE);
	if (onboarding->dry_run) {
		print_plans(stdout, onboarding);
		(void)puts("This was a dry run: nothing was written.");
		return PGA_EXIT_DONE;
	}
	if (!onboarding->yes && !is_believed(onboarding)) {
		if (!pga_question_possible()) {
			return pga_usage_error(
			    "onboard", "nothing proves this profile, and there is no terminal to "
				       "ask on: --sha256 HEX or --public-key KEY prove it, --yes "
				       "takes your word for it, --dry-run shows what it would do");
		}
		if (ask(onboarding, &error) != 0)
			return failed(onboarding, &error);
	} else if (!onboarding->json) {
		print_plans(stdout, onboarding);
	}
	if (apply(onboarding, &error) != 0)
		return failed(onboarding, &error);
	return finish(onboarding, &error);
}

static void end(struct pga_onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->count; i++) {
		struct pga_onboard_profile *profile = &onboarding->profiles[i];

		pga_checked_services_free(profile->servers, profile->servers != NULL
								? profile->application.service_count
								: 0);
		free(profile->passwords);
		pga_application_free(&profile->application);
	}
	free(onboarding->profiles);
	pga_system_profiles_free(&onboarding->fetched);
	pga_text_free(&onboarding->again);
	pga_text_free(&onboarding->why_skipped);
}

static int run(int argc, char **argv)
{
	struct pga_onboarding onboarding = {.source = PGA_PROFILE_SOURCE_START};
	int status;

	pga_secret_hide_process();
	if (!pga_options_read(&pga_cmd_onboard, argc, argv, &onboarding, &status))
		return status;
	onboarding.source.word = optind < argc ? argv[optind] : NULL;
	if ((onboarding.source.word != NULL) == onboarding.system_profiles)
		return pga_usage_error("onboard", onboarding.system_profiles
						      ? "a profile and --system-profiles: one of "
							"them"
						      : "the profile is missing: a file, - or an "
							"https address; or --system-profiles");
	status = onboard(&onboarding);
	end(&onboarding);
	return status;
}

const struct pga_command pga_cmd_onboard = {
    .name = "onboard",
    .summary = "apply a company's profile: anchors, services, policy, passwords",
    .usage = "FILE|-|https://... [OPTION ...]\n--system-profiles [OPTION ...]",
    .about =
	"Applies a profile (pganchor-profile(5)): pins its anchors, writes its services, each "
	"verify-full, and makes the policy as strict as it asks, in one step that is done whole or "
	"not at all. Then it looks at every server, asks for the passwords that the profile "
	"names, tries them, and keeps them in the keyring.\n\n"
	"It can be run again at any time, and with a newer version: what you have changed by hand "
	"stays, and is told.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the profile",
    .most = 1,
    .names = PGA_NAMES_FILE,
    .statuses = "Exit status: 0 every server is verified; 1 failed, or applied and a server does "
		"not answer or is not the right one; 2 usage; 3 applied, and something is weaker "
		"than the policy.",
    .examples = "  pganchor onboard acme.profile\n"
		"  pganchor onboard https://intra.example.com/acme.profile --sha256 HEX\n"
		"  pganchor onboard --system-profiles --yes\n",
    .run = run,
};
