/* pganchor password import: libpq's password file, moved into the keyring. */
#include "cli/cmd_password.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "password/ask_keyring.h"
#include "password/ask_passfile.h"
#include "password/import.h"
#include "password/secret.h"
#include "policy/linked.h"
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

static const char *verb(const struct pga_import *import, enum pga_import_state state)
{
	static const char *const done[] = {"left", "copied", "moved"};
	static const char *const would[] = {"would leave", "would copy", "would move"};

	return (import->dry_run ? would : done)[state];
}

static void print_line(const struct pga_import *import, const struct pga_import_line *line)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	pga_password_describe(&line->line->entry, &name);
	pga_print(stdout, "%s line %zu: %s%s%s\n", verb(import, line->state), line->line->number,
		  pga_text_string(&name), line->why[0] != '\0' ? ": " : "", line->why);
	if (line->hint != NULL && line->hint[0] != '\0')
		pga_print(stdout, "    %s\n", line->hint);
	pga_text_free(&name);
}

static json_t *line_as_json(const struct pga_import_line *line)
{
	static const char *const states[] = {"left", "copied", "moved"};
	json_t *object = pga_password_as_json(&line->line->entry);

	pga_json_set(object, "line", json_integer((json_int_t)line->line->number));
	pga_json_set(object, "is", json_string(states[line->state]));
	pga_json_set(object, "why", line->why[0] != '\0' ? pga_json_text(line->why) : json_null());
	return object;
}

static json_int_t count(const struct pga_import *import, enum pga_import_state state)
{
	return (json_int_t)pga_import_count(import, state);
}

static int print_json(const struct pga_import *import, int status)
{
	json_t *lines = json_array();

	for (size_t i = 0; import->lines != NULL && i < import->file.count; i++)
		if (import->lines[i].line != NULL)
			pga_json_add(lines, line_as_json(&import->lines[i]));
	return pga_json_print(
	    json_pack("{s:o, s:o, s:I, s:I, s:I, s:b}", "file", pga_json_text(import->path),
		      "lines", lines, "moved", count(import, PGA_IMPORT_MOVED), "copied",
		      count(import, PGA_IMPORT_COPIED), "left", count(import, PGA_IMPORT_LEFT),
		      "dry_run", (int)import->dry_run),
	    status);
}

static void print_counts(const struct pga_import *import)
{
	const enum pga_import_state taken = import->keep ? PGA_IMPORT_COPIED : PGA_IMPORT_MOVED;
	/* Where the file could not be written, what was to be moved is copied. */
	const size_t copied = pga_import_count(import, PGA_IMPORT_COPIED);
	const size_t moved = pga_import_count(import, PGA_IMPORT_MOVED);
	const enum pga_import_state is = copied > 0 ? PGA_IMPORT_COPIED : taken;
	const size_t number = copied > 0 ? copied : moved;

	pga_print(stdout, "%s %zu line%s, %s %zu\n", verb(import, is), number,
		  number == 1 ? "" : "s", verb(import, PGA_IMPORT_LEFT),
		  pga_import_count(import, PGA_IMPORT_LEFT));
}

static void print(const struct pga_import *import)
{
	if (import->lines == NULL)
		return;
	pga_print(stdout, "%s:%s\n", import->path,
		  import->file.count == 0 ? " no line of it has a password" : "");
	for (size_t i = 0; i < import->file.count; i++)
		if (import->lines[i].line != NULL)
			print_line(import, &import->lines[i]);
	print_counts(import);
}

static int import_file(struct pga_import *import, bool json, struct pga_error *error)
{
	const bool failed = pga_import_run(import, error) != PGA_SECRET_DONE;
	int status = PGA_EXIT_DONE;

	if (failed || pga_import_count(import, PGA_IMPORT_LEFT) > 0)
		status = PGA_EXIT_FAILED;
	if (json)
		status = print_json(import, status);
	else
		print(import);
	if (failed)
		(void)pga_password_failed(error);
	pga_import_free(import);
	return status;
}

static const struct pga_option options[] = {
    {.name = "keep",
     .target = offsetof(struct pga_asked_password, keep),
     .help = "take nothing out of the file"},
    {.name = "replace",
     .target = offsetof(struct pga_asked_password, replace),
     .help = "put the file's in the place of another password that the keyring has"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct pga_asked_password, dry_run),
     .help = "change nothing, say what would become of each line"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct pga_asked_password, json),
     .help = "report in JSON"},
};

static int run(int argc, char **argv)
{
	struct pga_asked_password asked = {.where = NULL};
	struct pga_import import = {.path = NULL};
	struct pga_hidden_environment hidden = {.count = 0};
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	struct pga_error error;
	char *path;
	int status;

	if (!pga_password_options(&pga_cmd_password_import, argc, argv, &asked, &status))
		return status;
	path = asked.where != NULL ? strdup(asked.where) : pga_passfile_path(&error);
	if (path == NULL || pga_hide_environment(&hidden) != 0 ||
	    pga_policy_load(&policy, &error) != 0 || pga_pins_load(&pins, &policy, &error) != 0 ||
	    (!asked.dry_run && pga_ask_keyring_state(&error) != PGA_SECRET_DONE)) {
		status = pga_password_failed(&error);
	} else {
		import = (struct pga_import){.policy = &policy,
					     .pins = &pins,
					     .path = path,
					     .keep = asked.keep,
					     .replace = asked.replace,
					     .dry_run = asked.dry_run};
		status = import_file(&import, asked.json, &error);
	}
	pga_restore_environment(&hidden);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	free(path);
	return status;
}

const struct pga_command pga_cmd_password_import = {
    .name = "password import",
    .summary = "move the lines of libpq's password file into the keyring",
    .usage = "[FILE] [--keep] [--replace] [--dry-run] [--json]",
    .about =
	"Puts the password of each line of libpq's password file (PGPASSFILE, or ~/.pgpass) "
	"into the keyring, reads it back, and only then takes the line out of the file. Every "
	"other byte stays. A line whose password may not go to its host by policy and pins is "
	"left, and so are one without which libpq would take another line in its place, one that "
	"libpq never uses, and one for which the keyring has another password; each is named, "
	"with the reason.",
    .statuses = "Exit status: 0 every line was moved, or copied, or would be; 1 one was left, or "
		"would be, or the keyring or the file could not be changed; 2 usage.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "a password file",
    .most = 1,
    .names = PGA_NAMES_FILE,
    .run = run,
};
