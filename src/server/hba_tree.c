#include "server/hba_tree.h"

#include <stdlib.h>
#include <string.h>

/* The server's own limit (CONF_FILE_MAX_DEPTH). */
#define DEPTH_AT_MOST 10

struct reading {
	struct pga_hba_tree *tree;
	const struct pga_hba_source *source;
	bool *named; /* the error names a line */
};

static int read_part(const struct reading *reading, const char *path, unsigned depth, bool wanted,
		     struct pga_error *error);

/* ---- names of files ---- */

/* Adds a path as the server writes it: without "//", "." and "..". */
static void add_canonical(struct pga_text *text, const char *path)
{
	for (const char *at = path; *at != '\0';) {
		const size_t length = strcspn(at, "/");

		if (length == 2 && memcmp(at, "..", 2) == 0) {
			const char *slash = strrchr(pga_text_string(text), '/');

			if (slash != NULL && text->bytes != NULL && !text->failed) {
				text->length = (size_t)(slash - text->bytes);
				text->bytes[text->length] = '\0';
			}
		} else if (length > 0 && !(length == 1 && at[0] == '.')) {
			pga_text_add(text, "/");
			pga_text_add_bytes(text, at, length);
		}
		at += length + (at[length] == '/' ? 1 : 0);
	}
}

/* What a line names stands beside the file that has it. An absolute one is taken as it is. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	struct pga_text joined = PGA_TEXT_EMPTY;
	struct pga_text text = PGA_TEXT_EMPTY;

	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	pga_text_add_bytes(&joined, path, (size_t)(slash - path) + 1);
	pga_text_add(&joined, name);
	add_canonical(&text, pga_text_string(&joined));
	text.failed = text.failed || joined.failed;
	pga_text_free(&joined);
	return pga_text_take(&text);
}

/* ---- @files ---- */

static int copy_token(struct pga_hba_field *field, const struct pga_hba_token *token,
		      struct pga_error *error)
{
	struct pga_hba_token *more = realloc(field->tokens, (field->count + 1) * sizeof *more);

	if (more == NULL)
		return pga_fail_memory(error);
	field->tokens = more;
	more[field->count] = *token;
	more[field->count].value = strdup(token->value);
	return more[field->count++].value != NULL ? 0 : pga_fail_memory(error);
}

static int expand(const struct reading *reading, const char *path, const struct pga_hba_field *from,
		  struct pga_hba_field *field, unsigned depth, struct pga_error *error);

/* Adds all words of a file, whatever the lines. One that is not there is the server's to tell of,
 * as is one in itself. */
static int expand_file(const struct reading *reading, const char *path,
		       const struct pga_hba_token *token, struct pga_hba_field *field,
		       unsigned depth, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_hba_file file = {.count = 0};
	char *name = beside(path, token->value + 1);
	bool found = false;
	int result =
	    name == NULL || depth > DEPTH_AT_MOST
		? pga_fail(error, NULL, "%s: %s is read from itself, or memory ran out", path,
			   token->value)
		: reading->source->read(reading->source->context, name, &bytes, &found, error);

	if (result == 0 && !found)
		result = copy_token(field, token, error);
	else if (result == 0)
		result = pga_hba_read(&file, name, pga_text_string(&bytes), bytes.length,
				      reading->tree->version, error);
	for (size_t i = 0; result == 0 && i < file.count; i++)
		for (size_t k = 0; result == 0 && k < file.lines[i].count; k++)
			result = expand(reading, name, &file.lines[i].fields[k], field, depth + 1,
					error);
	pga_hba_free(&file);
	pga_text_free(&bytes);
	free(name);
	return result;
}

static int expand(const struct reading *reading, const char *path, const struct pga_hba_field *from,
		  struct pga_hba_field *field, unsigned depth, struct pga_error *error)
{
	for (size_t i = 0; from != NULL && i < from->count; i++) {
		const struct pga_hba_token *token = &from->tokens[i];
		const bool file =
		    !token->quoted && token->value[0] == '@' && token->value[1] != '\0';

		if ((file ? expand_file(reading, path, token, field, depth, error)
			  : copy_token(field, token, error)) != 0)
			return -1;
	}
	return 0;
}

/* ---- includes ---- */

static int add_place(const struct reading *reading, size_t part, size_t line,
		     struct pga_error *error)
{
	struct pga_hba_tree *tree = reading->tree;
	const struct pga_hba_line *rule = &tree->parts[part].file.lines[line];
	struct pga_hba_place *more =
	    realloc(tree->places, (tree->place_count + 1) * sizeof *tree->places);

	if (more == NULL)
		return pga_fail_memory(error);
	tree->places = more;
	more = &tree->places[tree->place_count++];
	*more = (struct pga_hba_place){.part = part, .line = line};
	if (rule->kind != PGA_HBA_RULE)
		return 0;
	if (expand(reading, tree->parts[part].path, rule->databases, &more->databases, 0, error) !=
	    0)
		return -1;
	return expand(reading, tree->parts[part].path, rule->users, &more->users, 0, error);
}

/* As the server chooses them. */
static bool is_conf(const char *name)
{
	const size_t length = strlen(name);

	return name[0] != '.' && length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

/* The name that comes behind this one, NULL: the first, in the order of their bytes; NULL: none. */
static const char *next_name(const struct pga_text *names, const char *behind)
{
	const char *bytes = pga_text_string(names);
	const char *next = NULL;

	for (size_t at = 0; at < names->length; at += strlen(bytes + at) + 1)
		if (is_conf(bytes + at) && (behind == NULL || strcmp(bytes + at, behind) > 0) &&
		    (next == NULL || strcmp(bytes + at, next) < 0))
			next = bytes + at;
	return next;
}

static int read_directory(const struct reading *reading, const char *path, unsigned depth,
			  struct pga_error *error)
{
	struct pga_text names = PGA_TEXT_EMPTY;
	const char *name = NULL;
	int result = reading->source->list(reading->source->context, path, &names, error);

	while (result == 0 && (name = next_name(&names, name)) != NULL) {
		struct pga_text joined = PGA_TEXT_EMPTY;
		struct pga_text at = PGA_TEXT_EMPTY;

		pga_text_addf(&joined, "%s/%s", path, name);
		add_canonical(&at, pga_text_string(&joined));
		result = joined.failed || at.failed
			     ? pga_fail_memory(error)
			     : read_part(reading, pga_text_string(&at), depth, true, error);
		pga_text_free(&joined);
		pga_text_free(&at);
	}
	pga_text_free(&names);
	return result;
}

static int follow(const struct reading *reading, size_t part, size_t line, unsigned depth,
		  struct pga_error *error)
{
	const struct pga_hba_part *own = &reading->tree->parts[part];
	const struct pga_hba_line *include = &own->file.lines[line];
	const char *what = include->fields[0].tokens[0].value;
	const size_t number = include->number;
	char *path = beside(own->path, include->fields[1].tokens[0].value);
	struct pga_error why;
	int result;

	if (path == NULL)
		return pga_fail_memory(error);
	if (depth == DEPTH_AT_MOST)
		result = pga_fail(error, NULL, "files are included deeper than %d", DEPTH_AT_MOST);
	else if (strcmp(what, "include_dir") == 0)
		result = read_directory(reading, path, depth + 1, error);
	else
		result = read_part(reading, path, depth + 1, strcmp(what, "include") == 0, error);
	if (result != 0 && !*reading->named) {
		*reading->named = true;
		why = *error;
		(void)pga_fail(error, why.hint, "%s, line %zu: %s", reading->tree->parts[part].path,
			       number, why.message);
	}
	free(path);
	return result;
}

/* The part of this path, read if it is a new one. Returns -1 with the reason; *found: it is there.
 */
static int take_part(const struct reading *reading, const char *path, size_t *part, bool *found,
		     struct pga_error *error)
{
	struct pga_hba_tree *tree = reading->tree;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_hba_part *more;
	int result;

	*found = true;
	for (*part = 0; *part < tree->part_count; (*part)++)
		if (strcmp(tree->parts[*part].path, path) == 0)
			return 0;
	result = reading->source->read(reading->source->context, path, &bytes, found, error);
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
	more->unloaded = false;
	result = pga_hba_read(&more->file, path, pga_text_string(&bytes), bytes.length,
			      tree->version, error);
	if (more->path == NULL)
		result = pga_fail_memory(error);
done:
	pga_text_free(&bytes);
	return result;
}

static int read_part(const struct reading *reading, const char *path, unsigned depth, bool wanted,
		     struct pga_error *error)
{
	const struct pga_hba_tree *tree = reading->tree;
	bool found;
	size_t part;

	if (take_part(reading, path, &part, &found, error) != 0)
		return -1;
	if (!found)
		return wanted ? pga_fail(error, NULL, "%s is not there", path) : 0;
	for (size_t i = 0; i < tree->parts[part].file.count; i++) {
		const enum pga_hba_kind kind = tree->parts[part].file.lines[i].kind;

		if (kind == PGA_HBA_INCLUDE && follow(reading, part, i, depth, error) != 0)
			return -1;
		if ((kind == PGA_HBA_RULE || kind == PGA_HBA_ODD) &&
		    add_place(reading, part, i, error) != 0)
			return -1;
	}
	return 0;
}

int pga_hba_tree_read(struct pga_hba_tree *tree, const struct pga_hba_source *source,
		      const char *path, int version, struct pga_error *error)
{
	bool named = false;
	const struct reading reading = {tree, source, &named};

	memset(tree, 0, sizeof *tree);
	tree->version = version;
	return read_part(&reading, path, 0, true, error);
}

static void free_field(struct pga_hba_field *field)
{
	for (size_t i = 0; i < field->count; i++)
		free(field->tokens[i].value);
	free(field->tokens);
}

void pga_hba_tree_free(struct pga_hba_tree *tree)
{
	for (size_t i = 0; i < tree->place_count; i++) {
		free_field(&tree->places[i].databases);
		free_field(&tree->places[i].users);
	}
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
