/* pganchor cert forget: what is known of a certificate goes, its files stay. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "cert/timer.h"
#include "cli/cli.h"
#include "preload/session.h"
#include "report/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct asked {
	bool dry_run;
	bool json;
};

/* What would renew it goes first: afterwards nobody knows its name. */
static int disable_timer(const struct pga_cert_record *record, const struct pga_cert_state *state,
			 bool system, struct pga_error *error)
{
	const bool runs =
	    system ? access("/run/systemd/system", F_OK) == 0 : pga_user_session_runs();
	struct pga_cert_timer timer;
	char *why = NULL;
	int result = 0;

	if (!pga_cert_timer_is_enabled(record->name, system))
		return 0;
	result = pga_cert_timer_look(record, state, system, &timer, error);
	if (result == 0)
		result = pga_cert_timer_disable(&timer, runs, &why, error);
	if (why != NULL)
		pga_print_warning("%s; the timer ends with the session", why);
	free(why);
	pga_cert_timer_free(&timer);
	return result;
}

int pga_cert_forget(const struct pga_cert_record *record, const struct pga_cert_state *state,
		    struct pga_error *error)
{
	if (disable_timer(record, state, false, error) != 0 ||
	    (geteuid() == 0 && disable_timer(record, state, true, error) != 0))
		return -1;
	return pga_cert_record_drop(record->name, error);
}

static int print(const struct pga_cert_record *record, const struct asked *asked)
{
	if (asked->json)
		return pga_json_print(
		    json_pack("{s:o, s:o, s:o, s:b}", "name", pga_json_text(record->name),
			      "certificate", pga_json_text(record->certificate), "key",
			      pga_json_text(record->key), "dry_run", (int)asked->dry_run),
		    PGA_EXIT_DONE);
	pga_print(stdout, "%s %s; %s and %s stay\n", asked->dry_run ? "Would forget" : "Forgot",
		  record->name, record->certificate, record->key);
	return PGA_EXIT_DONE;
}

static int forget(const struct pga_cert_view *view, const struct asked *asked,
		  struct pga_error *error)
{
	if (!asked->dry_run && pga_cert_forget(view->record, &view->state, error) != 0)
		return -1;
	return print(view->record, asked);
}

static const struct pga_option options[] = {
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "change nothing, say what would be forgotten"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct asked asked = {.json = false};
	struct pga_cert_views views;
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_cert_forget, argc, argv, &asked, &status))
		return status;
	status = pga_cert_views_read(&views, argv + optind, &error);
	if (status == 0)
		status = forget(&views.list[0], &asked, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_cert_views_free(&views);
	return status;
}

const struct pga_command pga_cmd_cert_forget = {
    .name = "cert forget",
    .summary = "know one no more; its files stay",
    .usage = "NAME [OPTION ...]",
    .about =
	"Takes what is known of a certificate out of certs.conf, and its timer away: it is renewed "
	"no more. The "
	"certificate and its key stay where they are, and valid; pganchor cert revoke has the "
	"CA take it back.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a certificate",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_CERT,
    .statuses = "Exit status: 0 forgotten, 1 failed and nothing changed, 2 usage.",
    .run = run,
};
