/* pganchor service list: every entry, where it stands, and its verdict. */
#include "cli/cmd_service.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "report/table.h"
#include "cli/print_unpinned.h"
#include "policy/linked.h"
#include "policy/pins.h"
#include "policy/secrets.h"
#include "service/evaluate.h"

#include <stdlib.h>
#include <string.h>

enum column { NAME, HOST, DBNAME, USER, FILE_AND_LINE, VERDICT, COLUMNS };

/* All that is told of an entry's settings. */
enum setting { OF_HOST, OF_HOSTADDR, OF_PORT, OF_DBNAME, OF_USER, SETTINGS };

static const char *const told[SETTINGS] = {"host", "hostaddr", "port", "dbname", "user"};

struct row {
	const struct pga_service_file *file;
	const struct pga_entry *entry;
	struct pga_evaluation evaluation;
	bool hidden; /* by an entry of the same name in the user's file */
	char *settings[SETTINGS];
	char *cells[COLUMNS];
};

struct rows {
	struct row *rows;
	size_t count;
	size_t weak;
	size_t broken;
	size_t no_roots; /* of the broken ones */
};

/* Of ten thousand entries the rest would fill the memory. */
static int keep_what_is_told(struct row *row, struct pga_error *error)
{
	struct pga_effective *effective = &row->evaluation.effective;
	int result = 0;

	for (size_t i = 0; i < SETTINGS; i++) {
		const char *value = pga_effective_value(effective, told[i]);

		row->settings[i] = strdup(value != NULL ? value : "");
		if (row->settings[i] == NULL)
			result = pga_fail_memory(error);
	}
	pga_effective_free(&pga_linked_libpq, effective);
	return result;
}

/* host, and the port where it is not libpq's own; lists as libpq has them. */
static char *host_and_port(const struct row *row)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *host = row->settings[OF_HOST];
	const char *port = row->settings[OF_PORT];

	pga_text_add(&text, host[0] != '\0' ? host : row->settings[OF_HOSTADDR]);
	if (port[0] != '\0' && strcmp(port, "5432") != 0)
		pga_text_addf(&text, ":%s", port);
	return pga_text_take(&text);
}

static char *file_and_line(const struct row *row)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%s %s:%zu", pga_service_place_name(row->file->place), row->file->path,
		      row->entry->line);
	return pga_text_take(&text);
}

static char *verdict(const struct row *row)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, pga_entry_state_word(row->evaluation.state));
	if (row->hidden && row->evaluation.state != PGA_ENTRY_SHADOWED)
		pga_text_add(&text, ", shadowed");
	return pga_text_take(&text);
}

static int fill_cells(struct row *row, struct pga_error *error)
{
	char *host = host_and_port(row);
	bool complete = true;

	if (host == NULL)
		return pga_fail_memory(error);
	row->cells[NAME] = pga_printable(row->entry->name != NULL ? row->entry->name : "?");
	row->cells[HOST] = pga_printable(host);
	row->cells[DBNAME] = pga_printable(row->settings[OF_DBNAME]);
	row->cells[USER] = pga_printable(row->settings[OF_USER]);
	row->cells[FILE_AND_LINE] = file_and_line(row);
	row->cells[VERDICT] = verdict(row);
	free(host);
	for (size_t i = 0; i < COLUMNS; i++)
		complete = complete && row->cells[i] != NULL;
	return complete ? 0 : pga_fail_memory(error);
}

static int add_rows(struct rows *rows, const struct pga_service_file *file,
		    const struct pga_service_file *before, const struct pga_policy *policy,
		    const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_evaluator judging;
	int result = pga_evaluator_begin(&judging, file, policy, error);

	judging.pins = pins;
	for (size_t i = 0; result == 0 && i < file->count; i++) {
		struct row *row = &rows->rows[rows->count++];

		row->file = file;
		row->entry = &file->entries[i];
		row->hidden = before != NULL && row->entry->name != NULL &&
			      pga_service_file_find(before, row->entry->name) != NULL;
		result = pga_evaluate_entry(&judging, row->entry, &row->evaluation, error);
		if (result == 0 && pga_effective_mask(&row->evaluation.effective) != 0)
			result = pga_fail_memory(error);
		if (result == 0)
			result = keep_what_is_told(row, error);
		if (result == 0)
			result = fill_cells(row, error);
		rows->weak += row->evaluation.state == PGA_ENTRY_WEAK;
		rows->broken += row->evaluation.state == PGA_ENTRY_BROKEN;
		rows->no_roots += row->evaluation.no_roots;
	}
	pga_evaluator_end(&judging);
	return result;
}

static void print_no_entry(const struct pga_service_file *user,
			   const struct pga_service_file *system)
{
	pga_print(stdout, "no services yet: %s %s, %s %s\n", user->path,
		  user->found ? "has none" : "is not there", system->path,
		  system->found ? "has none" : "is not there");
	(void)puts("    pganchor service add NAME --host HOST writes one");
}

static enum pga_colour colour_of(const struct row *row)
{
	switch (row->evaluation.state) {
	case PGA_ENTRY_ALLOWED:
		/* What is said of it nevertheless is a reason to look. */
		return row->evaluation.why.length == 0 ? PGA_GREEN : PGA_YELLOW;
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
static void print_reasons(const struct row *row)
{
	const char *at = pga_text_string(&row->evaluation.why);
	bool first = true;

	for (; *at != '\0'; first = false) {
		char *line = strndup(at, strcspn(at, "\n"));
		char *printable = line != NULL ? pga_printable(line) : NULL;

		if (first)
			(void)printf("\n%s, %s: ", row->cells[NAME], row->cells[VERDICT]);
		else
			(void)fputs("    ", stdout);
		(void)printf("%s\n", printable != NULL ? printable : "");
		at += strcspn(at, "\n");
		at += *at == '\n';
		free(printable);
		free(line);
	}
}

/* As that of "service show": what is weak says more than what is broken. */
static int status_of(const struct rows *rows)
{
	if (rows->weak > 0)
		return PGA_EXIT_WEAK;
	return rows->broken > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

static int print_table(const struct rows *rows)
{
	static const char *const heading[COLUMNS] = {"NAME", "HOST", "DBNAME",
						     "USER", "FILE", "VERDICT"};
	const char **cells = calloc(rows->count * COLUMNS, sizeof *cells);
	enum pga_colour *marks = calloc(rows->count, sizeof *marks);

	for (size_t i = 0; cells != NULL && marks != NULL && i < rows->count; i++) {
		for (size_t k = 0; k < COLUMNS; k++)
			cells[i * COLUMNS + k] = rows->rows[i].cells[k];
		marks[i] = colour_of(&rows->rows[i]);
	}
	if (cells != NULL && marks != NULL)
		pga_print_table(stdout, heading, cells, COLUMNS, rows->count, marks);
	free(cells);
	free(marks);
	for (size_t i = 0; i < rows->count; i++)
		print_reasons(&rows->rows[i]);
	if (rows->weak > 0)
		(void)puts("\npganchor service show NAME shows the command that makes a weak entry "
			   "strong");
	if (rows->no_roots > 0)
		(void)puts("\npganchor bootstrap --ca-url URL --fingerprint HEX pins the root of a "
			   "server's CA, and puts\nit into root.crt");
	return status_of(rows);
}

static json_t *row_as_json(const struct row *row)
{
	return json_pack(
	    "{s:o?, s:o, s:o, s:o, s:o, s:s, s:o, s:i, s:s, s:o, s:b}", "name",
	    row->entry->name != NULL ? pga_json_text(row->entry->name) : NULL, "host",
	    pga_json_text(row->settings[OF_HOST]), "port", pga_json_text(row->settings[OF_PORT]),
	    "dbname", pga_json_text(row->settings[OF_DBNAME]), "user",
	    pga_json_text(row->settings[OF_USER]), "where",
	    pga_service_place_name(row->file->place), "file", pga_json_text(row->file->path),
	    "line", (int)row->entry->line, "verdict", pga_entry_state_word(row->evaluation.state),
	    "reasons", pga_json_lines(pga_text_string(&row->evaluation.why)), "shadowed",
	    row->hidden || row->evaluation.state == PGA_ENTRY_SHADOWED);
}

static int print_json(const struct rows *rows)
{
	json_t *services = json_array();

	for (size_t i = 0; i < rows->count; i++)
		pga_json_add(services, row_as_json(&rows->rows[i]));
	return pga_json_print(json_pack("{s:o, s:I, s:I}", "services", services, "weak",
					(json_int_t)rows->weak, "broken", (json_int_t)rows->broken),
			      status_of(rows));
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		for (size_t k = 0; k < COLUMNS; k++)
			free(rows->rows[i].cells[k]);
		for (size_t k = 0; k < SETTINGS; k++)
			free(rows->rows[i].settings[k]);
		pga_evaluation_free(&rows->rows[i].evaluation);
	}
	free(rows->rows);
}

/* Entries are judged by what stands in them; whom libpq then believes depends on root.crt. */
static void warn_of_roots(const struct rows *rows, const struct pga_policy *policy,
			  const struct pga_pins *pins)
{
	struct pga_error error;

	if (rows->count > 0 && pga_warn_of_unpinned(NULL, policy, pins, &error) != 0)
		pga_print_warning("%s", error.message);
}

static int list(bool json)
{
	struct pga_found_services services;
	const struct pga_service_file *user = &services.user;
	struct rows rows = {.rows = NULL};
	struct pga_pins pins = {0};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_find_services(&services, &error) != 0)
		goto failed;
	rows.rows = calloc(user->count + services.system.count + 1, sizeof *rows.rows);
	if (rows.rows == NULL) {
		(void)pga_fail_memory(&error);
		goto failed;
	}
	if (user->count + services.system.count > 0)
		pga_pins_or_none(&pins);
	if (add_rows(&rows, user, NULL, &services.policy, &pins, &error) != 0 ||
	    add_rows(&rows, &services.system, user, &services.policy, &pins, &error) != 0)
		goto failed;
	if (!user->found && getenv("PGSERVICEFILE") != NULL)
		pga_print_warning("PGSERVICEFILE names %s, which is not there: until it is, libpq "
				  "finds no service at all",
				  user->path);
	if (!json && rows.count == 0) {
		print_no_entry(user, &services.system);
		status = PGA_EXIT_DONE;
	} else if (!json) {
		status = print_table(&rows);
	}
	/* JSON has the warnings, too; people read what comes last. */
	warn_of_roots(&rows, &services.policy, &pins);
	if (json)
		status = print_json(&rows);
	goto done;
failed:
	pga_print_error(&error);
done:
	free_rows(&rows);
	pga_pins_free(&pins);
	pga_found_services_free(&services);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int status;

	if (!pga_options_read(&pga_cmd_service_list, argc, argv, &json, &status))
		return status;
	return list(json);
}

static const struct pga_option options[] = {
    {.name = "json", .letter = 'j', .target = 0, .help = "report in JSON"},
};

const struct pga_command pga_cmd_service_list = {
    .name = "service list",
    .summary = "show all entries, where each is, and the verdict of each",
    .usage = "[--json]",
    .about = "Shows every entry of the user's pg_service.conf and of the machine's, where it is, "
	     "and the policy's verdict of it as it is there: what the environment would add does "
	     "not count.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 no entry is weak or broken, 1 failed, or some entry is broken and "
		"none weak, 2 usage, 3 some entry is weaker than the policy.",
    .run = run,
};
