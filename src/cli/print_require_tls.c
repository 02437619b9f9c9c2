#include "cli/print_require_tls.h"

#include "base/terminal.h"
#include "policy/secrets.h"
#include "report/json.h"
#include "server/hba_shown.h"

#include <stdlib.h>
#include <string.h>

/* The line as it may be shown; the caller frees it. */
static char *copy_line(const struct pga_hba_file *file, const struct pga_hba_line *line,
		       bool required)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_text text = PGA_TEXT_EMPTY;

	if (required)
		pga_hba_add_line(file, line, &bytes);
	else
		pga_text_add_bytes(&bytes, pga_text_string(&file->bytes) + line->start,
				   line->length);
	pga_hba_add_shown(&text, pga_text_string(&bytes), bytes.length);
	text.failed = text.failed || bytes.failed;
	pga_text_free(&bytes);
	return pga_text_take(&text);
}

static bool differs(const struct pga_hba_line *line)
{
	const enum pga_hba_becomes becomes = pga_hba_becomes(line);

	return becomes == PGA_HBA_NEEDS_TLS || becomes == PGA_HBA_COMMENTED_OUT;
}

static int print_change(FILE *stream, const struct pga_requiring *requiring, size_t part,
			size_t line, struct pga_error *error)
{
	const struct pga_hba_part *own = &requiring->tree.parts[part];
	char *before = copy_line(&own->file, &own->file.lines[line], false);
	char *after = copy_line(&own->file, &own->file.lines[line], true);
	int result = 0;

	if (before == NULL || after == NULL)
		result = pga_fail_memory(error);
	else
		pga_print(stream, "%s, line %zu:\n  - %s\n  + %s\n%s", own->path,
			  own->file.lines[line].number, before, after,
			  strstr(after, PGA_MASK) == NULL ? ""
							  : "  (" PGA_MASK
							    " is not shown, and stays as it is)\n");
	free(before);
	free(after);
	return result;
}

static void print_weak(FILE *stream, const struct pga_requiring *requiring)
{
	for (size_t i = 0; i < requiring->tree.place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(&requiring->tree, i);
		const char *weakness = pga_hba_weakness(line);

		if (weakness != NULL)
			pga_print(stream, "%s, line %zu: %s %s\n",
				  pga_hba_tree_path(&requiring->tree, i), line->number,
				  line->method->value, weakness);
	}
}

static void print_locked_out(FILE *stream, const struct pga_requiring *requiring)
{
	bool standbys = false;

	if (requiring->locked_out.count == 0)
		return;
	pga_print(stream, "Connected without TLS now, and not let in again as they connect:\n");
	for (size_t i = 0; i < requiring->locked_out.count; i++) {
		const struct pga_plain_session *one = &requiring->locked_out.sessions[i];

		standbys = standbys || strcmp(one->kind, "walsender") == 0;
		pga_print(stream, "  %s: user %s%s%s, from %s, since %s%s%s%s%s\n", one->kind,
			  one->user, one->database[0] != '\0' ? ", database " : "", one->database,
			  one->address, one->since,
			  one->application[0] != '\0' ? ", application " : "", one->application,
			  one->gss ? ", encrypted by GSSAPI" : "",
			  one->shut_out ? ", nor with TLS" : "");
	}
	if (standbys)
		pga_print(stream,
			  "A standby or subscription stays away until the sslmode of its "
			  "primary_conninfo or CONNECTION is verify-full: mend that first\n");
}

/* One of those whom a rule lets in without TLS alone, and what refuses TLS. */
static void print_client(FILE *stream, const struct pga_hba_tree *tree,
			 const struct pga_shut_out_rule *rule)
{
	pga_print(stream, "  such as %s%s of %s%s, from %s: ",
		  rule->user[0] != '\0' ? "user " : "any other user", rule->user,
		  rule->database[0] != '\0' ? "database " : "any other database", rule->database,
		  rule->address);
	if (rule->by < tree->place_count)
		pga_print(stream, "refused by %s, line %zu\n", pga_hba_tree_path(tree, rule->by),
			  pga_hba_tree_line(tree, rule->by)->number);
	else
		pga_print(stream, "no rule is for them\n");
}

/* Whom no change of their own lets in again. */
static int print_shut_out(FILE *stream, const struct pga_requiring *requiring,
			  struct pga_error *error)
{
	const struct pga_hba_tree *tree = &requiring->tree;

	for (size_t i = 0; i < requiring->shut_out.count; i++) {
		const size_t number = requiring->shut_out.rules[i].place;
		const struct pga_hba_part *part = &tree->parts[tree->places[number].part];
		const struct pga_hba_line *line = pga_hba_tree_line(tree, number);
		char *before = copy_line(&part->file, line, false);

		if (before == NULL)
			return pga_fail_memory(error);
		pga_print(stream,
			  "%s, line %zu: not let in with TLS either, by no rule or by one that "
			  "rejects: %s\n",
			  part->path, line->number, before);
		print_client(stream, tree, &requiring->shut_out.rules[i]);
		free(before);
	}
	for (size_t i = 0; i < requiring->trial_count; i++)
		if (requiring->trials[i].encrypted_before == PGA_LET_IN_NOT)
			pga_print(stream,
				  "User %s of database %s is let in from %s without TLS, and not "
				  "with it\n",
				  requiring->trials[i].user, requiring->trials[i].database,
				  requiring->trials[i].address);
	return 0;
}

/* What somebody else is about to be met by: it is in no line above. */
static void print_unloaded(FILE *stream, const struct pga_hba_tree *tree)
{
	for (size_t i = 0; i < tree->part_count; i++)
		if (tree->parts[i].unloaded)
			pga_print(stream,
				  "%s was changed since the server has loaded it: a reload brings "
				  "all that is new there, and may lock others out\n",
				  tree->parts[i].path);
}

int pga_print_require_plan(FILE *stream, const struct pga_requiring *requiring,
			   struct pga_error *error)
{
	for (size_t i = 0; i < requiring->tree.part_count; i++)
		for (size_t k = 0; k < requiring->tree.parts[i].file.count; k++)
			if (differs(&requiring->tree.parts[i].file.lines[k]) &&
			    print_change(stream, requiring, i, k, error) != 0)
				return -1;
	print_unloaded(stream, &requiring->tree);
	print_weak(stream, requiring);
	print_locked_out(stream, requiring);
	return print_shut_out(stream, requiring, error);
}

static json_t *rule_as_json(const struct pga_hba_part *part, const struct pga_hba_line *line)
{
	char *before = copy_line(&part->file, line, false);
	char *after = copy_line(&part->file, line, true);
	json_t *rule = json_pack(
	    "{s:o, s:I, s:o, s:o, s:s?}", "file", pga_json_text(part->path), "line",
	    (json_int_t)line->number, "before", pga_json_text(before != NULL ? before : ""),
	    "after", pga_json_text(after != NULL ? after : ""), "weakness", pga_hba_weakness(line));

	free(before);
	free(after);
	return rule;
}

json_t *pga_require_rules_as_json(const struct pga_requiring *requiring, bool weak)
{
	const struct pga_hba_tree *tree = &requiring->tree;
	json_t *rules = json_array();

	for (size_t i = 0; i < tree->place_count; i++) {
		const struct pga_hba_line *line = pga_hba_tree_line(tree, i);

		if (weak ? pga_hba_weakness(line) != NULL : differs(line))
			pga_json_add(rules, rule_as_json(&tree->parts[tree->places[i].part], line));
	}
	return rules;
}

static json_t *name_or_null(const char *name)
{
	return name[0] != '\0' ? pga_json_text(name) : json_null();
}

static void add_client(json_t *item, const struct pga_hba_tree *tree,
		       const struct pga_shut_out_rule *rule)
{
	pga_json_set(item, "user", name_or_null(rule->user));
	pga_json_set(item, "database", name_or_null(rule->database));
	pga_json_set(item, "address", pga_json_text(rule->address));
	pga_json_set(item, "refused_by",
		     rule->by < tree->place_count
			 ? json_pack("{s:o, s:I}", "file",
				     pga_json_text(pga_hba_tree_path(tree, rule->by)), "line",
				     (json_int_t)pga_hba_tree_line(tree, rule->by)->number)
			 : json_null());
}

json_t *pga_require_shut_out_as_json(const struct pga_requiring *requiring)
{
	const struct pga_hba_tree *tree = &requiring->tree;
	json_t *rules = json_array();

	for (size_t i = 0; i < requiring->shut_out.count; i++) {
		const struct pga_shut_out_rule *rule = &requiring->shut_out.rules[i];
		json_t *item = rule_as_json(&tree->parts[tree->places[rule->place].part],
					    pga_hba_tree_line(tree, rule->place));

		add_client(item, tree, rule);
		pga_json_add(rules, item);
	}
	return rules;
}

json_t *pga_require_unloaded_as_json(const struct pga_requiring *requiring)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < requiring->tree.part_count; i++)
		if (requiring->tree.parts[i].unloaded)
			pga_json_add(paths, pga_json_text(requiring->tree.parts[i].path));
	return paths;
}

json_t *pga_require_locked_out_as_json(const struct pga_requiring *requiring)
{
	json_t *sessions = json_array();

	for (size_t i = 0; i < requiring->locked_out.count; i++) {
		const struct pga_plain_session *one = &requiring->locked_out.sessions[i];

		pga_json_add(sessions,
			     json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:b}", "pid",
				       (json_int_t)strtol(one->pid, NULL, 10), "kind",
				       pga_json_text(one->kind), "user", pga_json_text(one->user),
				       "database", pga_json_text(one->database), "application",
				       pga_json_text(one->application), "address",
				       pga_json_text(one->address), "since", one->since, "gss",
				       (int)one->gss, "shut_out", (int)one->shut_out));
	}
	return sessions;
}
