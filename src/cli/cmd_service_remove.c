/* pganchor service remove: takes an entry out of its file. */
#include "cli/cmd_service.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "service/write.h"

#include <stddef.h>
#include <string.h>

/* An entry of the machine's file that the removed one has hidden so far. */
static void warn_of_uncovered(const struct pga_change *change)
{
	struct pga_service_file system;
	const struct pga_entry *entry;
	struct pga_error error;

	if (change->place == PGA_SERVICE_SYSTEM ||
	    pga_service_file_read(&system, PGA_SERVICE_SYSTEM, &error) != 0)
		return;
	entry = pga_service_file_find(&system, change->name);
	if (entry != NULL)
		pga_print_warning(
		    "%s, line %zu, has a service %s, too: the name means that one from now on",
		    system.path, entry->line, change->name);
	pga_service_file_free(&system);
}

static int remove_service(const struct pga_change *change, bool json)
{
	struct pga_changed changed;
	struct pga_error error;
	int status = PGA_EXIT_DONE;

	if (pga_service_name_check(change->name, true, &error) != 0 ||
	    pga_service_delete(change, &changed, &error) != 0) {
		pga_advise_root_for_file(change->place, &error);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	warn_of_uncovered(change);
	if (json) {
		status = pga_json_print(
		    json_pack("{s:o, s:b, s:b, s:o, s:i, s:i}", "service",
			      pga_json_text(change->name), "removed", !change->dry_run, "dry_run",
			      change->dry_run, "file", pga_json_text(changed.path), "line",
			      (int)changed.line, "entries", (int)changed.sections),
		    status);
	} else {
		pga_print(stdout, "%s from %s, line %zu",
			  change->dry_run ? "would remove" : "removed", changed.path, changed.line);
		if (changed.sections > 1)
			(void)printf(", and %zu more of the same name", changed.sections - 1);
		(void)puts(":");
		pga_print_service_lines(stdout, "    ", pga_text_string(&changed.removed),
					changed.removed.length);
	}
	pga_changed_free(&changed);
	return status;
}

struct removal {
	struct pga_change change;
	bool system;
	bool json;
};

static const struct pga_option options[] = {
    {.name = "system",
     .target = offsetof(struct removal, system),
     .help = "edit the file of the machine, not the user's"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct removal, change.dry_run),
     .help = "change nothing, say what would be removed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct removal, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct removal removal = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_service_remove, argc, argv, &removal, &status))
		return status;
	removal.change.place = removal.system ? PGA_SERVICE_SYSTEM : PGA_SERVICE_USER;
	removal.change.name = argv[optind];
	return remove_service(&removal.change, removal.json);
}

const struct pga_command pga_cmd_service_remove = {
    .name = "service remove",
    .summary = "take an entry out",
    .usage = "NAME [OPTION ...]",
    .about = "Takes the entry's header and settings out of the file, with one of the blank lines "
	     "around it. Every other byte stays, comments among them.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a service",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .run = run,
};
