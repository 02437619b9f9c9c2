/* pganchor server: the server's side of TLS. */
#include "cli/cmd_server.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/print_server_next.h"
#include "cli/print_server_nothing.h"
#include "cli/question.h"
#include "password/secret.h"
#include "report/json.h"
#include "server/typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pga_command *const commands[] = {
    &pga_cmd_server_enable_tls,
    &pga_cmd_server_require_tls,
    &pga_cmd_server_disable_tls,
    &pga_cmd_server_undo,
    NULL,
};

static const struct pga_habit habits[] = {
    {"enable", "enable-tls"},
    {"on", "enable-tls"},
    {"ssl", "enable-tls"},
    {"disable", "disable-tls"},
    {"enable-ssl", "enable-tls"},
    {"disable-ssl", "disable-tls"},
    {"revert", "undo"},
    {"require", "require-tls"},
    {"hba", "require-tls"},
    {"enforce", "require-tls"},
    {NULL, NULL},
};

static int run(int argc, char **argv);

const struct pga_command pga_cmd_server = {
    .name = "server",
    .summary = "TLS of a PostgreSQL server: on, required, and off again",
    .about =
	"Switches TLS on at a PostgreSQL server, of this machine or by a service whose user is "
	"a superuser, and off again. A server takes whatever it is set to, and says in its log "
	"alone that it could not use it: so everything is checked before, by PostgreSQL's own "
	"rules, and proved after by a handshake, or put back. What was changed is recorded, and "
	"undone by undo.",
    .examples = "  pganchor server enable-tls --dry-run --data-dir /srv/postgresql/data\n"
		"  pganchor server undo --data-dir /srv/postgresql/data\n"
		"  pganchor server enable-tls --dry-run prod\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

static int run(int argc, char **argv)
{
	return pga_commands_run(&pga_cmd_server, argc, argv);
}

static void print_detail(FILE *stream, const struct pga_plan_line *line)
{
	if (line->detail != NULL)
		pga_print(stream, "       %s\n", line->detail);
}

/* What is to be known first, and then what is done. */
static void print_plan(FILE *stream, const struct pga_server_plan *plan, bool dry_run)
{
	unsigned step = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct pga_plan_line *line = &plan->list[i];

		if (line->kind == PGA_PLAN_STEP)
			continue;
		pga_print(stream, "%-8s %s\n", pga_plan_word(line->kind), line->text);
		print_detail(stream, line);
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct pga_plan_line *line = &plan->list[i];

		if (line->kind != PGA_PLAN_STEP)
			continue;
		if (step == 0)
			pga_print(stream, "%s\n", dry_run ? "would do:" : "steps:");
		pga_print(stream, "  %u. %s\n", ++step, line->text);
		print_detail(stream, line);
	}
}

static json_t *plan_as_json(const struct pga_server_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->count; i++) {
		const struct pga_plan_line *line = &plan->list[i];

		pga_json_add(array, json_pack("{s:s, s:o, s:o}", "kind", pga_plan_word(line->kind),
					      "text", pga_json_text(line->text), "detail",
					      line->detail != NULL ? pga_json_text(line->detail)
								   : json_null()));
	}
	return array;
}

static json_t *leaf_as_json(const char *leaf)
{
	return leaf[0] != '\0' ? json_string(leaf) : json_null();
}

/* Of a server that does not run it is known where its settings were put back. */
static json_t *tls_as_json(const struct pga_server_work *work, bool done)
{
	if (work->stopped && !(done && work->settings.of[PGA_SET_ON].now != NULL))
		return json_null();
	return json_boolean(work->on);
}

static int print_json(const struct pga_server_work *work, const struct pga_asked_server *asked,
		      bool done)
{
	const bool proved = done && !work->stopped;
	json_t *object = json_pack(
	    "{s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:b}", "plan", plan_as_json(&work->plan),
	    "changed", (int)(done && work->changes), "proved", (int)proved, "loaded",
	    proved && work->changes && !work->untold ? json_true() : json_null(), "tls",
	    tls_as_json(work, done), "served_before", leaf_as_json(work->served), "served",
	    leaf_as_json(done ? work->shown : work->served), "dry_run", (int)asked->dry_run);

	if (asked->wish.service != NULL) {
		pga_json_set(object, "service", pga_json_text(asked->wish.service));
	} else {
		pga_json_set(object, "directory", pga_json_text(work->target.cluster.directory));
		pga_json_set(object, "port", json_integer(work->target.cluster.port));
	}
	return pga_json_print(object, PGA_EXIT_DONE);
}

static int ask(const struct pga_server_plan *plan, struct pga_error *error)
{
	struct pga_question question;

	if (pga_question_begin(&question, "--yes does it without a question, --dry-run shows what",
			       error) != 0)
		return -1;
	print_plan(question.out, plan, false);
	return pga_question_confirm(&question, "Do all of this? Type yes: ", error);
}

/* As it can be typed. */
static void print_command(const struct pga_server_work *work, const char *command, const char *user)
{
	struct pga_text words = PGA_TEXT_EMPTY;

	pga_server_add_typed(&words, command, work->target.cluster.directory, user);
	if (!words.failed)
		pga_print(stdout, "    %s\n", pga_text_string(&words));
	pga_text_free(&words);
}

static void warn_untold(const char *log)
{
	pga_print_warning(
	    "no handshake tells whether the server has loaded that: it showed the same "
	    "before\n    its log does%s%s",
	    log[0] != '\0' ? ": " : "", log);
}

/* What it comes to is seen when the server runs: the command that changes nothing then proves it.
 */
static void print_stopped(const struct pga_server_work *work, const char *user)
{
	const char *directory = work->target.cluster.directory;

	(void)puts("Put back in its files, and not proved: the server was not started.");
	if (work->unrequired || json_array_size(work->record.changes) > 0) {
		(void)puts("There is more to undo:");
		print_command(work, "undo", user);
		return;
	}
	pga_print(stdout,
		  "By them, ssl is %s (postgres -C ssl -D %s). Once it runs, this proves it:\n",
		  work->on ? "on" : "off", directory);
	print_command(work, work->on ? "enable-tls" : "disable-tls", user);
}

static void print_done(const struct pga_server_work *work, const char *user, const char *command)
{
	if (work->stopped) {
		print_stopped(work, user);
		return;
	}
	if (!work->on)
		pga_print(stdout, "Proved: %s, port %u, answers that it does not use TLS.\n",
			  work->target.host, work->target.cluster.port);
	else
		pga_print(stdout, "Proved: %s, port %u, shows the certificate with SHA-256 %s.\n",
			  work->target.host, work->target.cluster.port, work->shown);
	if (work->untold)
		warn_untold(pga_cluster_log(work->target.session));
	if (!work->changes)
		(void)puts("Nothing was to be changed.");
	else if (command != NULL)
		pga_print_server_next(work, user);
}

/* Undo without a record, say. */
static bool is_nothing(const struct pga_server_work *work, const char *command)
{
	return command == NULL && work->undone == NULL;
}

static int act(const struct pga_command *typed, struct pga_asked_server *asked,
	       struct pga_server_work *work, const char *command, pga_server_planner *plan)
{
	struct pga_error error;
	int result;
	bool done = false;

	asked->wish.writes = !asked->dry_run;
	asked->wish.may_be_stopped = command == NULL;
	result = pga_server_work_begin(work, &asked->wish, &error);
	if (result == 0)
		result = plan(work, &asked->wish, &error);
	if (result == 0 && !asked->dry_run && pga_server_work_is_by_hand(work, &error)) {
		if (asked->json)
			(void)print_json(work, asked, false);
		else
			print_plan(stdout, &work->plan, true);
		result = -1;
	} else if (result == 0 && !asked->dry_run && !is_nothing(work, command)) {
		if (!asked->yes && !pga_question_possible())
			return pga_usage_error(typed->name,
					       "there is no terminal to ask on: --yes does it, "
					       "--dry-run shows what");
		if (!asked->yes)
			result = ask(&work->plan, &error);
		else if (!asked->json)
			print_plan(stdout, &work->plan, false);
		if (result == 0)
			result = pga_server_work_do(work, command, &error);
		done = result == 0;
	} else if (!asked->json &&
		   (asked->dry_run || (result == 0 && pga_server_nothing_has_lines(work)))) {
		print_plan(stdout, &work->plan, asked->dry_run);
	}
	if (result != 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (asked->json)
		return print_json(work, asked, done);
	if (done)
		print_done(work, asked->wish.user, command);
	else if (is_nothing(work, command))
		pga_print_server_nothing(work, asked->dry_run);
	else
		(void)puts("This was a dry run: nothing was changed.");
	return PGA_EXIT_DONE;
}

int pga_server_take_host(void *into, const struct pga_option *option, const char *value)
{
	struct pga_asked_server *asked = into;

	if (asked->wish.host_count == PGA_SERVER_HOSTS)
		return pga_usage_error("server", "--%s: more than %d names", option->name,
				       PGA_SERVER_HOSTS);
	asked->hosts[asked->wish.host_count++] = value;
	return PGA_EXIT_DONE;
}

/* The server by its data directory, or by a service. */
static int check_words(const struct pga_command *typed, struct pga_server_wish *wish)
{
	if (wish->service != NULL && (wish->directory != NULL || wish->user != NULL))
		return pga_usage_error(typed->name,
				       "a SERVICE says who logs in, and where: without --data-dir "
				       "and --user");
	if (wish->service == NULL && wish->directory == NULL)
		wish->directory = getenv("PGDATA");
	if (wish->service == NULL && (wish->directory == NULL || wish->directory[0] == '\0'))
		return pga_usage_error(typed->name,
				       "--data-dir DIRECTORY names the server, which is what SHOW "
				       "data_directory says, or a SERVICE that leads to it");
	return PGA_EXIT_DONE;
}

bool pga_server_read(const struct pga_command *typed, int argc, char **argv,
		     struct pga_asked_server *asked, int *status)
{
	asked->wish.hosts = asked->hosts;
	if (!pga_options_read(typed, argc, argv, asked, status))
		return false;
	asked->wish.service = optind < argc ? argv[optind] : NULL;
	*status = check_words(typed, &asked->wish);
	return *status == PGA_EXIT_DONE;
}

static int act_by_policy(const struct pga_command *typed, struct pga_asked_server *asked,
			 struct pga_server_work *work, const char *command,
			 pga_server_planner *plan)
{
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	pga_secret_hide_process();
	asked->wish.policy = &policy;
	asked->wish.pins = &pins;
	if (pga_policy_load(&policy, &error) != 0 || pga_pins_load(&pins, &policy, &error) != 0)
		pga_print_error(&error);
	else
		status = act(typed, asked, work, command, plan);
	pga_server_work_end(work);
	asked->wish.policy = NULL;
	asked->wish.pins = NULL;
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return status;
}

int pga_server_act(const struct pga_command *typed, struct pga_asked_server *asked,
		   const char *command, pga_server_planner *plan)
{
	struct pga_server_work work;
	int status;

	memset(&work, 0, sizeof work);
	if (asked->wish.service != NULL)
		return act_by_policy(typed, asked, &work, command, plan);
	status = act(typed, asked, &work, command, plan);
	pga_server_work_end(&work);
	return status;
}

int pga_server_run(const struct pga_command *typed, int argc, char **argv, const char *command,
		   pga_server_planner *plan)
{
	struct pga_asked_server asked = {.dry_run = false};
	int status;

	if (!pga_server_read(typed, argc, argv, &asked, &status))
		return status;
	return pga_server_act(typed, &asked, command, plan);
}
