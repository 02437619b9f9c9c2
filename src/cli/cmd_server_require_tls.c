/* pganchor server require-tls: nobody gets in over the network without TLS. */
#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/cmd_server.h"
#include "cli/print_require_tls.h"
#include "cli/question.h"
#include "password/secret.h"
#include "report/json.h"
#include "server/elsewhere.h"
#include "server/hba_shown.h"
#include "server/require.h"
#include "server/require_sql.h"
#include "server/require_undo.h"
#include "server/typed.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
	struct pga_require_wish wish;
	const char *service;
	bool by_sql;
	bool undo;
	bool lock_out;
	bool yes;
	bool dry_run;
	bool json;
};

static int print_json(const struct asked *asked, const struct pga_requiring *requiring)
{
	return pga_json_print(json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}",
					"directory", pga_json_text(requiring->cluster.directory),
					"port", (json_int_t)requiring->cluster.port, "changes",
					pga_require_rules_as_json(requiring, false), "weak",
					pga_require_rules_as_json(requiring, true), "locked_out",
					pga_require_locked_out_as_json(requiring), "shut_out",
					pga_require_shut_out_as_json(requiring), "unloaded",
					pga_require_unloaded_as_json(requiring), "proved",
					(int)requiring->proved, "loaded", (int)!requiring->stale,
					"dry_run", (int)asked->dry_run),
			      PGA_EXIT_DONE);
}

/* As it can be typed. */
static void print_way_back(const struct asked *asked, const struct pga_requiring *requiring)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_server_add_typed(&text, "require-tls --undo", requiring->cluster.directory,
			     asked->wish.user);
	if (!text.failed)
		pga_print(stdout, "next:\n    %s\n", pga_text_string(&text));
	pga_text_free(&text);
}

static void print_proof(const struct pga_requiring *requiring)
{
	for (size_t i = 0; i < requiring->trial_count; i++)
		pga_print(stdout, "Proved: user %s of database %s is let in from %s %s\n",
			  requiring->trials[i].user, requiring->trials[i].database,
			  requiring->trials[i].address,
			  requiring->trials[i].encrypted == PGA_LET_IN
			      ? "with TLS, and not without"
			      : "no more, neither with TLS nor without");
}

/* No line is to be changed. */
static void print_required(const struct asked *asked, const struct pga_requiring *requiring)
{
	(void)puts(asked->dry_run ? "Would have the server load the files"
				  : "The server has loaded the files");
	if (asked->dry_run && requiring->stale) {
		(void)puts("Its files want TLS already; but it may go by older rules, which do "
			   "not");
		return;
	}
	if (!asked->dry_run)
		print_proof(requiring);
	(void)puts("TLS is required already: no rule that is for the network lets anybody in "
		   "without it");
}

static void print_done(const struct asked *asked, const struct pga_requiring *requiring)
{
	if (requiring->changes == 0) {
		print_required(asked, requiring);
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
	print_proof(requiring);
	if (!requiring->proved && requiring->stays != NULL)
		pga_print_warning("no connection from this machine could prove it: %s, line %zu, "
				  "which is for the machine itself and stays, lets it in without "
				  "TLS",
				  requiring->stays_path, requiring->stays->number);
	else if (!requiring->proved)
		pga_print_warning("no connection from this machine could prove it: none of the "
				  "rules that were changed is for an address of its own");
	print_way_back(asked, requiring);
}

static int ask_person(const struct pga_requiring *requiring, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows it",
			       error) != 0)
		return -1;
	if (pga_print_require_plan(question.out, requiring, error) == 0) {
		if (requiring->changes == 0)
			pga_print(question.out, "No line is to be changed: the server is to load "
						"its files, which want TLS already\n");
		return pga_question_confirm(&question, "Do this? Type yes: ", error);
	}
	pga_question_end(&question);
	return -1;
}

static int act(const struct asked *asked, struct pga_requiring *requiring, struct pga_error *error)
{
	const bool act = !asked->dry_run;
	const bool refused =
	    requiring->changes > 0 && !asked->lock_out &&
	    pga_require_check_shut_out(&requiring->locked_out, &requiring->shut_out,
				       requiring->trials, requiring->trial_count, error) != 0;

	if (refused) {
		struct pga_error ignored;

		if (!asked->json)
			(void)pga_print_require_plan(stdout, requiring, &ignored);
		return -1;
	}
	if (act && !asked->yes) {
		if (ask_person(requiring, error) != 0)
			return -1;
	} else if (!asked->json && pga_print_require_plan(stdout, requiring, error) != 0) {
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
		struct pga_text shown = PGA_TEXT_EMPTY;

		if (item->settled)
			continue;
		pga_hba_add_shown(&shown, pga_text_string(&item->after), item->after.length);
		pga_print_warning("%s: a line that require-tls changed is not as it was left, and "
				  "stays: %s",
				  item->path, pga_text_string(&shown));
		pga_text_free(&shown);
	}
	if (undoing->restored > 0 && undoing->session == NULL)
		pga_print_warning("the server does not run: it looks at its rules when it starts, "
				  "and not before");
	if (undoing->record.count == 0)
		(void)puts("There is nothing to undo: no change by require-tls --data-dir is "
			   "recorded there.");
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
	    (undoing.elsewhere != NULL &&
	     pga_server_fail_elsewhere(&undoing.cluster, PGA_HBA_BEFORE, undoing.elsewhere,
				       PGA_HBA_MOVED, &error) != 0) ||
	    (!asked->dry_run && pga_unrequire_apply(&undoing, &error) != 0))
		pga_print_error(&error);
	else
		status = print_undone(asked, &undoing);
	pga_unrequire_end(&undoing);
	return status;
}

static struct pga_requiring seen_of(const struct pga_require_by_sql *by)
{
	return (struct pga_requiring){
	    .tree = by->tree, .locked_out = by->locked_out, .shut_out = by->shut_out};
}

static int print_json_by_sql(const struct asked *asked, const struct pga_require_by_sql *by)
{
	const struct pga_requiring seen = seen_of(by);

	return pga_json_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "service",
					pga_json_text(asked->service), "changes",
					pga_require_rules_as_json(&seen, false), "weak",
					pga_require_rules_as_json(&seen, true), "locked_out",
					pga_require_locked_out_as_json(&seen), "shut_out",
					pga_require_shut_out_as_json(&seen), "unloaded",
					pga_require_unloaded_as_json(&seen), "proved",
					(int)by->proved, "dry_run",
					(int)(asked->dry_run || !asked->by_sql)),
			      PGA_EXIT_DONE);
}

/* As it can be typed. */
static void print_undo_of(const char *service)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, service[0] == '-' ? "-- " : "");
	pga_text_add_shell_word(&text, service);
	if (!text.failed)
		pga_print(stdout, "next:\n    pganchor server undo %s\n", pga_text_string(&text));
	pga_text_free(&text);
}

static void print_done_by_sql(const struct asked *asked, const struct pga_require_by_sql *by,
			      bool done)
{
	if (by->changes == 0 && !done) {
		(void)puts("Its files want TLS already: no rule that is for the network lets "
			   "anybody in without it. Whether the server has loaded them is not seen "
			   "from here: --write-by-sql --yes has it load them, and proves it");
		return;
	}
	if (by->changes == 0)
		(void)puts("The server has loaded the files, which want TLS already: no rule that "
			   "is for the network lets anybody in without it");
	if (!done)
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
	if (done && by->changes > 0)
		print_undo_of(asked->service);
}

static int act_by_sql(const struct asked *asked, struct pga_require_by_sql *by,
		      struct pga_error *error)
{
	const struct pga_requiring seen = seen_of(by);
	const bool act = asked->by_sql && !asked->dry_run;

	if (!asked->json && pga_print_require_plan(stdout, &seen, error) != 0)
		return -1;
	if (by->changes > 0 && !asked->lock_out && asked->by_sql &&
	    pga_require_check_shut_out(&by->locked_out, &by->shut_out, NULL, 0, error) != 0)
		return -1;
	if (act && pga_require_sql_apply(by, error) != 0)
		return -1;
	if (asked->json)
		return print_json_by_sql(asked, by);
	print_done_by_sql(asked, by, act);
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
				       "a SERVICE: with --write-by-sql, --lock-out, --yes, "
				       "--dry-run and --json alone");
	if (asked->yes && !asked->by_sql)
		return pga_usage_error("server require-tls",
				       "--yes: of a SERVICE the lines are shown, and written with "
				       "--write-by-sql alone");
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
    PGA_SERVER_LOGIN_OPTIONS(asked),
    {.name = "undo",
     .target = offsetof(struct asked, undo),
     .help = "put back the lines that it has changed, as far as they are as it left them"},
    {.name = "write-by-sql",
     .target = offsetof(struct asked, by_sql),
     .help = "of a SERVICE: write pg_hba.conf over its connection, by lo_export"},
    {.name = "lock-out",
     .target = offsetof(struct asked, lock_out),
     .help = "though some would be locked out whom no rule lets in with TLS either"},
    PGA_SERVER_DOING_OPTIONS(asked, "do everything but write, and say what would be written"),
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
	"them over that connection, and writes the files back where a new one does not get in.",
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
