#include "server/hba_view.h"

#include "server/hba_address.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                    \
	"line_number, type, auth_method, coalesce(error, ''), "                    \
	"pg_catalog.array_to_string(database, E'\\x01'), "                         \
	"pg_catalog.array_to_string(user_name, E'\\x01'), coalesce(address, ''), " \
	"coalesce(netmask, '')"

enum { LINE, TYPE, METHOD, ERROR, DATABASES, USERS, ADDRESS, NETMASK, FILE_NAME };

const char *pga_hba_view_question(int version)
{
	return version >= 16 ? "SELECT " COLUMNS ", file_name FROM pg_catalog.pg_hba_file_rules "
			       "ORDER BY rule_number NULLS FIRST, line_number"
			     : "SELECT " COLUMNS
			       " FROM pg_catalog.pg_hba_file_rules ORDER BY line_number";
}

static int fail_of_row(const PGresult *rows, int row, const char *path, struct pga_error *error)
{
	return pga_fail(error, "put that right; nothing was changed",
			"%s, line %s: the server says: %s",
			PQnfields(rows) > FILE_NAME ? PQgetvalue(rows, row, FILE_NAME) : path,
			PQgetvalue(rows, row, LINE), PQgetvalue(rows, row, ERROR));
}

static bool has(const PGresult *rows, int row, int column, const char *value)
{
	return strcmp(PQgetvalue(rows, row, column), value) == 0;
}

static bool has_names(const PGresult *rows, int row, int column, const struct pga_hba_field *names)
{
	const char *at = PQgetvalue(rows, row, column);

	for (size_t i = 0; i < names->count; i++) {
		const size_t length = strlen(names->tokens[i].value);

		if (i > 0 && *at++ != '\x01')
			return false;
		if (strncmp(at, names->tokens[i].value, length) != 0)
			return false;
		at += length;
	}
	return *at == '\0';
}

static bool is_same_number(const char *number, const unsigned char *bytes, int family)
{
	struct pga_hba_range range;

	return pga_hba_range_read(number, &range) && range.family == family &&
	       memcmp(range.address, bytes, range.length) == 0;
}

/* Numbers can be written in many ways. */
static bool has_address(const PGresult *rows, int row, const struct pga_hba_line *line)
{
	struct pga_hba_range range;

	if (line->address == NULL)
		return has(rows, row, ADDRESS, "");
	if (has(rows, row, NETMASK, ""))
		return has(rows, row, ADDRESS, line->address->value);
	return pga_hba_range_of(line, &range) &&
	       is_same_number(PQgetvalue(rows, row, ADDRESS), range.address, range.family) &&
	       is_same_number(PQgetvalue(rows, row, NETMASK), range.mask, range.family);
}

static bool is_same(const struct pga_hba_tree *tree, size_t place, const PGresult *rows, int row,
		    bool required)
{
	const struct pga_hba_line *line = pga_hba_tree_line(tree, place);
	const bool changed = required && pga_hba_becomes(line) == PGA_HBA_NEEDS_TLS;
	const char *type = pga_hba_types[changed ? PGA_HBA_HOSTSSL : line->type];

	return line->kind == PGA_HBA_RULE && line->method != NULL &&
	       strtoul(PQgetvalue(rows, row, LINE), NULL, 10) == line->number &&
	       has(rows, row, TYPE, type) &&
	       (line->type == PGA_HBA_LOCAL || /* ident is shown as peer */
		has(rows, row, METHOD, line->method->value)) &&
	       has_names(rows, row, DATABASES, &tree->places[place].databases) &&
	       has_names(rows, row, USERS, &tree->places[place].users) &&
	       has_address(rows, row, line) &&
	       (PQnfields(rows) <= FILE_NAME ||
		has(rows, row, FILE_NAME, pga_hba_tree_path(tree, place)));
}

/* With ssl off, the view says so of every such line, and the server loads them all the same. */
static bool is_of_ssl_off(const PGresult *rows, int row)
{
	return strstr(PQgetvalue(rows, row, ERROR), "hostssl") != NULL &&
	       PQgetvalue(rows, row, TYPE)[0] != '\0';
}

int pga_hba_view_compare(const struct pga_hba_tree *tree, const PGresult *rows, bool required,
			 struct pga_error *error)
{
	const int count = PQntuples(rows);
	int row = 0;

	for (int i = 0; i < count; i++)
		if (PQgetvalue(rows, i, ERROR)[0] != '\0' && !is_of_ssl_off(rows, i))
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
	return row == count
		   ? 0
		   : pga_fail(error, NULL,
			      "%s, line %s: the server has a rule there that pganchor "
			      "does not see",
			      PQnfields(rows) > FILE_NAME ? PQgetvalue(rows, row, FILE_NAME)
							  : tree->parts[0].path,
			      PQgetvalue(rows, row, LINE));
}

/* The names come as the bytes of the file, whatever their encoding. */
int pga_hba_view_check(struct pga_cluster_session *session, const struct pga_hba_tree *tree,
		       bool required, struct pga_error *error)
{
	struct pga_error ignored;
	PGresult *rows = NULL;
	int result = -1;

	if (pga_cluster_command(session, "SET client_encoding TO 'SQL_ASCII'", error) == 0)
		rows = pga_cluster_ask(session, pga_hba_view_question(tree->version), error);
	if (rows != NULL)
		result = pga_hba_view_compare(tree, rows, required, error);
	PQclear(rows);
	(void)pga_cluster_command(session, "SET client_encoding TO 'UTF8'", &ignored);
	return result;
}
