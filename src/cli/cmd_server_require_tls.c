/* pganchor server require-tls: nobody gets in over the network without TLS. */
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/cmd_server.h"
#include "cli/question.h"
#include "password/secret.h"
#include "report/json.h"
#include "server/require.h"
#include "server/require_sql.h"
#include "server/require_undo.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
	struct pga_require_wish wish;
	const char *service;
	bool by_sql;
	bool undo;
	bool yes;
	bool dry_run;
	bool json;
};

static char *copy_line(const struct pga_hba_file *file, const struct pga_hba_line *line,
		       bool required)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (required)
		pga_hba_add_line(file, line, &text);
	else
		pga_text_add_bytes(&text, pga_text_string(&file->bytes) + line->start,
				   line->length);
	while (!text.failed && text.length > 0 &&
	       (text.bytes[text.length - 1] == '\n' || text.bytes[text.length - 1] == '\r'))
		text.bytes[--text.length] = '\0';
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
		pga_print(stream, "%s, line %zu:\n  - %s\n  + %s\n", own->path,
			  own->file.lines[line].number, before, after);
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

	if (requiring->locked_out_count == 0)
		return;
	pga_print(stream, "Connected without TLS now, and not let in again as they connect:\n");
	for (size_t i = 0; i < requiring->locked_out_count; i++) {
		const struct pga_plain_session *one = &requiring->locked_out[i];

		standbys = standbys || strcmp(one->kind, "walsender") == 0;
		pga_print(stream, "  %s: user %s%s%s, from %s, since %s%s%s%s\n", one->kind,
			  one->user, one->database[0] != '\0' ? ", database " : "", one->database,
			  one->address, one->since,
			  one->application[0] != '\0' ? ", application " : "", one->application,
			  one->gss ? ", encrypted by GSSAPI" : "");
	}
	if (standbys)
		pga_print(stream,
			  "A standby or subscription stays away until the sslmode of its "
			  "primary_conninfo or CONNECTION is verify-full: mend that first\n");
}

static int print_plan(FILE *stream, const struct pga_requiring *requiring, struct pga_error *error)
{
	for (size_t i = 0; i < requiring->tree.part_count; i++)
		for (size_t k = 0; k < requiring->tree.parts[i].file.count; k++)
			if (differs(&requiring->tree.parts[i].file.lines[k]) &&
			    print_change(stream, requiring, i, k, error) != 0)
				return -1;
	print_weak(stream, requiring);
	print_locked_out(stream, requiring);
	return 0;
}

static json_t *rules_as_json(const struct pga_requiring *requiring, bool weak)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < requiring->tree.place_count; i++) {
		const struct pga_hba_part *part =
		    &requiring->tree.parts[requiring->tree.places[i].part];
		const struct pga_hba_line *line = pga_hba_tree_line(&requiring->tree, i);
		char *before;
		char *after;

		if (weak ? pga_hba_weakness(line) == NULL : !differs(line))
			continue;
		before = copy_line(&part->file, line, false);
		after = copy_line(&part->file, line, true);
		pga_json_add(rules,
			     json_pack("{s:o, s:I, s:o, s:o, s:s?}", "file",
				       pga_json_text(part->path), "line", (json_int_t)line->number,
				       "before", pga_json_text(before != NULL ? before : ""),
				       "after", pga_json_text(after != NULL ? after : ""),
				       "weakness", pga_hba_weakness(line)));
		free(before);
		free(after);
	}
	return rules;
}

static json_t *locked_out_as_json(const struct pga_requiring *requiring)
{
	json_t *sessions = json_array();

	for (size_t i = 0; i < requiring->locked_out_count; i++) {
		const struct pga_plain_session *one = &requiring->locked_out[i];

		pga_json_add(sessions,
			     json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:b}", "pid",
				       (json_int_t)strtol(one->pid, NULL, 10), "kind",
				       pga_json_text(one->kind), "user", pga_json_text(one->user),
				       "database", pga_json_text(one->database), "application",
				       pga_json_text(one->application), "address",
				       pga_json_text(one->address), "since", one->since, "gss",
				       (int)one->gss));
	}
	return sessions;
}

static int print_json(const struct asked *asked, const struct pga_requiring *requiring)
{
	return pga_json_print(json_pack("{s:o, s:I, s:o, s:o, s:o, s:b, s:b}", "directory",
					pga_json_text(requiring->cluster.directory), "port",
					(json_int_t)requiring->cluster.port, "changes",
					rules_as_json(requiring, false), "weak",
					rules_as_json(requiring, true), "locked_out",
					locked_out_as_json(requiring), "proved",
					(int)requiring->proved, "dry_run", (int)asked->dry_run),
			      PGA_EXIT_DONE);
}

static void print_done(const struct asked *asked, const struct pga_requiring *requiring)
{
	if (requiring->changes == 0) {
		if (requiring->stale)
			(void)puts(asked->dry_run ? "Would have the server load the files"
						  : "The server has loaded the files");
		pga_print(stdout, "TLS is required already: no rule that is for the network lets "
				  "anybody in without it\n");
		return;
	}
	if (asked->dry_run) {
		(void)puts("This was a dry run: nothing was changed.");
		return;
	}
	pga_print(stdout,
		  "TLS is required: %zu line%s changed, looked at by the server, and "
		  "loaded\n",
		  requiring->changes, requiring->changes == 1 ? "" : "s");
	for (size_t i = 0; i < requiring->trial_count; i++)
		pga_print(stdout,
			  "Proved: user %s of database %s is let in from %s with TLS, and not "
			  "without\n",
			  requiring->trials[i].user, requiring->trials[i].database,
			  requiring->trials[i].address);
	if (!requiring->proved)
		pga_print_warning("no connection from this machine could prove it: none of the "
				  "rules that were changed is for an address of its own");
	pga_print(stdout, "next:\n    pganchor server require-tls --undo --data-dir %s\n",
		  requiring->cluster.directory);
}

static int ask_person(const struct pga_requiring *requiring, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows it",
			       error) != 0)
		return -1;
	result = print_plan(question.out, requiring, error);
	if (result == 0)
		result = pga_question_ask(&question, "Do this? Type yes: ", &answer, error);
	pga_question_end(&question);
	if (result == 0 && !(answer.whole && strcmp(answer.text, "yes") == 0))
		result = pga_fail(error, "", "nothing was changed: you have not said yes");
	return result;
}

static int act(const struct asked *asked, struct pga_requiring *requiring, struct pga_error *error)
{
	const bool act = (requiring->changes > 0 || requiring->stale) && !asked->dry_run;

	if (act && !asked->yes) {
		if (ask_person(requiring, error) != 0)
			return -1;
	} else if (!asked->json && print_plan(stdout, requiring, error) != 0) {
		return -1;
	}
	return act ? pga_require_apply(requiring, error) : 0;
}

static int print_undone(const struct asked *asked, const struct pga_unrequiring *undoing)
{
	const bool dry_run = asked->dry_run;

	if (asked->json)
		return pga_json_print(json_pack("{s:o, s:I, s:I, s:b}", "directory",
						pga_json_text(undoing->cluster.directory),
						"restored", (json_int_t)undoing->restored, "left",
						(json_int_t)undoing->left, "dry_run", (int)dry_run),
				      PGA_EXIT_DONE);
	for (size_t i = 0; i < undoing->record.count; i++) {
		const struct pga_hba_was *item = &undoing->record.items[i];

		if (!item->settled)
			pga_print_warning("%s: a line that require-tls changed is not as it was "
					  "left, and stays: %s",
					  item->path, pga_text_string(&item->after));
	}
	if (undoing->record.count == 0)
		(void)puts("There is nothing to undo: require-tls has changed nothing there.");
	else if (undoing->restored == 0)
		pga_print(stdout,
			  "No line of pg_hba.conf %s put back: its rules stay as they are\n",
			  dry_run ? "would be" : "was");
	else
		pga_print(stdout, "%s %zu line%s of pg_hba.conf %s: TLS is not required there\n",
			  dry_run ? "Would put" : "Put", undoing->restored,
			  undoing->restored == 1 ? "" : "s", "back as before");
	return PGA_EXIT_DONE;
}

static int undo(const struct asked *asked)
{
	struct pga_unrequiring undoing;
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_unrequire_plan(&undoing, &asked->wish, &error) != 0 ||
	    (!asked->dry_run && pga_unrequire_apply(&undoing, &error) != 0))
		pga_print_error(&error);
	else
		status = print_undone(asked, &undoing);
	pga_unrequire_end(&undoing);
	return status;
}

static int print_json_by_sql(const struct asked *asked, const struct pga_require_by_sql *by)
{
	const struct pga_requiring seen = {.tree = by->tree};

	return pga_json_print(json_pack("{s:o, s:o, s:o, s:b, s:b}", "service",
					pga_json_text(asked->service), "changes",
					rules_as_json(&seen, false), "weak",
					rules_as_json(&seen, true), "proved", (int)by->proved,
					"dry_run", (int)(asked->dry_run || !asked->by_sql)),
			      PGA_EXIT_DONE);
}

static void print_done_by_sql(const struct asked *asked, const struct pga_require_by_sql *by,
			      bool written)
{
	if (by->changes == 0)
		(void)puts("TLS is required already: no rule that is for the network lets anybody "
			   "in without it");
	else if (!written)
		pga_print(stdout,
			  "Nothing was changed. On the server, as its owner:\n"
			  "    pganchor server require-tls --data-dir DIRECTORY\n"
			  "or from here, in place, which is not atomic:\n"
			  "    pganchor server require-tls --write-by-sql --yes %s\n",
			  asked->service);
	else if (by->proved)
		(void)puts(
		    "Proved: a new connection with TLS is let in, and one without it is not");
	else
		pga_print_warning("a new connection with TLS is let in; that one without it is not "
				  "could not be seen from here");
}

static int act_by_sql(const struct asked *asked, struct pga_require_by_sql *by,
		      struct pga_error *error)
{
	const struct pga_requiring seen = {.tree = by->tree};
	const bool write = asked->by_sql && !asked->dry_run && by->changes > 0;

	if (!asked->json && print_plan(stdout, &seen, error) != 0)
		return -1;
	if (write && pga_require_sql_apply(by, error) != 0)
		return -1;
	if (asked->json)
		return print_json_by_sql(asked, by);
	print_done_by_sql(asked, by, write);
	return PGA_EXIT_DONE;
}

static int by_sql(const struct asked *asked)
{
	struct pga_require_by_sql by = {.changes = 0};
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	struct pga_error error;
	int status = -1;

	if (pga_policy_load(&policy, &error) == 0 && pga_pins_load(&pins, &policy, &error) == 0 &&
	    pga_require_sql_plan(&by, asked->service, &policy, &pins, &error) == 0)
		status = act_by_sql(asked, &by, &error);
	if (status < 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_require_sql_end(&by);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return status;
}

/* Which of the two ways is meant. Returns PGA_EXIT_DONE, or after an error PGA_EXIT_USAGE. */
static int check_by_sql(const struct asked *asked)
{
	if (asked->service == NULL)
		return asked->by_sql ? pga_usage_error("server require-tls",
						       "--write-by-sql: of which SERVICE?")
				     : PGA_EXIT_DONE;
	if (asked->wish.directory != NULL || asked->wish.user != NULL || asked->undo)
		return pga_usage_error("server require-tls",
				       "a SERVICE: with --write-by-sql, --yes, --dry-run and "
				       "--json alone");
	if (asked->by_sql && !asked->yes && !asked->dry_run)
		return pga_usage_error("server require-tls",
				       "--write-by-sql: with --yes, or --dry-run, which shows "
				       "what");
	return PGA_EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct asked asked = {.yes = false};
	struct pga_requiring requiring;
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_server_require_tls, argc, argv, &asked, &status))
		return status;
	pga_secret_hide_process();
	asked.service = optind < argc ? argv[optind] : NULL;
	status = check_by_sql(&asked);
	if (status != PGA_EXIT_DONE)
		return status;
	if (asked.service != NULL)
		return by_sql(&asked);
	if (asked.wish.directory == NULL)
		asked.wish.directory = getenv("PGDATA");
	if (asked.wish.directory == NULL || asked.wish.directory[0] == '\0')
		return pga_usage_error("server require-tls",
				       "--data-dir DIRECTORY names the server; it is what SHOW "
				       "data_directory says");
	asked.wish.writes = !asked.dry_run;
	if (asked.undo)
		return undo(&asked);
	if (!asked.yes && !asked.dry_run && !pga_question_possible())
		return pga_usage_error("server require-tls",
				       "there is no terminal to ask on: --yes does it, --dry-run "
				       "shows it");
	status = PGA_EXIT_FAILED;
	if (pga_require_plan(&requiring, &asked.wish, &error) != 0 ||
	    act(&asked, &requiring, &error) != 0) {
		pga_print_error(&error);
	} else if (asked.json) {
		status = print_json(&asked, &requiring);
	} else {
		print_done(&asked, &requiring);
		status = PGA_EXIT_DONE;
	}
	pga_require_end(&requiring);
	return status;
}

static const struct pga_option options[] = {
    {.name = "data-dir",
     .letter = 'D',
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, wish.directory),
     .argument = "DIRECTORY",
     .names = PGA_NAMES_DIRECTORY,
     .help = "the data directory of the server, which has to run; PGDATA, if left out"},
    {.name = "user",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct asked, wish.user),
     .argument = "NAME",
     .help = "its superuser; the owner of the directory or PGUSER, and postgres, if left out"},
    {.name = "undo",
     .target = offsetof(struct asked, undo),
     .help = "put back the lines that it has changed, as far as they are as it left them"},
    {.name = "write-by-sql",
     .target = offsetof(struct asked, by_sql),
     .help = "of a SERVICE: write pg_hba.conf over its connection, by lo_export"},
    {.name = "yes", .target = offsetof(struct asked, yes), .help = "do it without a question"},
    {.name = "dry-run",
     .letter = 'n',
     .target = offsetof(struct asked, dry_run),
     .help = "do everything but write, and say what would be written"},
    {.name = "json",
     .letter = 'j',
     .target = offsetof(struct asked, json),
     .help = "report in JSON"},
};

const struct pga_command pga_cmd_server_require_tls = {
    .name = "server require-tls",
    .summary = "let nobody in over the network without TLS",
    .usage = "--data-dir DIRECTORY [OPTION ...]\nSERVICE [--write-by-sql --yes] [OPTION ...]",
    .about =
	"Has every rule of pg_hba.conf, and of the files that it includes, that is for the network "
	"want TLS: host becomes hostssl, replication too, and no other byte is changed. Rules for "
	"the machine itself and those that reject stay. Who is connected without TLS now is listed "
	"before. The server looks at the file before it loads it; then a connection with TLS has "
	"to be let in, and one without it not. Where that fails, all is put back as it was. "
	"--undo does it later: each line becomes what it was.\n\n"
	"Of a SERVICE, whose server is verified first, it shows the lines; --write-by-sql writes "
	"them over that connection, and writes the file back where a new one does not get in.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a service",
    .least = 0,
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .statuses = "Exit status: 0 done; 1 failed: nothing was changed, or what is said; 2 usage.",
    .examples = "  sudo pganchor server require-tls --data-dir /var/lib/postgresql/15/main "
		"--dry-run\n",
    .run = run,
};
