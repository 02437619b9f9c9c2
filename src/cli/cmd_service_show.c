/* pganchor service show: what one entry comes to. */
#include "cli/cmd_service.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/conninfo_word.h"
#include "report/json.h"
#include "report/table.h"
#include "cli/print_unpinned.h"
#include "policy/explain.h"
#include "service/evaluate.h"

#include <stdlib.h>
#include <string.h>

static bool is_of_entry(const struct pga_evaluation *evaluation, const PQconninfoOption *option)
{
	const enum pga_origin *origins = evaluation->effective.origins;

	return origins != NULL &&
	       origins[option - evaluation->effective.options] == PGA_FROM_SERVICE;
}

/* "this entry" or "libpq's default". */
static char *origin_of(const struct pga_evaluation *evaluation, const PQconninfoOption *option)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	if (is_of_entry(evaluation, option))
		pga_text_add(&text, "this entry");
	else
		pga_effective_origin(&evaluation->effective, option->keyword, &text);
	return pga_text_take(&text);
}

static bool is_in_effect(const PQconninfoOption *option)
{
	return option->val != NULL && option->val[0] != '\0' &&
	       strncmp(option->keyword, "service", strlen("service")) != 0;
}

static void print_settings(const struct pga_evaluation *evaluation)
{
	static const char *const heading[] = {"SETTING", "VALUE", "FROM"};
	const PQconninfoOption *options = evaluation->effective.options;
	char **cells = NULL;
	char *shown;
	size_t count = 0;
	size_t rows = 0;

	while (options != NULL && options[count].keyword != NULL)
		count++;
	cells = calloc(3 * (count + 1), sizeof *cells);
	for (size_t i = 0; cells != NULL && i < count; i++) {
		if (!is_in_effect(&options[i]))
			continue;
		cells[3 * rows] = strdup(options[i].keyword);
		shown = pga_setting_shown(&evaluation->effective, &options[i]);
		cells[3 * rows + 1] = shown != NULL ? pga_printable(shown) : NULL;
		free(shown);
		cells[3 * rows + 2] = origin_of(evaluation, &options[i]);
		rows++;
	}
	if (cells != NULL && rows > 0) {
		(void)putchar('\n');
		pga_print_table(stdout, heading, (const char *const *)cells, 3, rows, NULL);
	}
	pga_cells_free(cells, 3 * rows);
}

/* What an entry may have that makes it weak: add writes it anew, or leaves it out. */
static bool can_weaken(const struct pga_evaluation *evaluation, const PQconninfoOption *option)
{
	const struct pga_setting_rule *rule = pga_setting_rule(option->keyword);

	/* A file in the directory that a program happens to run in. */
	if (strcmp(option->keyword, "sslrootcert") == 0 && option->val[0] != '/')
		return true;
	if (rule != NULL && (rule->flags & PGA_RULE_STRICT) != 0)
		return evaluation->weak[pga_setting_rule_index(option->keyword)];
	return rule != NULL && (rule->flags & PGA_RULE_KEPT) == 0;
}

/* Whether the command that writes the entry anew has this setting. */
static bool is_kept(const struct pga_evaluation *evaluation, const PQconninfoOption *option)
{
	return is_in_effect(option) && is_of_entry(evaluation, option) &&
	       !can_weaken(evaluation, option);
}

static void add_setting(const struct pga_effective *effective, const PQconninfoOption *option,
			struct pga_text *command)
{
	struct pga_text setting = PGA_TEXT_EMPTY;
	char *shown = pga_setting_shown(effective, option);

	pga_text_addf(&setting, "%s=%s", option->keyword,
		      shown != NULL && strcmp(shown, option->val) == 0 ? shown
								       : PGA_SECRET_LEFT_OUT);
	free(shown);
	pga_text_add(command, " ");
	pga_text_add_shell_word(command, pga_text_string(&setting));
	pga_text_free(&setting);
}

void pga_add_replacing_command(const struct pga_entry *entry,
			       const struct pga_evaluation *evaluation, const char *anchor,
			       struct pga_text *command)
{
	const PQconninfoOption *options = evaluation->effective.options;
	const bool like_an_option = entry->name[0] == '-';
	bool has_host = false;

	for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
	     option++)
		has_host = has_host || (is_kept(evaluation, option) &&
					strncmp(option->keyword, "host", strlen("host")) == 0);
	pga_text_add(command, "pganchor service add ");
	if (!like_an_option) {
		pga_text_add_shell_word(command, entry->name);
		pga_text_add(command, " ");
	}
	pga_text_addf(command, "--replace%s", has_host ? "" : " --host HOST");
	if (anchor != NULL)
		pga_text_addf(command, " --anchor %s", anchor);
	if (like_an_option) {
		pga_text_add(command, " -- ");
		pga_text_add_shell_word(command, entry->name);
	}
	for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
	     option++)
		if (is_kept(evaluation, option) &&
		    (anchor == NULL || strcmp(option->keyword, "sslrootcert") != 0))
			add_setting(&evaluation->effective, option, command);
}

static void print_next(const struct pga_entry *entry, const struct pga_evaluation *evaluation)
{
	struct pga_text command = PGA_TEXT_EMPTY;

	if (evaluation->state == PGA_ENTRY_ALLOWED) {
		pga_print_next_use(entry->name);
		return;
	}
	if (evaluation->no_roots) {
		pga_print_next_bootstrap();
		return;
	}
	if (evaluation->state == PGA_ENTRY_UNKNOWN) {
		pga_text_add(&command, "pganchor run -- psql ");
		pga_conninfo_word("service", entry->name, &command);
	} else {
		pga_add_replacing_command(entry, evaluation, NULL, &command);
	}
	(void)printf("next:\n    %s\n", pga_text_string(&command));
	pga_text_free(&command);
}

static void print_text(const struct pga_service_file *file, const struct pga_entry *entry,
		       const struct pga_evaluation *evaluation)
{
	bool good = evaluation->state == PGA_ENTRY_ALLOWED;
	char *name = pga_printable(entry->name);

	pga_print(stdout, "[%s] in %s, line %zu: %s%s%s\n", name != NULL ? name : "", file->path,
		  entry->line, pga_colour(stdout, good ? PGA_GREEN : PGA_RED),
		  pga_entry_state_word(evaluation->state), pga_colour(stdout, PGA_PLAIN));
	free(name);
	pga_print_reasons(stdout, pga_text_string(&evaluation->why));
	print_settings(evaluation);
	(void)putchar('\n');
	print_next(entry, evaluation);
}

static json_t *as_json(const struct pga_service_file *file, const struct pga_entry *entry,
		       const struct pga_evaluation *evaluation)
{
	json_t *settings = json_array();
	const PQconninfoOption *option = evaluation->effective.options;

	for (; option != NULL && option->keyword != NULL; option++) {
		char *origin;
		char *shown;

		if (!is_in_effect(option))
			continue;
		origin = origin_of(evaluation, option);
		shown = pga_setting_shown(&evaluation->effective, option);
		pga_json_add(settings,
			     json_pack("{s:s, s:o, s:o}", "keyword", option->keyword, "value",
				       pga_json_text(shown != NULL ? shown : ""), "origin",
				       pga_json_text(origin != NULL ? origin : "")));
		free(origin);
		free(shown);
	}
	return json_pack("{s:o, s:s, s:o, s:i, s:s, s:o, s:o}", "name", pga_json_text(entry->name),
			 "where", pga_service_place_name(file->place), "file",
			 pga_json_text(file->path), "line", (int)entry->line, "verdict",
			 pga_entry_state_word(evaluation->state), "reasons",
			 pga_json_lines(pga_text_string(&evaluation->why)), "settings", settings);
}

static int status_of(const struct pga_evaluation *evaluation)
{
	if (evaluation->state == PGA_ENTRY_WEAK)
		return PGA_EXIT_WEAK;
	return evaluation->state == PGA_ENTRY_BROKEN ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

static void warn_of_roots(const struct pga_evaluation *evaluation, const struct pga_policy *policy,
			  const struct pga_pins *pins)
{
	struct pga_error error;

	if (pga_warn_of_unpinned(pga_effective_value(&evaluation->effective, "sslrootcert"), policy,
				 pins, &error) != 0)
		pga_print_warning("%s", error.message);
}

static int show(const char *name, bool json)
{
	struct pga_found_services services;
	struct pga_evaluator judging = {.copy = PGA_NO_MEMORY_FILE};
	struct pga_evaluation evaluation = {.state = PGA_ENTRY_BROKEN};
	const struct pga_service_file *file = &services.user;
	const struct pga_entry *entry;
	struct pga_pins pins = {0};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (pga_find_services(&services, &error) != 0)
		goto failed;
	entry = pga_service_file_find(file, name);
	if (entry == NULL) {
		file = &services.system;
		entry = pga_service_file_find(file, name);
	}
	if (entry == NULL) {
		(void)pga_fail(&error, "\"pganchor service list\" shows those there are",
			       "service %s: there is none of this name in %s or %s", name,
			       services.user.path, services.system.path);
		goto failed;
	}
	pga_pins_or_none(&pins);
	if (pga_evaluator_begin(&judging, file, &services.policy, &error) != 0)
		goto failed;
	judging.pins = &pins;
	if (pga_evaluate_entry(&judging, entry, &evaluation, &error) != 0)
		goto failed;
	status = status_of(&evaluation);
	if (json)
		status = pga_json_print(as_json(file, entry, &evaluation), status);
	else
		print_text(file, entry, &evaluation);
	if (evaluation.state == PGA_ENTRY_ALLOWED && evaluation.needs_tls)
		warn_of_roots(&evaluation, &services.policy, &pins);
	goto done;
failed:
	pga_print_error(&error);
done:
	pga_evaluator_end(&judging);
	pga_evaluation_free(&evaluation);
	pga_pins_free(&pins);
	pga_found_services_free(&services);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int status;

	if (!pga_options_read(&pga_cmd_service_show, argc, argv, &json, &status))
		return status;
	return show(argv[optind], json);
}

static const struct pga_option options[] = {
    {.name = "json", .letter = 'j', .target = 0, .help = "report in JSON"},
};

const struct pga_command pga_cmd_service_show = {
    .name = "service show",
    .summary = "show what one entry comes to, setting by setting",
    .usage = "NAME [--json]",
    .about = "Shows the entry that libpq takes for NAME: file and line, the policy's verdict, and "
	     "every setting that is in effect with where it came from. What the environment would "
	     "add does not count; \"pganchor explain service=NAME\" shows that. Passwords are "
	     "masked.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of a service",
    .least = 1,
    .most = 1,
    .names = PGA_NAMES_SERVICE,
    .statuses = "Exit status: 0 allowed, 1 failed, 2 usage, 3 weaker than the policy.",
    .run = run,
};
