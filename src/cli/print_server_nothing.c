#include "cli/print_server_nothing.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "server/typed.h"

#include <stdio.h>

bool pga_server_nothing_has_lines(const struct pga_server_work *work)
{
	return work->undone == NULL && work->rules.record.count > 0;
}

static void add_lines(const struct pga_server_work *work, bool dry_run, struct pga_text *text)
{
	pga_text_addf(text,
		      "No line of pg_hba.conf %s put back: its rules stay as they are. What they "
		      "were is kept in %s/%s\n",
		      dry_run ? "would be" : "was", work->target.cluster.directory, PGA_HBA_BEFORE);
}

static void add_service(const char *way, const char *service, struct pga_text *text)
{
	pga_text_addf(text,
		      "There is nothing to undo by %s: service %s is by which pganchor server has "
		      "changed something there. This undoes it:\n    pganchor server undo %s",
		      way, service, service[0] == '-' ? "-- " : "");
	pga_text_add_shell_word(text, service);
	pga_text_add(text, "\n");
}

static void add_file(const struct pga_server_work *work, struct pga_text *text)
{
	pga_text_addf(text,
		      "There is nothing to undo by this service; but %s in its data directory "
		      "tells of a change by --data-dir. On the server, this undoes it:\n    ",
		      work->other_file);
	pga_server_add_typed(text, "undo", work->target.cluster.directory, NULL);
	pga_text_add(text, "\n");
}

void pga_print_server_nothing(const struct pga_server_work *work, bool dry_run)
{
	const char *way = work->wish->service != NULL ? "this service" : "--data-dir";
	struct pga_text text = PGA_TEXT_EMPTY;

	if (pga_server_nothing_has_lines(work))
		add_lines(work, dry_run, &text);
	else if (work->record.other != NULL)
		add_service(way, work->record.other, &text);
	else if (work->other_file != NULL)
		add_file(work, &text);
	else
		pga_text_addf(
		    &text, "There is nothing to undo: no change by %s is recorded there.\n", way);
	if (!text.failed)
		pga_print(stdout, "%s", pga_text_string(&text));
	pga_text_free(&text);
}
