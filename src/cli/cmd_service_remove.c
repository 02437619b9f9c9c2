/* pganchor service remove: takes an entry out of its file. */
#include "cli/cmd_service.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "service/write.h"

#include <getopt.h>
#include <string.h>

static void print_help(void)
{
	(void)fputs("usage: pganchor service remove NAME [--system] [--dry-run] [--json]\n\n"
		    "Takes the entry's header and settings out of the file, with one of the blank "
		    "lines around it.\n"
		    "Every other byte stays, comments among them.\n\n"
		    "  -s, --system   edit the file of the machine, not the user's\n"
		    "  -n, --dry-run  change nothing, say what would be taken out\n"
		    "  -j, --json     report as JSON\n"
		    "  -h, --help     show this\n",
		    stdout);
}

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
		pga_service_advise_root(change->place, &error);
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
		pga_service_print_lines(stdout, "    ", pga_text_string(&changed.removed),
					changed.removed.length);
	}
	pga_changed_free(&changed);
	return status;
}

int pga_service_remove(int argc, char **argv)
{
	static const struct option options[] = {
	    {"system", no_argument, NULL, 's'},
	    {"dry-run", no_argument, NULL, 'n'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct pga_change change = {.place = PGA_SERVICE_USER};
	bool json = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "snjh", options, NULL)) != -1) {
		switch (option) {
		case 's':
			change.place = PGA_SERVICE_SYSTEM;
			break;
		case 'n':
			change.dry_run = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			print_help();
			return PGA_EXIT_DONE;
		default:
			return pga_bad_option("service remove", argv, options);
		}
	}
	if (argc - optind != 1)
		return pga_usage_error("service remove", "exactly one name of a service");
	change.name = argv[optind];
	return remove_service(&change, json);
}
