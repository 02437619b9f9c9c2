/* pganchor forecast: which services stop on which day, and why. */
#include "cli/cli.h"

#include "base/memory_file.h"
#include "base/terminal.h"
#include "cli/cmd_service.h"
#include "cli/print_forecast.h"
#include "diagnose/forecast.h"
#include "diagnose/root_changes.h"
#include "report/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_DAYS     36500L
#define SECONDS_A_DAY 86400

/* Words of the command line, as often as an option was given. */
struct words {
	const char **list;
	size_t count;
};

struct asked {
	long days;
	struct words without;
	struct words with;
	struct words services;
	bool calendar;
	bool json;
};

static int take_days(void *into, const struct pga_option *option, const char *value)
{
	struct asked *asked = into;
	char *end;

	errno = 0;
	asked->days = strtol(value, &end, 10);
	if (errno == 0 && end != value && *end == '\0' && asked->days >= 0 &&
	    asked->days <= MOST_DAYS)
		return PGA_EXIT_DONE;
	return pga_usage_error("forecast", "--%s %s: not a number of days from 0 to %ld",
			       option->name, value, MOST_DAYS);
}

static int keep(struct words *words, const char *value)
{
	const char **grown = reallocarray(words->list, words->count + 1, sizeof *grown);

	if (grown == NULL) {
		struct pga_error error;

		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	words->list = grown;
	grown[words->count++] = value;
	return PGA_EXIT_DONE;
}

static int take_without(void *into, const struct pga_option *option, const char *value)
{
	(void)option;
	return keep(&((struct asked *)into)->without, value);
}

static int take_with(void *into, const struct pga_option *option, const char *value)
{
	(void)option;
	return keep(&((struct asked *)into)->with, value);
}

static int take_service(void *into, const struct pga_option *option, const char *value)
{
	(void)option;
	return keep(&((struct asked *)into)->services, value);
}

/* Of a root that is not there, the forecast would be that of every day. */
static void warn_of_absent(const struct pga_forecast *forecast,
			   const struct pga_root_changes *changes)
{
	for (size_t i = 0; i < changes->without_count; i++)
		if (!forecast->present[i])
			pga_print_warning("--without: no service trusts the root %s",
					  changes->without[i]);
}

static int status_of(const struct pga_forecast *forecast)
{
	if (forecast->ends.count > 0)
		return PGA_EXIT_WEAK;
	return forecast->findings.count > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

static int print(const struct asked *asked, const struct pga_forecast_told *told,
		 struct pga_error *error)
{
	const int status = status_of(told->forecast);

	warn_of_absent(told->forecast, told->changes);
	if (asked->json)
		return pga_print_forecast_json(told, status);
	if (asked->calendar)
		pga_warn_of_findings(&told->forecast->findings, PGA_ABOUT_SERVERS);
	if ((asked->calendar ? pga_print_forecast_calendar(told, error)
			     : pga_print_forecast(told, error)) != 0) {
		pga_print_error(error);
		return PGA_EXIT_FAILED;
	}
	return status;
}

static int suppose(const struct asked *asked, const struct pga_pins *pins,
		   struct pga_root_changes *changes, int *status, struct pga_error *error)
{
	for (size_t i = 0; i < asked->without.count; i++)
		if (pga_root_changes_without(changes, pins, asked->without.list[i], error) != 0) {
			*status = PGA_EXIT_USAGE;
			return -1;
		}
	for (size_t i = 0; i < asked->with.count; i++)
		if (pga_root_changes_with(changes, asked->with.list[i], error) != 0)
			return -1;
	return 0;
}

static int forecast(const struct asked *asked)
{
	struct pga_found_services services = {0};
	struct pga_root_changes changes = {0};
	struct pga_forecast made = {0};
	struct pga_pins pins = {0};
	struct pga_error error;
	const time_t now = time(NULL);
	const struct pga_forecast_question question = {
	    .services = asked->services.list,
	    .service_count = asked->services.count,
	    .now = now,
	    .last = now + asked->days * SECONDS_A_DAY,
	    .changes = &changes,
	    .user = &services.user,
	    .system = &services.system,
	    .policy = &services.policy,
	    .pins = &pins,
	};
	const struct pga_forecast_told told = {&made, &pins, &changes, asked->days};
	int status = PGA_EXIT_FAILED;

	/* Of this entry libpq would take what those that are looked at do not say. */
	(void)unsetenv("PGSERVICE");
	if (pga_keep_what_is_read_once("PGSERVICEFILE", false, &error) != 0 ||
	    pga_find_services(&services, &error) != 0 ||
	    pga_pins_load(&pins, &services.policy, &error) != 0 ||
	    suppose(asked, &pins, &changes, &status, &error) != 0 ||
	    pga_forecast_make(&question, &made, &error) != 0)
		pga_print_error(&error);
	else
		status = print(asked, &told, &error);
	pga_forecast_free(&made);
	pga_root_changes_free(&changes);
	pga_pins_free(&pins);
	pga_found_services_free(&services);
	return status;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.days = 90};
	int status;

	if (pga_options_read(&pga_cmd_forecast, argc, argv, &asked, &status)) {
		if (asked.json && asked.calendar)
			status = pga_usage_error("forecast", "--json and --ical: one of them");
		else
			status = forecast(&asked);
	}
	free(asked.without.list);
	free(asked.with.list);
	free(asked.services.list);
	return status;
}

static const struct pga_option options[] = {
    {.name = "days",
     .kind = PGA_OPTION_TAKEN,
     .argument = "N",
     .help = "look so many days ahead; 90 if left out",
     .take = take_days},
    {.name = "without",
     .kind = PGA_OPTION_TAKEN,
     .argument = "ROOT",
     .help = "suppose that this root were gone: the name of an anchor, or a SHA-256 fingerprint; "
	     "may be given several times",
     .names = PGA_NAMES_ANCHOR,
     .take = take_without},
    {.name = "with",
     .kind = PGA_OPTION_TAKEN,
     .argument = "FILE",
     .help = "suppose that the roots of this file were pinned, and in every file of roots; may be "
	     "given several times",
     .names = PGA_NAMES_FILE,
     .take = take_with},
    {.name = "service",
     .kind = PGA_OPTION_TAKEN,
     .argument = "NAME",
     .help = "look at this service alone; may be given several times",
     .names = PGA_NAMES_SERVICE,
     .take = take_service},
    {.name = "ical",
     .target = offsetof(struct asked, calendar),
     .help = "print a calendar (iCalendar, RFC 5545)"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_forecast = {
    .name = "forecast",
    .summary = "which services stop on which day, and why",
    .usage = "[--days N] [--without ROOT] [--with FILE] [--service NAME] [--ical | --json]",
    .about =
	"Connects to the server of every service, as far as the TLS handshake, and verifies the "
	"chain that it shows once more at each moment at which something ends or begins: its "
	"certificates, the roots and the CRLs that libpq uses here, and the pins. Each end is "
	"told, also one that comes behind another, and whether a renewed certificate of the "
	"server's would help. Of a server that is not reached, the roots that its chain may end "
	"in are told.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 nothing ends within the days; 1 failed, or a server was not "
		"reached; 2 usage; 3 something ends.",
    .examples = "  pganchor forecast --days 365\n"
		"  pganchor forecast --without old-root --with new-root.pem\n"
		"  pganchor forecast --ical >outages.ics\n",
    .run = run,
};
