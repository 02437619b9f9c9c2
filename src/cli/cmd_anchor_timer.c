/* pganchor anchor timer: the user's systemd has the anchors refreshed. */
#include "anchor/refresh_timer.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "preload/session.h"
#include "report/json.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct timing {
	bool dry_run;
	bool yes;
	bool json;

	struct pga_refresh_timer timer;
	bool session; /* the user's systemd runs */
	bool changed;
	bool started;
	char *why; /* systemctl failed; or NULL */
};

static int print_json(const struct timing *timing)
{
	const struct pga_refresh_timer *timer = &timing->timer;

	return pga_json_print(
	    json_pack("{s:b, s:b, s:b, s:b, s:o, s:o, s:b}", "enabled", (int)timer->enabled,
		      "current", (int)timer->current, "session", (int)timing->session, "changed",
		      (int)timing->changed, "timer", pga_json_text(timer->timer), "service",
		      pga_json_text(timer->service), "dry_run", (int)timing->dry_run),
	    PGA_EXIT_DONE);
}

static void warn_of_systemctl(const struct timing *timing, const char *then)
{
	if (timing->why != NULL)
		pga_print_warning("%s; %s", timing->why, then);
}

static int enable(struct timing *timing, struct pga_error *error)
{
	struct pga_refresh_timer *timer = &timing->timer;

	timing->changed = !timer->enabled || !timer->current;
	if (!timing->dry_run && timing->changed) {
		if (pga_refresh_timer_enable(timer, timing->session, &timing->started, &timing->why,
					     error) != 0)
			return -1;
		warn_of_systemctl(timing, "the timer starts with your next session");
		timer->enabled = timer->current = timer->installed = true;
	}
	if (timing->json)
		return print_json(timing);
	if (!timing->changed)
		pga_print(stdout, "The timer is enabled already: %s\n", timer->timer);
	else if (timing->dry_run)
		pga_print(stdout, "Would enable the timer: %s, %s\n", timer->timer, timer->service);
	else
		pga_print(stdout, "Enabled the timer: %s, %s%s\n", timer->timer, timer->service,
			  timing->started ? "" : "; it starts with your next session");
	return PGA_EXIT_DONE;
}

static int disable(struct timing *timing, struct pga_error *error)
{
	struct pga_refresh_timer *timer = &timing->timer;

	timing->changed =
	    timer->enabled || access(timer->timer, F_OK) == 0 || access(timer->service, F_OK) == 0;
	if (!timing->dry_run && timing->changed) {
		if (pga_refresh_timer_disable(timer, timing->session, &timing->why, error) != 0)
			return -1;
		warn_of_systemctl(timing, "what runs ends with your session");
		timer->enabled = timer->current = timer->installed = false;
	}
	if (timing->json)
		return print_json(timing);
	pga_print(stdout, "%s\n",
		  !timing->changed  ? "The timer is not enabled."
		  : timing->dry_run ? "Would disable the timer, and remove its units."
				    : "Disabled the timer, and removed its units.");
	return PGA_EXIT_DONE;
}

static int tell(struct timing *timing, struct pga_error *error)
{
	const struct pga_refresh_timer *timer = &timing->timer;

	(void)error;
	if (timing->json)
		return print_json(timing);
	if (!timer->enabled || !timer->installed)
		(void)puts("The timer is not enabled: pganchor anchor timer enable");
	else if (!timer->current)
		pga_print(stdout,
			  "The timer is enabled, and its units are another pganchor's or were "
			  "changed: pganchor anchor timer enable writes them anew (%s)\n",
			  timer->service);
	else
		pga_print(stdout, "The timer is enabled: %s%s\n", timer->timer,
			  timing->session ? "" : "; no systemd of yours runs here");
	return PGA_EXIT_DONE;
}

static const struct {
	const char *word;
	int (*act)(struct timing *timing, struct pga_error *error);
} words[] = {{"enable", enable}, {"disable", disable}, {"status", tell}};

static int act(struct timing *timing, const char *word)
{
	struct pga_error error;
	int status = -1;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		timing->session = pga_user_session_runs();
		if (pga_refresh_timer_look(&timing->timer, &error) == 0)
			status = words[i].act(timing, &error);
		if (status < 0)
			pga_print_error(&error);
		return status < 0 ? PGA_EXIT_FAILED : status;
	}
	return pga_usage_error("anchor timer", "%s: not enable, disable or status", word);
}

static const struct pga_option options[] = {
    {.name = "yes", .target = offsetof(struct timing, yes), .help = "nothing is asked"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct timing, dry_run),
     .help = "change nothing, say what would be changed"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct timing, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct timing timing = {.json = false};
	int status;

	if (!pga_options_read(&pga_cmd_anchor_timer, argc, argv, &timing, &status))
		return status;
	status = act(&timing, argv[optind]);
	pga_refresh_timer_free(&timing.timer);
	free(timing.why);
	return status;
}

const struct pga_command pga_cmd_anchor_timer = {
    .name = "anchor timer",
    .summary = "have your systemd refresh the anchors",
    .usage = "enable|disable|status [OPTION ...]",
    .about =
	"Writes two units of your own systemd, pganchor-refresh.timer and .service, which run "
	"\"pganchor anchor refresh --due\": each source is asked once a week, a day earlier at "
	"most, and CRLs half-way to their next update. After a sleep, what was missed is made "
	"up for. pganchor bootstrap enables it where a systemd of yours runs.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "enable, disable or status",
    .least = 1,
    .most = 1,
    .run = run,
};
