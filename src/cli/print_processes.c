#include "cli/print_processes.h"

#include "base/terminal.h"
#include "base/text.h"
#include "diagnose/coverage.h"
#include "report/json.h"
#include "report/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the gate looks at its sessions; NULL where its file has gone, and nobody can tell. */
static const char *sessions_of(const struct pga_mapped_libpq *libpq)
{
	if (libpq->deleted)
		return NULL;
	return libpq->hides_tls ? "hidden" : "SSL_write";
}

json_t *pga_process_as_json(const struct pga_process *process)
{
	json_t *libpqs = json_array();

	for (size_t i = 0; i < process->libpq_count; i++) {
		const struct pga_mapped_libpq *libpq = &process->libpqs[i];

		pga_json_add(libpqs,
			     json_pack("{s:o, s:s?, s:s?, s:b}", "path", pga_json_text(libpq->path),
				       "version", libpq->version[0] != '\0' ? libpq->version : NULL,
				       "sessions", sessions_of(libpq), "deleted",
				       (int)libpq->deleted));
	}
	return json_pack(
	    "{s:i, s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:s?}", "pid", (int)process->pid, "user",
	    pga_json_text(process->user), "program", pga_json_text(process->name), "gate",
	    process->gate != NULL ? pga_json_text(process->gate) : json_null(), "gate_deleted",
	    (int)process->gate_deleted, "module_missing", (int)process->module_missing, "secure",
	    (int)process->secure, "libpqs", libpqs, "inside", process->inside);
}

enum column { PID, USER, PROGRAM, GATE, LIBPQ, FILE_NAME, COLUMNS };

static const char *gate_word(const struct pga_process *process)
{
	if (process->inside != NULL && process->libpq_count == 0)
		return "sees nothing";
	if (process->gate == NULL)
		return pga_process_is_elsewhere(process)  ? "no, not in its root"
		       : pga_process_is_powerful(process) ? "no, set-user-ID or the like"
							  : "no";
	if (process->inside != NULL)
		return "sees a part";
	return process->gate_deleted ? "yes, replaced since" : "yes";
}

static void fill_row(char **row, const struct pga_process *process)
{
	struct pga_text versions = PGA_TEXT_EMPTY;
	struct pga_text paths = PGA_TEXT_EMPTY;
	struct pga_text pid = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < process->libpq_count; i++) {
		const struct pga_mapped_libpq *libpq = &process->libpqs[i];

		pga_text_addf(&versions, "%s%s%s", i > 0 ? ", " : "",
			      libpq->version[0] != '\0' ? libpq->version : "?",
			      libpq->hides_tls ? " with TLS inside" : "");
		pga_text_addf(&paths, "%s%s%s", i > 0 ? ", " : "", libpq->path,
			      libpq->deleted ? " (replaced since)" : "");
	}
	if (process->inside != NULL) {
		const char *comma = process->libpq_count > 0 ? ", " : "";

		pga_text_addf(&versions, "%s%s inside", comma, process->inside);
		pga_text_addf(&paths, "%s%s", comma, process->file);
	}
	pga_text_addf(&pid, "%d", (int)process->pid);
	row[PID] = pga_text_take(&pid);
	row[PROGRAM] = pga_printable(process->name);
	row[USER] = pga_printable(process->user);
	row[GATE] = strdup(gate_word(process));
	row[LIBPQ] = pga_text_take(&versions);
	row[FILE_NAME] = pga_printable(pga_text_string(&paths));
	pga_text_free(&paths);
}

void pga_print_processes(const struct pga_processes *processes)
{
	static const char *const heading[COLUMNS] = {"PID",  "USER",  "PROGRAM",
						     "GATE", "LIBPQ", "FILE"};
	char **cells = calloc(processes->count * COLUMNS + 1, sizeof *cells);
	enum pga_colour *marks = calloc(processes->count + 1, sizeof *marks);
	bool inside = false;
	size_t gated = 0;
	size_t rows = 0;

	for (size_t i = 0; cells != NULL && marks != NULL && i < processes->count; i++) {
		const struct pga_process *process = &processes->list[i];

		gated += process->gate != NULL ? 1 : 0;
		inside = inside || process->inside != NULL;
		if (process->libpq_count == 0 && process->inside == NULL)
			continue;
		marks[rows] = pga_process_is_bare(process) ? PGA_RED : PGA_PLAIN;
		fill_row(cells + COLUMNS * rows++, process);
	}
	(void)printf("\nprograms of %s with the gate: %zu; with a libpq%s: %zu",
		     processes->of_all ? "everybody" : "yours", gated, inside ? " or a driver" : "",
		     rows);
	if (processes->unreadable > 0)
		(void)printf("; that cannot be looked into: %zu", processes->unreadable);
	(void)putchar('\n');
	if (rows > 0)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, rows, marks);
	pga_cells_free(cells, rows * COLUMNS);
	free(marks);
}
