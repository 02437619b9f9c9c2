#include "cli/print_service_list.h"

#include "base/terminal.h"
#include "report/json.h"
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

enum column { NAME, HOST, DBNAME, USER, FILE_AND_LINE, VERDICT, COLUMNS };

/* host, and the port where it is not libpq's own; lists as libpq has them. */
static char *host_and_port(const struct pga_listed *listed)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *host = listed->settings[PGA_TOLD_HOST];
	const char *port = listed->settings[PGA_TOLD_PORT];

	pga_text_add(&text, host[0] != '\0' ? host : listed->settings[PGA_TOLD_HOSTADDR]);
	if (port[0] != '\0' && strcmp(port, "5432") != 0)
		pga_text_addf(&text, ":%s", port);
	return pga_text_take(&text);
}

static char *file_and_line(const struct pga_listed *listed)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s %s:%zu", pga_service_place_name(listed->file->place),
		      listed->file->path, listed->entry->line);
	return pga_text_take(&text);
}

static char *verdict(const struct pga_listed *listed)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, pga_entry_state_word(listed->evaluation.state));
	if (listed->hidden && listed->evaluation.state != PGA_ENTRY_SHADOWED)
		pga_text_add(&text, ", shadowed");
	return pga_text_take(&text);
}

static int fill_cells(char **cells, const struct pga_listed *listed, struct pga_error *error)
{
	char *host = host_and_port(listed);
	bool complete = true;

	if (host == NULL)
		return pga_fail_memory(error);
	cells[NAME] = pga_printable(listed->entry->name != NULL ? listed->entry->name : "?");
	cells[HOST] = pga_printable(host);
	cells[DBNAME] = pga_printable(listed->settings[PGA_TOLD_DBNAME]);
	cells[USER] = pga_printable(listed->settings[PGA_TOLD_USER]);
	cells[FILE_AND_LINE] = file_and_line(listed);
	cells[VERDICT] = verdict(listed);
	free(host);
	for (size_t i = 0; i < COLUMNS; i++)
		complete = complete && cells[i] != NULL;
	return complete ? 0 : pga_fail_memory(error);
}

static enum pga_colour colour_of(const struct pga_listed *listed)
{
	switch (listed->evaluation.state) {
	case PGA_ENTRY_ALLOWED:
		/* What is said of it nevertheless is a reason to look. */
		return listed->evaluation.why.length == 0 ? PGA_GREEN : PGA_YELLOW;
	case PGA_ENTRY_WEAK:
	case PGA_ENTRY_BROKEN:
		return PGA_RED;
	case PGA_ENTRY_UNKNOWN:
	case PGA_ENTRY_SHADOWED:
		break;
	}
	return PGA_YELLOW;
}

/* The reasons under the table, since they are longer than a column. */
static void print_reasons(const struct pga_listed *listed, char *const *cells)
{
	const char *at = pga_text_string(&listed->evaluation.why);
	bool first = true;

	for (; *at != '\0'; first = false) {
		char *line = strndup(at, strcspn(at, "\n"));
		char *printable = line != NULL ? pga_printable(line) : NULL;

		if (first)
			(void)printf("\n%s, %s: ", cells[NAME], cells[VERDICT]);
		else
			(void)fputs("    ", stdout);
		(void)printf("%s\n", printable != NULL ? printable : "");
		at += strcspn(at, "\n");
		at += *at == '\n';
		free(printable);
		free(line);
	}
}

static void print_rows(const struct pga_service_list *list, char *const *cells,
		       const enum pga_colour *marks)
{
	static const char *const heading[COLUMNS] = {"NAME", "HOST", "DBNAME",
						     "USER", "FILE", "VERDICT"};

	pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, list->count, marks);
	for (size_t i = 0; i < list->count; i++)
		print_reasons(&list->entries[i], cells + COLUMNS * i);
	if (list->weak > 0)
		(void)puts("\npganchor service show NAME shows the command that makes a weak entry "
			   "strong");
	if (list->no_roots > 0)
		(void)puts("\npganchor bootstrap --ca-url URL --fingerprint HEX pins the root of a "
			   "server's CA, and puts\nit into root.crt");
}

int pga_print_service_list(const struct pga_service_list *list, struct pga_error *error)
{
	char **cells = calloc(list->count * COLUMNS, sizeof *cells);
	enum pga_colour *marks = calloc(list->count, sizeof *marks);
	int result = -1;

	if (cells == NULL || marks == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (fill_cells(cells + COLUMNS * i, &list->entries[i], error) != 0)
			goto done;
		marks[i] = colour_of(&list->entries[i]);
	}
	print_rows(list, cells, marks);
	result = 0;
done:
	pga_cells_free(cells, list->count * COLUMNS);
	free(marks);
	return result;
}

void pga_print_no_service(const struct pga_service_file *user,
			  const struct pga_service_file *system)
{
	pga_print(stdout, "no services yet: %s %s, %s %s\n", user->path,
		  user->found ? "has none" : "is not there", system->path,
		  system->found ? "has none" : "is not there");
	(void)puts("    pganchor service add NAME --host HOST writes one");
}

static json_t *as_json(const struct pga_listed *listed)
{
	return json_pack("{s:o?, s:o, s:o, s:o, s:o, s:s, s:o, s:i, s:s, s:o, s:b}", "name",
			 listed->entry->name != NULL ? pga_json_text(listed->entry->name) : NULL,
			 "host", pga_json_text(listed->settings[PGA_TOLD_HOST]), "port",
			 pga_json_text(listed->settings[PGA_TOLD_PORT]), "dbname",
			 pga_json_text(listed->settings[PGA_TOLD_DBNAME]), "user",
			 pga_json_text(listed->settings[PGA_TOLD_USER]), "where",
			 pga_service_place_name(listed->file->place), "file",
			 pga_json_text(listed->file->path), "line", (int)listed->entry->line,
			 "verdict", pga_entry_state_word(listed->evaluation.state), "reasons",
			 pga_json_lines(pga_text_string(&listed->evaluation.why)), "shadowed",
			 listed->hidden || listed->evaluation.state == PGA_ENTRY_SHADOWED);
}

int pga_print_service_list_json(const struct pga_service_list *list, int status)
{
	json_t *services = json_array();

	for (size_t i = 0; i < list->count; i++)
		pga_json_add(services, as_json(&list->entries[i]));
	return pga_json_print(json_pack("{s:o, s:I, s:I}", "services", services, "weak",
					(json_int_t)list->weak, "broken", (json_int_t)list->broken),
			      status);
}
