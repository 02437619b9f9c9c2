#include "cli/probe_many.h"

#include "base/edit.h"
#include "base/many.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/print_probe_many.h"
#include "probe/metrics.h"

#include <stdlib.h>
#include <string.h>

/* Of everybody: a collector of node_exporter is another user. */
#define METRICS_MODE      0644
#define METRICS_DIRECTORY 0755

struct run {
	const struct pga_probe_asked *asked;
	const struct pga_fleet *fleet;
	struct pga_probe_report report;
	struct pga_metrics_row **rows; /* as many as were taken */
	size_t count;
};

static void *probe_one(void *context, size_t index, bool *failed)
{
	const struct run *run = context;
	const struct pga_fleet_server *server = &run->fleet->list[index];
	struct pga_probe_line *line = NULL;
	struct pga_probe probe;
	struct pga_error ignored;

	if (pga_probe_run(server->target, &run->asked->limits, &probe, &ignored) == 0)
		line =
		    pga_probe_line(server, &probe, run->asked->json, run->asked->metrics != NULL);
	pga_probe_free(&probe);
	*failed = line == NULL || line->status != PGA_EXIT_DONE;
	return line;
}

static int take_one(void *context, size_t index, void *result, struct pga_error *error)
{
	struct run *run = context;
	struct pga_probe_line *line = result;

	if (line == NULL)
		return pga_fail_memory(error);
	pga_probe_report_add(&run->report, &run->fleet->list[index], line);
	if (run->rows != NULL) {
		run->rows[run->count++] = line->row;
		line->row = NULL;
	}
	pga_probe_line_free(line);
	return 0;
}

static void drop_one(void *result)
{
	pga_probe_line_free(result);
}

/* The file is the new one or the old one, whenever it is read. */
static int write_file(const char *path, const struct pga_text *text, struct pga_error *error)
{
	struct pga_edit edit;

	if (pga_edit_begin_in(&edit, path, METRICS_MODE, METRICS_DIRECTORY, error) != 0)
		return -1;
	edit.unnoted = true;
	if (pga_edit_stage(&edit, pga_text_string(text), text->length, error) != 0 ||
	    pga_edit_commit(&edit, error) != 0) {
		pga_edit_end(&edit);
		return -1;
	}
	pga_edit_end(&edit);
	return 0;
}

static int write_metrics(const struct run *run, struct pga_error *error)
{
	const char *path = run->asked->metrics;
	struct pga_text text = PGA_TEXT_EMPTY;
	int result = 0;

	pga_metrics_add(&text, run->rows, run->count);
	if (text.failed)
		result = pga_fail_memory(error);
	else if (strcmp(path, "-") == 0)
		(void)fputs(pga_text_string(&text), stdout);
	else
		result = write_file(path, &text, error);
	pga_text_free(&text);
	return result;
}

static void warn_of_left_out(const struct pga_fleet *fleet)
{
	const char *rest = pga_text_string(&fleet->left_out);
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length))
		pga_print_warning("left out: %.*s", (int)length, line);
}

static int run_all(struct run *run)
{
	const struct pga_many many = {.count = run->fleet->count,
				      .jobs = (size_t)run->asked->jobs,
				      .work = probe_one,
				      .take = take_one,
				      .drop = drop_one,
				      .context = run,
				      .progress = "probing"};
	struct pga_error error;
	int result;
	int status;

	warn_of_left_out(run->fleet);
	pga_probe_report_begin(&run->report);
	result = pga_many_run(&many, &error);
	status = pga_probe_report_end(&run->report, result != 0);
	if (result > 0)
		pga_many_end(result);
	if (result == 0 && run->rows != NULL)
		result = write_metrics(run, &error);
	if (result != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	return status;
}

static int report(const struct pga_probe_asked *asked, const struct pga_fleet *fleet)
{
	const bool silent = asked->metrics != NULL && strcmp(asked->metrics, "-") == 0;
	struct run run = {.asked = asked,
			  .fleet = fleet,
			  .report = {.fleet = fleet,
				     .form = silent        ? PGA_PROBE_SILENT
					     : asked->json ? PGA_PROBE_JSON
							   : PGA_PROBE_TEXT}};
	int status = PGA_EXIT_FAILED;

	if (asked->metrics != NULL)
		run.rows = calloc(fleet->count + 1, sizeof(struct pga_metrics_row *));
	if (asked->metrics != NULL && run.rows == NULL) {
		struct pga_error error;

		(void)pga_fail_memory(&error);
		pga_print_error(&error);
	} else {
		status = run_all(&run);
	}
	for (size_t i = 0; i < run.count; i++)
		pga_metrics_row_free(run.rows[i]);
	free(run.rows);
	return status;
}

int pga_probe_many(const struct pga_probe_asked *asked)
{
	struct pga_probe_fleet found = {0};
	struct pga_error error;
	int status;

	if (pga_probe_fleet_find(asked, &found, &status, &error) != 0)
		pga_print_error(&error);
	else
		status = report(asked, &found.fleet);
	pga_probe_fleet_free(&found);
	return status;
}
