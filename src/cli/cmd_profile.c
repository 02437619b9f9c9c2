/* pganchor profile: what a profile holds, and why it is believed. Changes nothing. */
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_profile.h"
#include "cli/profile_options.h"
#include "report/json.h"

#include <getopt.h>
#include <stdlib.h>

struct asked {
	struct pga_profile_source source;
	bool pending;
	bool json;
};

static int print(const struct pga_system_profiles *profiles, bool json,
		 const struct pga_applied *applied)
{
	json_t *items;

	if (!json && profiles->count == 0)
		(void)puts("no profile is in " PGA_PROFILE_DIRECTORY
			   "\nnext:\n    pganchor profile FILE");
	for (size_t i = 0; !json && i < profiles->count; i++)
		pga_print_profile(&profiles->profiles[i], applied);
	if (!json)
		return PGA_EXIT_DONE;
	items = json_array();
	for (size_t i = 0; i < profiles->count; i++)
		pga_json_add(items, pga_profile_as_json(&profiles->profiles[i], applied));
	return pga_json_print(json_pack("{s:o}", "profiles", items), PGA_EXIT_DONE);
}

/* For a unit of systemd's: ExecCondition=. */
static int tell_pending(const struct pga_system_profiles *profiles,
			const struct pga_applied *applied)
{
	for (size_t i = 0; i < profiles->count; i++)
		if (!pga_applied_has(applied, &profiles->profiles[i]))
			return PGA_EXIT_DONE;
	return PGA_EXIT_FAILED;
}

static int load(const struct asked *asked, struct pga_system_profiles *profiles,
		struct pga_error *error)
{
	profiles->profiles = NULL;
	profiles->count = 0;
	if (asked->source.word == NULL)
		return pga_profiles_of_system(profiles, error);
	profiles->profiles = calloc(1, sizeof *profiles->profiles);
	if (profiles->profiles == NULL)
		return pga_fail_memory(error);
	if (pga_profile_fetch(&asked->source, profiles->profiles, error) != 0)
		return -1;
	profiles->count = 1;
	return 0;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.source = PGA_PROFILE_SOURCE_START};
	struct pga_system_profiles profiles = {NULL, 0};
	struct pga_applied applied = {.path = NULL};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_profile, argc, argv, &asked, &status))
		return status;
	if (asked.pending && asked.json)
		return pga_usage_error("profile", "--pending and --json: one of them");
	asked.source.word = optind < argc ? argv[optind] : NULL;
	if (asked.source.word == NULL &&
	    (asked.source.sha256 != NULL || asked.source.public_key != NULL))
		return pga_usage_error("profile", "--%s goes with a PROFILE",
				       asked.source.sha256 != NULL ? "sha256" : "public-key");
	if (load(&asked, &profiles, &error) != 0 || pga_applied_load(&applied, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else if (asked.pending) {
		status = tell_pending(&profiles, &applied);
	} else {
		status = print(&profiles, asked.json, &applied);
	}
	pga_applied_free(&applied);
	pga_system_profiles_free(&profiles);
	return status;
}

static const struct pga_option options[] = {
    PGA_PROFILE_SOURCE_OPTIONS(struct asked, source),
    {.name = "pending",
     .target = offsetof(struct asked, pending),
     .help = "print nothing; the exit status is 0 where a profile is not applied as it is now, and "
	     "1 where all are"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_profile = {
    .name = "profile",
    .summary = "show what a company's profile holds, and why it is believed",
    .usage = "[FILE | URL | -] [--sha256 HEX] [--public-key KEY] [OPTION ...] [--pending | --json]",
    .about =
	"Reads a profile, the file in which a company hands out its anchors, services and policy, "
	"and shows it; pganchor onboard applies it. Nothing is changed, and no server is asked but "
	"that of the address. Without a word, the profiles that the administrator has put into "
	"/etc/pganchor/profile.d.\n\n"
	"A file is believed that nobody else can write; an address where --sha256 is the digest of "
	"its bytes, or where its signature, NAME.minisig beside it, is by a key that is trusted "
	"here. A profile that is weaker than what holds without it, or has a secret in it, is "
	"none.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "FILE",
    .most = 1,
    .names = PGA_NAMES_FILE,
    .examples = "  pganchor profile acme.profile\n"
		"  pganchor profile https://it.acme.example/acme.profile --public-key acme.pub\n",
    .run = run,
};
