/* pganchor status: is the gate active here, by which way, and which running programs have a libpq
 * with it or without. */
#include "cli/cli.h"
#include "report/json.h"
#include "cli/status_processes.h"

#include "preload/module.h"
#include "diagnose/processes.h"
#include "preload/session.h"
#include "preload/enable.h"
#include "base/terminal.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

/* All that there is to tell. */
struct findings {
	bool active;      /* the gate is in this very process, as in what the shell starts next */
	bool in_variable; /* by LD_PRELOAD */
	struct pga_activation *ways;
	size_t way_count;
	struct pga_policy policy;
	struct pga_pins pins;
	bool broken; /* policy or pins: the gate refuses everything */
	struct pga_error problem;
	struct pga_processes processes;
};

static const char *state_word(enum pga_state state)
{
	static const char *const words[] = {[PGA_OFF] = "off",
					    [PGA_ON] = "on",
					    [PGA_ON_OTHER] = "another module",
					    [PGA_ON_GONE] = "a missing module",
					    [PGA_BY_HAND] = "changed by hand"};

	return words[state];
}

/* Room for one more; NULL for want of memory. */
static struct pga_activation *grow_ways(struct findings *found)
{
	struct pga_activation *grown =
	    reallocarray(found->ways, found->way_count + 1, sizeof *found->ways);

	if (grown == NULL)
		return NULL;
	found->ways = grown;
	return &grown[found->way_count];
}

/* Keeps the last way, where its file can be read. Off is worth telling of the ways that have one
 * file each. */
static void keep_way(struct findings *found, struct pga_activation *added, bool has_many)
{
	struct pga_error error;

	if (pga_activation_look(added, &error) != 0) {
		pga_print_warning("%s", error.message);
		pga_activation_end(added);
	} else if (has_many && added->state == PGA_OFF) {
		pga_activation_end(added);
	} else {
		found->way_count++;
	}
}

static int add_way(struct findings *found, enum pga_way way, const char *unit)
{
	struct pga_activation *added = grow_ways(found);
	struct pga_error error;

	if (added == NULL)
		return -1;
	if (pga_activation_find(added, way, NULL, unit, &error) == 0)
		keep_way(found, added, unit != NULL);
	return 0;
}

/* A shell that pganchor does not know has nothing of ours. */
static int add_shells(struct findings *found)
{
	struct pga_shell_files shells;
	struct pga_error error;
	int result = 0;

	(void)pga_shell_files(&shells, &error);
	for (size_t i = 0; i < shells.count && result == 0; i++) {
		struct pga_activation *added = grow_ways(found);

		if (added == NULL)
			result = -1;
		else if (pga_activation_find_shell(added, &shells.list[i], &error) == 0)
			keep_way(found, added, false);
	}
	pga_shell_files_free(&shells);
	return result;
}

static int add_units(struct findings *found, enum pga_way way, struct pga_error *error)
{
	size_t count;
	char **names;
	int result = pga_activation_units(way, NULL, &names, &count, error);

	for (size_t i = 0; i < count; i++) {
		if (result == 0 && add_way(found, way, names[i]) != 0)
			result = pga_fail_memory(error);
		free(names[i]);
	}
	free(names);
	return result;
}

static int look(struct findings *found, struct pga_error *error)
{
	const char *preload = getenv("LD_PRELOAD");

	found->active = pga_module_is_bound(true);
	found->in_variable = preload != NULL && pga_module_is_in(preload);
	for (int way = 0; way < PGA_WAY_UNIT; way++)
		if ((way == PGA_WAY_SHELL ? add_shells(found)
					  : add_way(found, (enum pga_way)way, NULL)) != 0)
			return pga_fail_memory(error);
	if (add_units(found, PGA_WAY_UNIT, error) != 0 ||
	    add_units(found, PGA_WAY_USER_UNIT, error) != 0)
		return -1;
	found->broken = pga_policy_load(&found->policy, &found->problem) != 0 ||
			pga_pins_load(&found->pins, &found->problem) != 0;
	return pga_processes_look(&found->processes, error);
}

static void add_hosts(json_t *list, const struct pga_host_name *names, size_t count,
		      const char *before)
{
	for (size_t i = 0; i < count; i++) {
		struct pga_text pattern = PGA_TEXT_EMPTY;

		pga_text_add(&pattern, before);
		pga_text_add_bytes(&pattern, names[i].bytes, names[i].length);
		pga_json_add(list, pga_json_text(pga_text_string(&pattern)));
		pga_text_free(&pattern);
	}
}

/* A list for each file that has the key: a host is exempt where every one has it. */
static json_t *exempt_as_json(const struct pga_policy *policy)
{
	json_t *files = json_array();

	for (size_t i = 0; i < policy->allow_weak_count; i++) {
		const struct pga_host_set *set = &policy->allow_weak[i];
		json_t *list = json_array();

		if (set->every)
			pga_json_add(list, json_string("*"));
		add_hosts(list, set->names, set->name_count, "");
		add_hosts(list, set->suffixes, set->suffix_count, "*");
		pga_json_add(files, list);
	}
	return files;
}

static json_t *policy_as_json(const struct findings *found)
{
	json_t *policy = json_object();
	const char *value;
	const char *key;

	for (size_t i = 0; (key = pga_policy_key(&found->policy, i, &value)) != NULL; i++)
		pga_json_set(policy, key, json_string(value));
	pga_json_set(policy, "allow-weak", exempt_as_json(&found->policy));
	return policy;
}

static bool is_policy_file(const struct pga_policy_source *source)
{
	const char *dot = strrchr(source->path, '.');

	return dot != NULL && strcmp(dot, ".conf") == 0;
}

/* Its files come behind it. */
static bool is_policy_directory(const struct pga_policy_source *source)
{
	const char *dot = strrchr(source->path, '.');

	return dot != NULL && strcmp(dot, ".d") == 0;
}

static json_t *policy_files_as_json(const struct pga_policy *policy)
{
	json_t *files = json_array();

	for (size_t i = 0; i < policy->source_count; i++)
		if (is_policy_file(&policy->sources[i]))
			pga_json_add(files,
				     json_pack("{s:o, s:b}", "path",
					       pga_json_text(policy->sources[i].path), "found",
					       (int)(policy->sources[i].stamp.inode != 0)));
	return files;
}

static int print_json(const struct findings *found, int status)
{
	json_t *ways = json_array();
	json_t *processes = json_array();

	for (size_t i = 0; i < found->way_count; i++)
		pga_json_add(ways,
			     json_pack("{s:s, s:o, s:s}", "way", pga_way_name(found->ways[i].way),
				       "path", pga_json_text(found->ways[i].path), "state",
				       state_word(found->ways[i].state)));
	for (size_t i = 0; i < found->processes.count; i++)
		pga_json_add(processes, pga_status_json(&found->processes.list[i]));
	return pga_json_print(
	    json_pack("{s:b, s:b, s:o, s:o, s:o, s:i, s:o, s:o, s:i}", "active", (int)found->active,
		      "ld_preload", (int)found->in_variable, "enabled", ways, "policy",
		      found->broken ? json_null() : policy_as_json(found), "policy_files",
		      policy_files_as_json(&found->policy), "pins", (int)found->pins.count,
		      "problem",
		      found->broken ? pga_json_text(found->problem.message) : json_null(),
		      "processes", processes, "unreadable", (int)found->processes.unreadable),
	    status);
}

/* The first file of this way that has this state; NULL where there is none. */
static const struct pga_activation *find_way(const struct findings *found, enum pga_way way,
					     enum pga_state state)
{
	for (size_t i = 0; i < found->way_count; i++)
		if (found->ways[i].state == state && found->ways[i].way == way)
			return &found->ways[i];
	return NULL;
}

/* What helps where the gate is not active here: only what can. */
static void print_way_out(const struct findings *found)
{
	const struct pga_activation *unread = find_way(found, PGA_WAY_SHELL, PGA_OFF);
	const bool session = find_way(found, PGA_WAY_SESSION, PGA_ON) != NULL ||
			     find_way(found, PGA_WAY_ENVIRONMENT, PGA_ON) != NULL;

	if (find_way(found, PGA_WAY_SHELL, PGA_ON) != NULL && unread != NULL)
		pga_print(stdout,
			  "it is enabled, but your shell reads %s, which does not have the "
			  "lines: pganchor enable --shell",
			  unread->path);
	else if (find_way(found, PGA_WAY_SHELL, PGA_ON) != NULL)
		(void)fputs("it is enabled: start a new shell, or log out and in again", stdout);
	else if (session && pga_user_session_runs())
		(void)fputs("it is enabled: log out and in again", stdout);
	else if (find_way(found, PGA_WAY_PROFILE, PGA_ON) != NULL)
		(void)fputs("it is enabled: log out and in again, or start a login shell", stdout);
	else if (session)
		(void)fputs("it is enabled for sessions of systemd, and none of yours runs: "
			    "pganchor enable --shell",
			    stdout);
	else
		(void)fputs("pganchor enable --help lists the ways", stdout);
	(void)fputs("; pganchor run -- PROGRAM is for one program\n", stdout);
}

static void print_here(const struct findings *found)
{
	if (found->active) {
		pga_print(stdout, "%sactive here%s: %s\n", pga_colour(stdout, PGA_GREEN),
			  pga_colour(stdout, PGA_PLAIN),
			  found->in_variable ? "LD_PRELOAD has the gate"
					     : "the gate is in every program");
		return;
	}
	pga_print(stdout, "%snot active here%s: %s\n    ", pga_colour(stdout, PGA_RED),
		  pga_colour(stdout, PGA_PLAIN),
		  found->in_variable ? "LD_PRELOAD has the gate, and ld.so did not load it"
				     : "what this shell starts has no gate");
	if (found->in_variable)
		(void)fputs("pganchor run -- true says why\n", stdout);
	else
		print_way_out(found);
}

static void print_policy_files(const struct pga_policy *policy)
{
	const char *separator = "\npolicy files: ";

	for (size_t i = 0; i < policy->source_count; i++) {
		const struct pga_policy_source *source = &policy->sources[i];

		if (!is_policy_file(source) && !is_policy_directory(source))
			continue;
		pga_print(stdout, "%s%s%s%s", separator, source->path,
			  is_policy_directory(source) ? "/" : "",
			  source->stamp.inode == 0 ? " (not there)" : "");
		separator = ", ";
	}
}

/* What mode = audit does, and whether anybody will ever hear of it. */
static void print_audit(const struct findings *found)
{
	if (found->policy.mode != PGA_MODE_AUDIT)
		return;
	if (found->policy.log == PGA_LOG_OFF)
		(void)fputs(
		    "mode = audit refuses nothing, and log = off tells nobody what it would "
		    "have refused\n",
		    stdout);
	else if (!pga_log_is_heard())
		(void)fputs("mode = audit refuses nothing, and nobody listens at /dev/log: what it "
			    "would have refused is lost\n    start a syslog daemon (apt install "
			    "rsyslog), or systemd-journald\n",
			    stdout);
	else
		(void)fputs("mode = audit refuses nothing; pganchor log shows what it would have\n",
			    stdout);
}

static void print_policy(const struct findings *found)
{
	const char *value;
	const char *key;

	if (found->broken) {
		char *problem = pga_printable(found->problem.message);

		pga_print(stdout, "\n%spolicy%s: every connection is refused: %s\n    %s\n",
			  pga_colour(stdout, PGA_RED), pga_colour(stdout, PGA_PLAIN),
			  problem != NULL ? problem : "", found->problem.hint);
		free(problem);
		return;
	}
	(void)fputs("\npolicy:", stdout);
	for (size_t i = 0; (key = pga_policy_key(&found->policy, i, &value)) != NULL; i++)
		pga_print(stdout, "%s %s = %s", i > 0 ? "," : "", key, value);
	if (found->policy.allow_weak_count > 0)
		(void)fputs(", and allow-weak", stdout);
	print_policy_files(&found->policy);
	(void)printf("\npins: %zu\n", found->pins.count);
	print_audit(found);
}

static void print_ways(const struct findings *found)
{
	static const char *const heading[] = {"WAY", "STATE", "FILE"};
	const char **cells = calloc(found->way_count * 3 + 1, sizeof *cells);

	if (cells == NULL)
		return;
	for (size_t i = 0; i < found->way_count; i++) {
		cells[i * 3] = pga_way_name(found->ways[i].way);
		cells[i * 3 + 1] = state_word(found->ways[i].state);
		cells[i * 3 + 2] = found->ways[i].path;
	}
	(void)putchar('\n');
	pga_print_table(stdout, heading, cells, 3, found->way_count, NULL);
	free(cells);
}

static int print_text(const struct findings *found, int status)
{
	print_here(found);
	print_ways(found);
	print_policy(found);
	pga_status_print(&found->processes);
	return status;
}

static int report(bool json)
{
	struct findings found = {0};
	struct pga_error error;
	int status = PGA_EXIT_FAILED;

	if (look(&found, &error) != 0) {
		pga_print_error(&error);
		goto done;
	}
	status = !found.active || found.broken || pga_status_is_weak(&found.processes)
		     ? PGA_EXIT_WEAK
		     : PGA_EXIT_DONE;
	status = json ? print_json(&found, status) : print_text(&found, status);
done:
	for (size_t i = 0; i < found.way_count; i++)
		pga_activation_end(&found.ways[i]);
	free(found.ways);
	pga_pins_free(&found.pins);
	pga_policy_free(&found.policy);
	pga_processes_free(&found.processes);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int status;

	if (!pga_options_read(&pga_cmd_status, argc, argv, &json, &status))
		return status;
	return report(json);
}

static const struct pga_option options[] = {
    {.name = "json", .letter = 'j', .target = 0, .help = "report in JSON"},
};

const struct pga_command pga_cmd_status = {
    .name = "status",
    .summary = "is the gate active here, and in which running programs",
    .usage = "[--json]",
    .about = "Says whether the gate is active here (what this shell starts has it), which files "
	     "enable it, the policy in force, and which of your running programs (for root, "
	     "everybody's) have a libpq: which one, and whether the gate is in them. One with a "
	     "libpq or another driver linked into itself, or with a protocol of its own, is listed "
	     "as such: the gate sees nothing of that.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .statuses = "Exit status: 0 active; 3 not active here, or the policy cannot be read, or a "
		"program has a libpq and no gate; 1 failed, 2 usage.",
    .run = run,
};
