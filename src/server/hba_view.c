#include "server/hba_view.h"

#include "server/hba_shown.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

const char *pga_hba_view_question(int version)
{
	return version >= 16 ? "SELECT line_number, type, auth_method, coalesce(error, ''), "
			       "file_name FROM pg_catalog.pg_hba_file_rules "
			       "ORDER BY rule_number NULLS FIRST"
			     : "SELECT line_number, type, auth_method, coalesce(error, '') "
			       "FROM pg_catalog.pg_hba_file_rules ORDER BY line_number";
}

static int fail_of_row(const PGresult *rows, int row, const char *path, struct pga_error *error)
{
	struct pga_text said = PGA_TEXT_EMPTY;
	int result;

	pga_hba_add_error_shown(&said, pga_pg_value(rows, row, 3));
	result = pga_fail(error, NULL, "%s, line %s: the server says: %s",
			  PQnfields(rows) > 4 ? pga_pg_value(rows, row, 4) : path,
			  pga_pg_value(rows, row, 0), pga_text_string(&said));
	pga_text_free(&said);
	return result;
}

static bool is_same(const struct pga_hba_tree *tree, size_t place, const PGresult *rows, int row,
		    bool required)
{
	const struct pga_hba_line *line = pga_hba_tree_line(tree, place);
	const bool changed = required && pga_hba_becomes(line) == PGA_HBA_NEEDS_TLS;
	const char *type = pga_hba_types[changed ? PGA_HBA_HOSTSSL : line->type];

	return line->kind == PGA_HBA_RULE && line->method != NULL &&
	       strtoul(pga_pg_value(rows, row, 0), NULL, 10) == line->number &&
	       strcmp(pga_pg_value(rows, row, 1), type) == 0 &&
	       (line->type == PGA_HBA_LOCAL || /* ident is shown as peer */
		strcmp(pga_pg_value(rows, row, 2), line->method->value) == 0) &&
	       (PQnfields(rows) < 5 ||
		strcmp(pga_pg_value(rows, row, 4), pga_hba_tree_path(tree, place)) == 0);
}

int pga_hba_view_check(const struct pga_hba_tree *tree, const PGresult *rows, bool required,
		       struct pga_error *error)
{
	const int count = PQntuples(rows);
	int row = 0;

	for (int i = 0; i < count; i++)
		if (pga_pg_value(rows, i, 3)[0] != '\0')
			return fail_of_row(rows, i, tree->parts[0].path, error);
	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (required && pga_hba_becomes(line) == PGA_HBA_COMMENTED_OUT)
			continue;
		if (row == count || !is_same(tree, i, rows, row, required))
			return pga_fail(error, NULL,
					"%s, line %zu: the server reads it otherwise than pganchor",
					pga_hba_tree_path(tree, i), line->number);
		row++;
	}
	return row == count ? 0
			    : pga_fail(error, NULL,
				       "%s, line %s: the server has a rule there that pganchor "
				       "does not see",
				       PQnfields(rows) > 4 ? pga_pg_value(rows, row, 4)
							   : tree->parts[0].path,
				       pga_pg_value(rows, row, 0));
}
