/* pganchor crl list: the revocation lists that pganchor has put in place. */
#include "cli/cmd_crl.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"
#include "report/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME, ISSUER, ANCHOR, REVOKED, LEFT, COLUMNS };

static json_t *text_or_null(const char *text)
{
	return text[0] != '\0' ? pga_json_text(text) : json_null();
}

static const char *state_of(const struct pga_crl_record *record, bool there)
{
	if (!there)
		return "changed";
	return record->next_update[0] != '\0' && pga_crl_time(record->next_update) < time(NULL)
		   ? "expired"
		   : "in-place";
}

static json_t *as_json(const struct pga_crl_record *record, const char *path, bool there)
{
	const time_t next = pga_crl_time(record->next_update);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:o, s:s, s:s}", "name",
			 pga_json_text(record->name), "issuer", pga_json_text(record->issuer),
			 "anchor", text_or_null(record->anchor), "file", pga_json_text(path),
			 "source", text_or_null(record->source), "this_update", record->this_update,
			 "next_update", text_or_null(record->next_update), "days_left",
			 next >= 0 ? json_integer(pga_crl_days_left(next)) : json_null(), "revoked",
			 (json_int_t)record->revoked, "number", text_or_null(record->number),
			 "checked", record->checked, "state", state_of(record, there));
}

static char *left_of(const struct pga_crl_record *record, bool there)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (!there)
		pga_text_add(&text, "changed");
	else if (record->next_update[0] == '\0')
		pga_text_add(&text, "no end");
	else
		pga_text_addf(&text, "%ld", pga_crl_days_left(pga_crl_time(record->next_update)));
	return pga_text_take(&text);
}

static char *number(long value)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "%ld", value);
	return pga_text_take(&text);
}

/* What fits beside the other columns. */
static char *shortened(const char *issuer)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add_shortened(&text, issuer, 36);
	return pga_text_take(&text);
}

static int print_table(const struct pga_crls *crls, const bool *there, struct pga_error *error)
{
	static const char *const heading[COLUMNS] = {"NAME", "ISSUER", "ANCHOR", "REVOKED",
						     "DAYS LEFT"};
	char **cells = calloc(crls->count * COLUMNS + 1, sizeof *cells);
	enum pga_colour *marks = calloc(crls->count + 1, sizeof *marks);
	bool failed = cells == NULL || marks == NULL;

	for (size_t i = 0; i < crls->count && !failed; i++) {
		const struct pga_crl_record *record = &crls->records[i];
		char **row = cells + i * COLUMNS;

		row[NAME] = strdup(record->name);
		row[ISSUER] = shortened(record->issuer);
		row[ANCHOR] = strdup(record->anchor[0] != '\0' ? record->anchor : "-");
		row[REVOKED] = number(record->revoked);
		row[LEFT] = left_of(record, there[i]);
		for (size_t j = 0; j < COLUMNS; j++)
			failed = failed || row[j] == NULL;
		marks[i] =
		    strcmp(state_of(record, there[i]), "in-place") == 0 ? PGA_PLAIN : PGA_YELLOW;
	}
	if (!failed)
		pga_print_table(stdout, heading, (const char *const *)cells, COLUMNS, crls->count,
				marks);
	pga_cells_free(cells, crls->count * COLUMNS);
	free(marks);
	return failed ? pga_fail_memory(error) : 0;
}

static void print_sources(const struct pga_crls *crls, char *const *paths)
{
	for (size_t i = 0; i < crls->count; i++)
		pga_print(stdout, "%s: in %s, from %s\n", crls->records[i].name, paths[i],
			  crls->records[i].source[0] != '\0' ? crls->records[i].source
							     : "standard input");
}

static int print(const struct pga_crls *crls, char *const *paths, const bool *there, bool json,
		 struct pga_error *error)
{
	json_t *items;

	if (!json && crls->count == 0) {
		(void)puts("no CRL was put in place by pganchor\nnext:\n    pganchor crl add");
		return PGA_EXIT_DONE;
	}
	if (!json) {
		if (print_table(crls, there, error) != 0)
			return -1;
		print_sources(crls, paths);
		return PGA_EXIT_DONE;
	}
	items = json_array();
	for (size_t i = 0; i < crls->count; i++)
		pga_json_add(items, as_json(&crls->records[i], paths[i], there[i]));
	return pga_json_print(json_pack("{s:o}", "crls", items), PGA_EXIT_DONE);
}

static int list(bool json)
{
	struct pga_crls crls = {0};
	struct pga_error error;
	char **paths = NULL;
	bool *there = NULL;
	int status = -1;

	if (pga_crls_read(&crls, &error) != 0)
		goto done;
	paths = calloc(crls.count + 1, sizeof *paths);
	there = calloc(crls.count + 1, sizeof *there);
	if (paths == NULL || there == NULL) {
		(void)pga_fail_memory(&error);
		goto done;
	}
	for (size_t i = 0; i < crls.count; i++) {
		paths[i] = pga_crl_path(&crls.records[i], &error);
		if (paths[i] == NULL || pga_crl_is_there(&crls.records[i], &there[i], &error) != 0)
			goto done;
	}
	pga_warn_of_crl_variables();
	status = print(&crls, paths, there, json, &error);
done:
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	for (size_t i = 0; paths != NULL && i < crls.count; i++)
		free(paths[i]);
	free(paths);
	free(there);
	pga_crls_free(&crls);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int status;

	if (!pga_options_read(&pga_cmd_crl_list, argc, argv, &json, &status))
		return status;
	return list(json);
}

static const struct pga_option options[] = {
    {.name = "json", .letter = 'j', .target = 0, .help = "report in JSON"},
};

const struct pga_command pga_cmd_crl_list = {
    .name = "crl list",
    .summary = "show the CRLs in place, from where, and until when they count",
    .usage = "[--json]",
    .about = "Shows the CRLs that pganchor has put in place: of which CA, how many certificates it "
	     "has revoked, how many days are left until libpq refuses the CA's servers for want of "
	     "a newer one, in which file it is, and from where it came. What the user has put into "
	     "root.crl is not among them.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .run = run,
};
