/* pganchor anchor rename: another name for an anchor. */
#include "base/terminal.h"
#include "base/text.h"
#include "cli/bootstrap_copy.h"
#include "cli/cli.h"
#include "cli/print_bootstrap.h"
#include "policy/linked.h"
#include "report/json.h"
#include "service/rename_anchor.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

struct renaming {
	bool system;
	bool dry_run;
	bool json;

	const char *old_name;
	const char *new_name;
	struct pga_renaming done;
};

static const char *const labels[PGA_RENAMED_FILES] = {
    [PGA_RENAMED_CONF] = "anchors.conf",      [PGA_RENAMED_SOURCES] = "sources.conf",
    [PGA_RENAMED_CRLS] = "crls.conf",         [PGA_RENAMED_OLD_CRT] = "old.crt",
    [PGA_RENAMED_NEW_CRT] = "anchor.crt",     [PGA_RENAMED_OLD_CRL] = "old.crl",
    [PGA_RENAMED_NEW_CRL] = "anchor.crl",     [PGA_RENAMED_ROOT_CRT] = "root.crt",
    [PGA_RENAMED_USER_SERVICES] = "services", [PGA_RENAMED_SYSTEM_SERVICES] = "system_services",
    [PGA_RENAMED_USER_HARDENED] = "hardened", [PGA_RENAMED_SYSTEM_HARDENED] = "system_hardened",
};

static void print_text(const struct renaming *renaming)
{
	const struct pga_renaming *done = &renaming->done;
	const char *rest = pga_text_string(&done->services);
	const char *line;
	size_t length;

	if (done->finished)
		pga_print(stdout, "Anchor %s has its name already: %s what was left of %s.\n",
			  renaming->new_name, renaming->dry_run ? "would take away" : "took away",
			  renaming->old_name);
	else
		pga_print(stdout, "Anchor %s %s %s.\n", renaming->old_name,
			  renaming->dry_run ? "would be called" : "is called", renaming->new_name);
	pga_print(stdout, "    %s\n", done->files[PGA_RENAMED_NEW_CRT].path);
	while (pga_next_line(&rest, &line, &length))
		pga_print(stdout, "    service %.*s names that file\n", (int)length, line);
	if (renaming->dry_run)
		(void)puts("This was a dry run: nothing was changed.");
}

static int report_json(const struct renaming *renaming)
{
	const struct pga_renaming *done = &renaming->done;
	json_t *files = json_object();

	for (size_t i = 0; i < PGA_RENAMED_FILES; i++)
		pga_json_set(files, labels[i], pga_json_file(&done->files[i]));
	return pga_json_print(
	    json_pack("{s:o, s:o, s:b, s:b, s:b, s:o, s:o}", "anchor",
		      pga_json_text(renaming->new_name), "before",
		      pga_json_text(renaming->old_name), "system", (int)renaming->system,
		      "finished", (int)done->finished, "dry_run", (int)renaming->dry_run,
		      "services", pga_json_lines(pga_text_string(&done->services)), "files", files),
	    PGA_EXIT_DONE);
}

static int rename_anchor(struct renaming *renaming)
{
	struct pga_followed_copy copy = {.possible = false};
	struct pga_hidden_environment hidden;
	struct pga_error error;
	int result;

	if (pga_hide_environment(&hidden) != 0) {
		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (!renaming->dry_run && !renaming->system)
		pga_followed_copy_begin(&copy);
	result = pga_anchor_rename(renaming->old_name, renaming->new_name, renaming->system,
				   renaming->dry_run, &renaming->done, &error);
	pga_restore_environment(&hidden);
	pga_followed_copy_end(&copy);
	if (result != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (renaming->system)
		pga_print_warning("service files of other users may name the old file: it is gone "
				  "for them, too");
	if (renaming->json)
		return report_json(renaming);
	print_text(renaming);
	return PGA_EXIT_DONE;
}

static const struct pga_option options[] = {
    {.name = "system",
     .target = offsetof(struct renaming, system),
     .help = "one of the system's; as root"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct renaming, dry_run),
     .help = "change nothing, say what would be changed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct renaming, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct renaming renaming = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_anchor_rename, argc, argv, &renaming, &status))
		return status;
	renaming.old_name = argv[optind];
	renaming.new_name = argv[optind + 1];
	if (!pga_pin_name_is_valid(renaming.new_name))
		return pga_usage_error("anchor rename",
				       "%s: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with "
				       "neither . nor - in front",
				       renaming.new_name);
	status = rename_anchor(&renaming);
	pga_renaming_free(&renaming.done);
	return status;
}

const struct pga_command pga_cmd_anchor_rename = {
    .name = "anchor rename",
    .summary = "give an anchor another name",
    .usage = "NAME NEW-NAME [OPTION ...]",
    .about = "Changes the name in anchors.conf, of the anchor's own file, in root.crt, and in the "
	     "entries of pg_service.conf that name the file. No service is without its file in "
	     "between; where it was killed, the same command again finishes it.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of an anchor, and its new one",
    .least = 2,
    .most = 2,
    .names = PGA_NAMES_ANCHOR,
    .run = run,
};
