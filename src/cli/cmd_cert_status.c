/* pganchor cert status: how one's own certificates stand. */
#include "cli/cmd_cert.h"

#include "base/edit.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cert/metrics.h"
#include "cert/renew.h"
#include "cli/cli.h"
#include "report/json.h"
#include "report/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of everybody: a collector of node_exporter is another user. */
#define METRICS_MODE      0644
#define METRICS_DIRECTORY 0755

struct asked {
	const char *metrics;
	bool json;
	bool quiet;
};

enum { NAME, USE, STATE, ENDS, RENEWED, COLUMNS };

/* 0 none is due, 3 one is, 1 one is broken. */
static int status_of(const struct pga_cert_views *views)
{
	int status = PGA_EXIT_DONE;

	for (size_t i = 0; i < views->count; i++) {
		if (views->list[i].state.standing == PGA_CERT_BROKEN)
			return PGA_EXIT_FAILED;
		if (views->list[i].state.standing == PGA_CERT_DUE)
			status = PGA_EXIT_WEAK;
	}
	return status;
}

static char *ends(const struct pga_cert_state *state)
{
	return state->to != 0 ? pga_cert_from_now(state->to) : strdup("-");
}

static char *renewed(const struct pga_cert_view *view)
{
	if (view->record->way[0] == '\0')
		return strdup("not by pganchor");
	if (view->record->failures > 0)
		return pga_cert_from_now(pga_renewal_next(view->record, &view->state));
	if (view->state.due == 0)
		return strdup("-");
	return view->state.standing == PGA_CERT_DUE ? strdup("due now")
						    : pga_cert_from_now(view->state.due);
}

static int print_table(const struct pga_cert_views *views, struct pga_error *error)
{
	static const char *const heading[COLUMNS] = {"NAME", "FOR", "STATE", "ENDS", "RENEWAL"};
	static const enum pga_colour colours[] = {PGA_PLAIN, PGA_YELLOW, PGA_RED};
	char **cells = calloc(views->count * COLUMNS + 1, sizeof *cells);
	enum pga_colour *marks = calloc(views->count + 1, sizeof *marks);
	bool failed = cells == NULL || marks == NULL;

	for (size_t i = 0; i < views->count && !failed; i++) {
		const struct pga_cert_view *view = &views->list[i];
		char **row = cells + i * COLUMNS;

		row[NAME] = strdup(view->record->name);
		row[USE] = strdup(view->record->server ? "server" : "client");
		row[STATE] = strdup(pga_cert_standing_word(view->state.standing));
		row[ENDS] = ends(&view->state);
		row[RENEWED] = renewed(view);
		for (size_t j = 0; j < COLUMNS; j++)
			failed = failed || row[j] == NULL;
		marks[i] = colours[view->state.standing];
	}
	if (!failed)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, views->count,
				marks);
	pga_cells_free(cells, views->count * COLUMNS);
	free(marks);
	return failed ? pga_fail_memory(error) : 0;
}

/* What is wrong, and what it was not renewed for. */
static void print_faults(const struct pga_cert_views *views)
{
	for (size_t i = 0; i < views->count; i++) {
		const struct pga_cert_view *view = &views->list[i];

		if (view->state.fault[0] != '\0')
			pga_print(stdout, "%s: %s\n", view->record->name, view->state.fault);
		if (view->state.hint[0] != '\0')
			pga_print(stdout, "    %s\n", view->state.hint);
		if (pga_cert_record_is_of_other(view->record, pga_cert_leaf(&view->state)))
			pga_print(
			    stdout,
			    "%s: another certificate is there than pganchor has put there: "
			    "somebody has exchanged it\n"
			    "    it is renewed as before; where it is of another CA, pganchor "
			    "cert add says how\n",
			    view->record->name);
		if (view->record->failures > 0)
			pga_print(stdout, "%s: not renewed, %ld %s, last %s: %s\n",
				  view->record->name, view->record->failures,
				  view->record->failures == 1 ? "time" : "times",
				  view->record->tried, view->record->why);
	}
}

/* The file is the new one or the old one, whenever it is read. */
static int write_metrics(const struct pga_cert_views *views, const char *path,
			 struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_edit edit = {.path = NULL};
	int result = -1;

	for (enum pga_cert_metric metric = 0; metric < PGA_CERT_METRICS; metric++) {
		pga_cert_metrics_add_help(&text, metric);
		for (size_t i = 0; i < views->count; i++)
			pga_cert_metrics_add(&text, metric, views->list[i].record,
					     &views->list[i].state);
	}
	if (text.failed) {
		(void)pga_fail_memory(error);
	} else if (strcmp(path, "-") == 0) {
		(void)fputs(pga_text_string(&text), stdout);
		result = 0;
	} else if (pga_edit_begin_in(&edit, path, METRICS_MODE, METRICS_DIRECTORY, error) == 0) {
		edit.unnoted = true;
		if (pga_edit_stage(&edit, pga_text_string(&text), text.length, error) == 0)
			result = pga_edit_commit(&edit, error);
		pga_edit_end(&edit);
	}
	pga_text_free(&text);
	return result;
}

static int print(const struct pga_cert_views *views, const struct asked *asked,
		 struct pga_error *error)
{
	const int status = status_of(views);
	json_t *items;

	if (asked->metrics != NULL && write_metrics(views, asked->metrics, error) != 0)
		return -1;
	if (asked->json) {
		items = json_array();
		for (size_t i = 0; i < views->count; i++)
			pga_json_add(items, pga_cert_as_json(&views->list[i]));
		return pga_json_print(json_pack("{s:o}", "certificates", items), status);
	}
	if (asked->quiet || asked->metrics != NULL)
		return status;
	if (views->count == 0) {
		(void)puts("no certificate is known here\nnext:\n    pganchor cert issue\nor, for "
			   "what is there already:\n    pganchor cert add");
		return status;
	}
	if (print_table(views, error) != 0)
		return -1;
	print_faults(views);
	return status;
}

static const struct pga_option options[] = {
    {.name = "metrics",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, metrics),
     .argument = "FILE",
     .names = PGA_NAMES_FILE,
     .help = "write metrics for Prometheus' node_exporter there (- for the standard output), and "
	     "nothing else"},
    {.name = "quiet",
     .letter = 'q',
     .target = offsetof(struct asked, quiet),
     .help = "print nothing; the exit status tells"},
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

	if (!pga_options_read(&pga_cmd_cert_status, argc, argv, &asked, &status))
		return status;
	if (asked.json && asked.metrics != NULL && strcmp(asked.metrics, "-") == 0)
		return pga_usage_error("cert status",
				       "--json, or --metrics to the standard output");
	status = pga_cert_views_read(&views, argv + optind, &error);
	if (status == 0)
		status = print(&views, &asked, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_cert_views_free(&views);
	return status;
}

const struct pga_command pga_cmd_cert_status = {
    .name = "cert status",
    .summary = "which of them are due, and which are broken",
    .usage = "[NAME ...] [OPTION ...]",
    .about = "Reads the files of the certificates that are known here, and says how long each is "
	     "valid, when it is renewed, and what is wrong with it: a key that is not the "
	     "certificate's, or that libpq or the server would refuse for its mode; one that has "
	     "expired, or could not be renewed. No server and no CA is asked.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a certificate",
    .least = 0,
    .most = 1000,
    .names = PGA_NAMES_CERT,
    .statuses = "Exit status: 0 none is due, 3 one is due, 1 one is broken, 2 usage.",
    .run = run,
};
