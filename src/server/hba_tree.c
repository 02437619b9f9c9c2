#include "server/hba_tree.h"

#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The server's own limit (CONF_FILE_MAX_DEPTH). */
#define DEPTH_AT_MOST 10

static int read_part(struct pga_hba_tree *tree, const char *path, unsigned depth, bool wanted,
		     struct pga_error *error);

int pga_hba_tree_add(struct pga_hba_tree *tree, size_t part, size_t line, struct pga_error *error)
{
	struct pga_hba_place *more =
	    realloc(tree->places, (tree->place_count + 1) * sizeof *tree->places);

	if (more == NULL)
		return pga_fail_memory(error);
	tree->places = more;
	tree->places[tree->place_count++] = (struct pga_hba_place){part, line};
	return 0;
}

/* What an include names stands beside the file that has it. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	struct pga_text text = PGA_TEXT_EMPTY;

	if (name[0] != '/' && slash != NULL)
		pga_text_add_bytes(&text, path, (size_t)(slash - path) + 1);
	pga_text_add(&text, name);
	return pga_text_take(&text);
}

/* As the server chooses them. */
static int is_conf(const struct dirent *entry)
{
	const size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int read_directory(struct pga_hba_tree *tree, const char *path, unsigned depth,
			  struct pga_error *error)
{
	struct dirent **entries = NULL;
	const int count = scandir(path, &entries, is_conf, by_name);
	int result = 0;

	for (int i = 0; i < count; i++) {
		struct pga_text at = PGA_TEXT_EMPTY;
		struct stat status;

		pga_text_addf(&at, "%s/%s", path, entries[i]->d_name);
		if (at.failed)
			result = pga_fail_memory(error);
		else if (result == 0 && stat(pga_text_string(&at), &status) == 0 &&
			 !S_ISDIR(status.st_mode))
			result = read_part(tree, pga_text_string(&at), depth, true, error);
		pga_text_free(&at);
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int follow(struct pga_hba_tree *tree, size_t part, size_t line, unsigned depth,
		  struct pga_error *error)
{
	const struct pga_hba_line *include = &tree->parts[part].file.lines[line];
	const char *what = include->fields[0].tokens[0].value;
	char *path = beside(tree->parts[part].path, include->fields[1].tokens[0].value);
	int result;

	if (path == NULL)
		return pga_fail_memory(error);
	if (strcmp(what, "include_dir") == 0)
		result = read_directory(tree, path, depth + 1, error);
	else
		result = read_part(tree, path, depth + 1, strcmp(what, "include") == 0, error);
	free(path);
	return result;
}

/* The part of this path, read if it is a new one. Returns -1 with the reason; *found: it is there.
 */
static int take_part(struct pga_hba_tree *tree, const char *path, size_t *part, bool *found,
		     struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_hba_part *more;
	int result;

	*found = true;
	for (*part = 0; *part < tree->part_count; (*part)++)
		if (strcmp(tree->parts[*part].path, path) == 0)
			return 0;
	result = pga_file_read(path, &bytes, found, error);
	if (result != 0 || !*found)
		goto done;
	more = realloc(tree->parts, (tree->part_count + 1) * sizeof *tree->parts);
	if (more == NULL) {
		result = pga_fail_memory(error);
		goto done;
	}
	tree->parts = more;
	more = &tree->parts[tree->part_count++];
	more->path = strdup(path);
	result = pga_hba_read(&more->file, path, pga_text_string(&bytes), bytes.length,
			      tree->version, error);
	if (more->path == NULL)
		result = pga_fail_memory(error);
done:
	pga_text_free(&bytes);
	return result;
}

static int read_part(struct pga_hba_tree *tree, const char *path, unsigned depth, bool wanted,
		     struct pga_error *error)
{
	bool found;
	size_t part;

	if (depth > DEPTH_AT_MOST)
		return pga_fail(error, NULL, "%s: files are included deeper than %d", path,
				DEPTH_AT_MOST);
	if (take_part(tree, path, &part, &found, error) != 0)
		return -1;
	if (!found)
		return wanted ? pga_fail(error, NULL, "%s: it is included, and not there", path)
			      : 0;
	for (size_t i = 0; i < tree->parts[part].file.count; i++) {
		const enum pga_hba_kind kind = tree->parts[part].file.lines[i].kind;

		if (kind == PGA_HBA_INCLUDE && follow(tree, part, i, depth, error) != 0)
			return -1;
		if ((kind == PGA_HBA_RULE || kind == PGA_HBA_ODD) &&
		    pga_hba_tree_add(tree, part, i, error) != 0)
			return -1;
	}
	return 0;
}

int pga_hba_tree_read(struct pga_hba_tree *tree, const char *path, int version,
		      struct pga_error *error)
{
	memset(tree, 0, sizeof *tree);
	tree->version = version;
	return read_part(tree, path, 0, true, error);
}

void pga_hba_tree_free(struct pga_hba_tree *tree)
{
	for (size_t i = 0; i < tree->part_count; i++) {
		free(tree->parts[i].path);
		pga_hba_free(&tree->parts[i].file);
	}
	free(tree->parts);
	free(tree->places);
	memset(tree, 0, sizeof *tree);
}

const struct pga_hba_line *pga_hba_tree_line(const struct pga_hba_tree *tree, size_t place)
{
	return &tree->parts[tree->places[place].part].file.lines[tree->places[place].line];
}

const char *pga_hba_tree_path(const struct pga_hba_tree *tree, size_t place)
{
	return tree->parts[tree->places[place].part].path;
}

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
	return pga_fail(error, NULL, "%s, line %s: the server says: %s",
			PQnfields(rows) > 4 ? PQgetvalue(rows, row, 4) : path,
			PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 3));
}

static bool is_same(const struct pga_hba_tree *tree, size_t place, const PGresult *rows, int row,
		    bool required)
{
	const struct pga_hba_line *line = pga_hba_tree_line(tree, place);
	const bool changed = required && pga_hba_becomes(line) == PGA_HBA_NEEDS_TLS;
	const char *type = pga_hba_types[changed ? PGA_HBA_HOSTSSL : line->type];

	return line->kind == PGA_HBA_RULE && line->method != NULL &&
	       strtoul(PQgetvalue(rows, row, 0), NULL, 10) == line->number &&
	       strcmp(PQgetvalue(rows, row, 1), type) == 0 &&
	       (line->type == PGA_HBA_LOCAL || /* ident is shown as peer */
		strcmp(PQgetvalue(rows, row, 2), line->method->value) == 0) &&
	       (PQnfields(rows) < 5 ||
		strcmp(PQgetvalue(rows, row, 4), pga_hba_tree_path(tree, place)) == 0);
}

int pga_hba_tree_check(const struct pga_hba_tree *tree, const PGresult *rows, bool required,
		       struct pga_error *error)
{
	const int count = PQntuples(rows);
	int row = 0;

	for (int i = 0; i < count; i++)
		if (PQgetvalue(rows, i, 3)[0] != '\0')
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
			      PQnfields(rows) > 4 ? PQgetvalue(rows, row, 4) : tree->parts[0].path,
			      PQgetvalue(rows, row, 0));
}
