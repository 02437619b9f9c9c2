/* pganchor log: reads back what a policy in audit mode would have refused. */
#include "cli/cli.h"

#include "base/terminal.h"
#include "cli/print_fleet.h"
#include "cli/print_log.h"
#include "diagnose/audit_log.h"
#include "diagnose/quiet.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A moment in one of the forms that --help tells; -1 for any other. */
static time_t moment(const char *text)
{
	static const struct {
		char letter;
		long seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
	char *end;
	long number = strtol(text, &end, 10);

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (end != text && number >= 0 && number < 1000000 && end[0] == units[i].letter &&
		    end[1] == '\0')
			return time(NULL) - number * units[i].seconds;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm local = {.tm_isdst = -1};
		const char *rest = strptime(text, forms[i], &local);

		if (rest != NULL && *rest == '\0')
			return mktime(&local);
		if (rest != NULL && strcmp(rest, "Z") == 0)
			return timegm(&local);
	}
	return (time_t)-1;
}

struct asked {
	const char *file;
	time_t since;
	bool json;
	bool fleet;
};

static int take_since(void *into, const struct pga_option *option, const char *value)
{
	struct asked *asked = into;

	asked->since = moment(value);
	if (asked->since != (time_t)-1)
		return PGA_EXIT_DONE;
	return pga_usage_error("log", "--%s %s: not a time", option->name, value);
}

static const struct pga_option options[] = {
    {.name = "file",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, file),
     .argument = "FILE",
     .help = "read this file of a syslog daemon (- is standard input), and not systemd's journal "
	     "or the usual file in /var/log",
     .names = PGA_NAMES_FILE},
    {.name = "since",
     .kind = PGA_OPTION_TAKEN,
     .argument = "TIME",
     .help = "only from this moment on: 2026-11-22, \"2026-11-22 07:00\" (local time), or how "
	     "long ago: 30m, 12h, 7d",
     .take = take_since},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
    {.name = "fleet",
     .target = offsetof(struct asked, fleet),
     .help = "a line of JSON for each program, host and reason, for what collects such lines of "
	     "many machines"},
};

static void warn_of_unread(const struct pga_records *records)
{
	if (records->unreadable > 0)
		pga_print_warning("%s: %lu lines of pganchor's are cut or changed, and not counted",
				  records->source, records->unreadable);
	if (records->unread != NULL && records->unread[0] != '\0')
		pga_print_warning("not read, since compressed: %s\n    \"zcat FILE | pganchor log "
				  "--file -\" reads one of them",
				  records->unread);
}

static void print_quiet(const struct pga_quiet *quiet)
{
	struct pga_text words = PGA_TEXT_EMPTY;

	pga_quiet_add(&words, quiet);
	pga_print(stdout, "%s%s\n", pga_text_string(&words),
		  quiet->ready ? ": mode = enforce would refuse nothing of what has been" : "");
	if (quiet->ready && quiet->command != NULL)
		pga_print(stdout, "    %s\n", quiet->command);
	pga_text_free(&words);
}

static int print(const struct asked *asked, const struct pga_records *records)
{
	struct pga_quiet quiet;
	const bool tells = pga_quiet_judge(&quiet, records, asked->file, asked->since);
	struct pga_error error;
	int status = records->count > 0 ? PGA_EXIT_WEAK : PGA_EXIT_DONE;

	/* JSON has the warnings, too; people read what comes last. */
	if (!asked->json && pga_print_log(records, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	if (tells && !asked->json)
		print_quiet(&quiet);
	warn_of_unread(records);
	if (asked->json)
		status = pga_print_log_json(records, tells ? &quiet : NULL, status);
	pga_quiet_free(&quiet);
	return status;
}

static int print_fleet(const struct pga_records *records)
{
	warn_of_unread(records);
	return pga_print_fleet(records, records->count > 0 ? PGA_EXIT_WEAK : PGA_EXIT_DONE);
}

static int report(const struct asked *asked)
{
	struct pga_records records;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_records_read(&records, asked->file, asked->since, &error) != 0)
		pga_print_error(&error);
	else
		status = asked->fleet ? print_fleet(&records) : print(asked, &records);
	pga_records_free(&records);
	return status;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.file = NULL};
	int status;

	if (!pga_options_read(&pga_cmd_log, argc, argv, &asked, &status))
		return status;
	if (asked.json && asked.fleet)
		return pga_usage_error("log", "--json and --fleet are two reports");
	return report(&asked);
}

const struct pga_command pga_cmd_log = {
    .name = "log",
    .summary = "show what a policy in audit mode would have refused",
    .usage = "[OPTION ...]",
    .about = "Shows which programs made connections that the policy would have refused, had it not "
	     "been for mode = audit: how often, when last, where to and why. The gate tells syslog "
	     "of each; here those that are alike are one line.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 nothing would have been refused, 1 failed, 2 usage, 3 something "
		"would.",
    .examples = "  pganchor log --since 7d\n"
		"  pganchor log --file /var/log/auth.log --json\n"
		"  pganchor log --fleet --since 1d\n",
    .run = run,
};
