#include "cli/status_processes.h"

#include "base/terminal.h"
#include "base/text.h"
#include "report/json.h"
#include "report/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether it has a libpq that the gate does not stand before. */
static bool is_bare(const struct pga_process *process)
{
	return (process->gate == NULL && process->libpq_count > 0) || process->own_libpq;
}

/* Whether it has a way to PostgreSQL linked in that the gate does not see. */
static bool is_inside(const struct pga_process *process)
{
	return process->inside != NULL;
}

/* Whether the gate is in it and lets a libpq of it connect to no server by TCP. */
static bool hides_tls(const struct pga_process *process)
{
	bool hides = false;

	for (size_t i = 0; i < process->libpq_count; i++)
		hides = hides || process->libpqs[i].hides_tls;
	return hides && process->gate != NULL;
}

/* Whether ld.so finds no module where it runs. */
static bool is_elsewhere(const struct pga_process *process)
{
	return process->gate == NULL && process->libpq_count > 0 && process->module_missing;
}

/* Whether no LD_PRELOAD brings the gate into it. */
static bool is_powerful(const struct pga_process *process)
{
	return is_bare(process) && !is_inside(process) && !is_elsewhere(process) && process->secure;
}

/* Whether it would have the gate, were it started again. */
static bool is_restartable(const struct pga_process *process)
{
	return is_bare(process) && !is_inside(process) && !is_elsewhere(process) &&
	       !process->secure;
}

static size_t count(const struct pga_processes *processes,
		    bool (*is)(const struct pga_process *process))
{
	size_t found = 0;

	for (size_t i = 0; i < processes->count; i++)
		found += is(&processes->list[i]) ? 1 : 0;
	return found;
}

bool pga_status_is_weak(const struct pga_processes *processes)
{
	return count(processes, is_bare) > 0;
}

/* Where the gate looks at its sessions; NULL where its file has gone, and nobody can tell. */
static const char *sessions_of(const struct pga_mapped_libpq *libpq)
{
	if (libpq->deleted)
		return NULL;
	return libpq->hides_tls ? "hidden" : "SSL_write";
}

json_t *pga_status_json(const struct pga_process *process)
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
		return is_elsewhere(process)  ? "no, not in its root"
		       : is_powerful(process) ? "no, set-user-ID or the like"
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

/* The programs with a libpq; those with the gate alone are only counted. */
static void print_table(const struct pga_processes *processes)
{
	static const char *const heading[COLUMNS] = {"PID",  "USER",  "PROGRAM",
						     "GATE", "LIBPQ", "FILE"};
	char **cells = calloc(processes->count * COLUMNS + 1, sizeof *cells);
	enum pga_colour *marks = calloc(processes->count + 1, sizeof *marks);
	size_t gated = 0;
	size_t rows = 0;

	for (size_t i = 0; cells != NULL && marks != NULL && i < processes->count; i++) {
		gated += processes->list[i].gate != NULL ? 1 : 0;
		if (processes->list[i].libpq_count == 0 && processes->list[i].inside == NULL)
			continue;
		marks[rows] = is_bare(&processes->list[i]) ? PGA_RED : PGA_PLAIN;
		fill_row(cells + COLUMNS * rows++, &processes->list[i]);
	}
	(void)printf("\nprograms of %s with the gate: %zu; with a libpq%s: %zu",
		     processes->of_all ? "everybody" : "yours", gated,
		     count(processes, is_inside) > 0 ? " or a driver" : "", rows);
	if (processes->unreadable > 0)
		(void)printf("; that cannot be looked into: %zu", processes->unreadable);
	(void)putchar('\n');
	if (rows > 0)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, rows, marks);
	pga_cells_free(cells, rows * COLUMNS);
	free(marks);
}

/* What is to be done about each kind that the gate does not cover. */
static void print_advice(const struct pga_processes *processes)
{
	const size_t bare = count(processes, is_restartable);
	const size_t elsewhere = count(processes, is_elsewhere);
	const size_t hidden = count(processes, hides_tls);
	const size_t inside = count(processes, is_inside);
	const size_t powerful = count(processes, is_powerful);

	if (bare > 0)
		(void)printf("%zu with a libpq and without the gate: start %s again where the gate "
			     "is active, or with pganchor run\n",
			     bare, bare == 1 ? "it" : "them");
	if (powerful > 0)
		(void)printf("%zu with a libpq and more power than its caller's, such as "
			     "set-user-ID, into which ld.so loads no gate: do not let %s connect "
			     "over TCP, or pganchor enable --ld-so-preload\n",
			     powerful, powerful == 1 ? "it" : "them");
	if (elsewhere > 0)
		(void)printf(
		    "%zu whose root directory has no module, as in a container, a chroot or "
		    "a sandbox: install pganchor there too\n",
		    elsewhere);
	if (hidden > 0)
		(void)printf("%zu with a libpq that has no shared OpenSSL: the gate cannot look at "
			     "a session of it, and lets it connect by TCP to exempt hosts alone\n",
			     hidden);
	if (inside > 0)
		(void)printf("%zu with a way to PostgreSQL inside that the gate does not see: give "
			     "%s sslmode=verify-full and sslrootcert by %s own settings\n",
			     inside, inside == 1 ? "it" : "them", inside == 1 ? "its" : "their");
}

void pga_status_print(const struct pga_processes *processes)
{
	print_table(processes);
	print_advice(processes);
}
