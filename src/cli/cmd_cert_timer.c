/* pganchor cert timer: systemd has a certificate renewed. */
#include "cli/cmd_cert.h"

#include "anchor/units.h"
#include "base/terminal.h"
#include "cert/timer.h"
#include "cli/cli.h"
#include "preload/session.h"
#include "report/json.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct timing {
	bool system;
	bool dry_run;
	bool yes;
	bool json;

	struct pga_cert_views views;
	const struct pga_cert_view *view;
	struct pga_cert_timer timer;
	bool runs; /* the systemd that is asked */
	bool changed;
	bool started;
	bool idle; /* it is enabled, and the systemd that runs does not have it */
	char *why; /* systemctl failed; or NULL */
};

/* What starts it, where systemd does not run now. */
static const char *next_start(const struct timing *timing)
{
	return timing->system ? "the next boot" : "your next session";
}

/* What stands on the disk is not what systemd does, where it could not be told. */
static void look_at_systemd(struct timing *timing)
{
	char *why = timing->runs && timing->timer.enabled
			? pga_systemctl(timing->system, "is-active", timing->timer.unit)
			: NULL;

	timing->idle = why != NULL;
	free(why);
}

static int print_json(const struct timing *timing)
{
	const struct pga_cert_timer *timer = &timing->timer;
	json_t *files = json_array();

	for (size_t i = 0; i < PGA_CERT_TIMER_FILES; i++)
		if (timer->wanted[i][0] != '\0')
			pga_json_add(files, pga_json_text(timer->paths[i]));
	return pga_json_print(
	    json_pack("{s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:b}", "name",
		      pga_json_text(timing->view->record->name), "timer",
		      pga_json_text(timer->unit), "system", (int)timing->system, "enabled",
		      (int)timer->enabled, "current", (int)(timer->enabled && timer->current),
		      "session", (int)timing->runs, "active",
		      (int)(timing->runs && timer->enabled && !timing->idle), "changed",
		      (int)timing->changed, "files", files, "dry_run", (int)timing->dry_run),
	    PGA_EXIT_DONE);
}

static int enable(struct timing *timing, struct pga_error *error)
{
	struct pga_cert_timer *timer = &timing->timer;
	const struct pga_cert_view *view = timing->view;

	if (view->record->way[0] == '\0')
		return pga_fail(error, "pganchor cert add NAME --ca ANCHOR",
				"%s: nothing is known of where it is renewed", view->record->name);
	look_at_systemd(timing);
	timing->changed = !timer->enabled || !timer->current || timing->idle;
	if (!timing->dry_run && timing->changed) {
		if (pga_cert_timer_enable(timer, timing->runs, &timing->started, &timing->why,
					  error) != 0)
			return -1;
		if (timing->why != NULL)
			pga_print_warning("%s; the timer starts with %s", timing->why,
					  next_start(timing));
		timer->enabled = timer->current = true;
		timing->idle = timing->why != NULL;
	}
	if (timing->json)
		return print_json(timing);
	if (!timing->changed)
		pga_print(stdout, "The timer is enabled already: %s\n", timer->unit);
	else if (timing->dry_run)
		pga_print(stdout, "Would enable the timer: %s\n", timer->unit);
	else
		pga_print(stdout, "Enabled the timer: %s%s%s\n", timer->unit,
			  timing->started ? "" : "; it starts with ",
			  timing->started ? "" : next_start(timing));
	if (view->state.due_date[0] != '\0')
		pga_print(stdout,
			  "    it looks each %ld s, and renews the certificate from %s on\n",
			  pga_cert_timer_pause((long)(view->state.to - view->state.from)),
			  view->state.due_date);
	return PGA_EXIT_DONE;
}

static int disable(struct timing *timing, struct pga_error *error)
{
	struct pga_cert_timer *timer = &timing->timer;

	timing->changed = timer->enabled;
	for (size_t i = 2; i < PGA_CERT_TIMER_FILES; i++)
		timing->changed = timing->changed || access(timer->paths[i], F_OK) == 0;
	if (!timing->dry_run && timing->changed) {
		if (pga_cert_timer_disable(timer, timing->runs, &timing->why, error) != 0)
			return -1;
		if (timing->why != NULL)
			pga_print_warning("%s; what runs ends with your session", timing->why);
		timer->enabled = timer->current = false;
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
	const struct pga_cert_timer *timer = &timing->timer;
	const char *system = timing->system ? " --system" : "";
	const char *name = timing->view->record->name;

	(void)error;
	look_at_systemd(timing);
	if (timing->json)
		return print_json(timing);
	if (!timer->enabled)
		pga_print(stdout, "The timer is not enabled: pganchor cert timer enable %s%s\n",
			  name, system);
	else if (!timer->current)
		pga_print(stdout,
			  "The timer is enabled, and its units are another pganchor's or were "
			  "changed: pganchor cert timer enable %s%s writes them anew\n",
			  name, system);
	else if (timing->idle)
		pga_print(stdout,
			  "The timer is enabled, and systemd does not run it: pganchor cert timer "
			  "enable %s%s starts it\n",
			  name, system);
	else
		pga_print(stdout, "The timer is enabled: %s%s\n", timer->unit,
			  timing->runs ? "" : "; no such systemd runs here");
	return PGA_EXIT_DONE;
}

static const struct {
	const char *word;
	int (*act)(struct timing *timing, struct pga_error *error);
} words[] = {{"enable", enable}, {"disable", disable}, {"status", tell}};

static int begin(struct timing *timing, char *const *names, struct pga_error *error)
{
	if (timing->system && geteuid() != 0 && !timing->dry_run)
		return pga_fail(error, "without --system, it is your own systemd's",
				"the machine's systemd is root's to change");
	timing->runs =
	    timing->system ? access("/run/systemd/system", F_OK) == 0 : pga_user_session_runs();
	if (pga_cert_views_read(&timing->views, names, error) != 0)
		return -1;
	timing->view = &timing->views.list[0];
	return pga_cert_timer_look(timing->view->record, &timing->view->state, timing->system,
				   &timing->timer, error);
}

static int act(struct timing *timing, const char *word, char *const *names)
{
	struct pga_error error;
	int status = -1;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		if (begin(timing, names, &error) == 0)
			status = words[i].act(timing, &error);
		if (status < 0)
			pga_print_error(&error);
		return status < 0 ? PGA_EXIT_FAILED : status;
	}
	return pga_usage_error("cert timer", "%s: not enable, disable or status", word);
}

static const struct pga_option options[] = {
    {.name = "system",
     .target = offsetof(struct timing, system),
     .help = "the machine's systemd, as root; if left out, your own"},
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

	if (!pga_options_read(&pga_cmd_cert_timer, argc, argv, &timing, &status))
		return status;
	status = act(&timing, argv[optind], argv + optind + 1);
	pga_cert_timer_free(&timing.timer);
	pga_cert_views_free(&timing.views);
	free(timing.why);
	return status;
}

const struct pga_command pga_cmd_cert_timer = {
    .name = "cert timer",
    .summary = "have systemd renew one in time",
    .usage = "enable|disable|status NAME [OPTION ...]",
    .about =
	"Writes units of systemd, pganchor-renew@.timer and .service, which run \"pganchor cert "
	"renew NAME\": every quarter of an hour, or more often for a certificate that does not "
	"live long. It is renewed when two thirds of its life are over, up to a twentieth of it "
	"earlier, each certificate at another moment; what was slept through is made up for. "
	"The service may write the directories of the two files, and of certs.conf, and nothing "
	"else, but for your own systemd's, which may write your home; what --exec starts has no "
	"more power than it.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "enable, disable or status, and the name of a certificate",
    .least = 2,
    .most = 2,
    .names = PGA_NAMES_CERT,
    .statuses = "Exit status: 0 done, or as it was to be already; 1 failed; 2 usage.",
    .run = run,
};
