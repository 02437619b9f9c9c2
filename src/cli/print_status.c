#include "cli/print_status.h"

#include "cli/print_overview.h"
#include "cli/print_processes.h"
#include "diagnose/anchor_findings.h"
#include "diagnose/coverage.h"
#include "diagnose/crl_findings.h"
#include "report/json.h"
#include "report/table.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

static const char *state_word(enum pga_state state)
{
	static const char *const words[] = {[PGA_OFF] = "off",
					    [PGA_ON] = "on",
					    [PGA_ON_OTHER] = "another module",
					    [PGA_ON_GONE] = "a missing module",
					    [PGA_BY_HAND] = "changed by hand"};

	return words[state];
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

static json_t *policy_as_json(const struct pga_status *status)
{
	json_t *policy = json_object();
	const char *value;
	const char *key;

	for (size_t i = 0; (key = pga_policy_key(&status->policy, i, &value)) != NULL; i++)
		pga_json_set(policy, key, json_string(value));
	pga_json_set(policy, "allow-weak", exempt_as_json(&status->policy));
	return policy;
}

/* The system's places in their order, and behind them the user's file; false behind all. */
static bool place_at(const struct pga_policy *policy, size_t index, struct pga_system_place *place)
{
	const size_t systems = policy->systems.count;

	if (index < systems)
		*place = policy->systems.places[index];
	else if (index == systems && policy->user.path != NULL)
		*place = (struct pga_system_place){policy->user.path, policy->user.stamp};
	else
		return false;
	return place->path != NULL; /* it has none where memory ran out: they end there */
}

static bool is_policy_file(const struct pga_system_place *place)
{
	const char *dot = strrchr(place->path, '.');

	return dot != NULL && strcmp(dot, ".conf") == 0;
}

/* Its files come behind it. */
static bool is_policy_directory(const struct pga_system_place *place)
{
	const char *dot = strrchr(place->path, '.');

	return dot != NULL && strcmp(dot, ".d") == 0;
}

static json_t *policy_files_as_json(const struct pga_policy *policy)
{
	json_t *files = json_array();
	struct pga_system_place place;

	for (size_t i = 0; place_at(policy, i, &place); i++)
		if (is_policy_file(&place))
			pga_json_add(files,
				     json_pack("{s:o, s:b}", "path", pga_json_text(place.path),
					       "found", (int)(place.stamp.inode != 0)));
	return files;
}

static json_t *ways_as_json(const struct pga_status *status)
{
	json_t *ways = json_array();

	for (size_t i = 0; i < status->way_count; i++)
		pga_json_add(ways,
			     json_pack("{s:s, s:o, s:s}", "way", pga_way_name(status->ways[i].way),
				       "path", pga_json_text(status->ways[i].path), "state",
				       state_word(status->ways[i].state)));
	return ways;
}

static json_t *processes_as_json(const struct pga_processes *processes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < processes->count; i++)
		pga_json_add(list, pga_process_as_json(&processes->list[i]));
	return list;
}

/* How many servers have a key that is good; of the system's files, or the user's. */
static size_t count_known(const struct pga_known_servers *known, bool system)
{
	const struct pga_key_lines lines = pga_key_lines(known, system);
	size_t count = 0;

	for (size_t i = lines.begin; i < lines.end; i++)
		count += pga_key_is_good(known, i);
	return count;
}

static void print_known(const struct pga_status *status)
{
	const struct pga_known_servers *known = &status->known;

	if (status->policy.continuity == PGA_CONTINUITY_OFF)
		return;
	(void)printf("keys of servers: %zu of the system, %zu of yours", count_known(known, true),
		     count_known(known, false));
	if (known->file.path != NULL)
		pga_print(stdout, " (%s)", known->file.path);
	(void)putchar('\n');
}

static json_t *known_as_json(const struct pga_status *status)
{
	if (status->broken || status->policy.continuity == PGA_CONTINUITY_OFF)
		return json_null();
	return json_pack("{s:i, s:i}", "system", (int)count_known(&status->known, true), "user",
			 (int)count_known(&status->known, false));
}

int pga_print_status_json(const struct pga_overview *overview, int exit_status)
{
	const struct pga_status *status = &overview->doctor.status;
	json_t *object = json_pack(
	    "{s:b, s:b, s:b, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:i, s:o}", "active",
	    (int)status->active, "drop_in", (int)status->dropped_in, "ld_preload",
	    (int)status->in_variable, "enabled", ways_as_json(status), "policy",
	    status->broken ? json_null() : policy_as_json(status), "policy_files",
	    policy_files_as_json(&status->policy), "pins", (int)status->pins.count, "pins_system",
	    (int)status->pins.system_count, "known_servers", known_as_json(status), "problem",
	    status->broken ? pga_json_text(status->problem.message) : json_null(), "processes",
	    processes_as_json(&status->processes), "unreadable", (int)status->processes.unreadable,
	    "findings", pga_json_findings(&status->findings));

	if (object != NULL)
		pga_overview_as_json(overview, object);
	return pga_json_print(object, exit_status);
}

static void print_policy_files(const struct pga_policy *policy)
{
	const char *separator = "\npolicy files: ";
	struct pga_system_place place;

	for (size_t i = 0; place_at(policy, i, &place); i++) {
		if (!is_policy_file(&place) && !is_policy_directory(&place))
			continue;
		pga_print(stdout, "%s%s%s%s", separator, place.path,
			  is_policy_directory(&place) ? "/" : "",
			  place.stamp.inode == 0 ? " (not there)" : "");
		separator = ", ";
	}
}

/* Where the user's do not count, none of them are among the pins. */
static void print_pins(const struct pga_status *status)
{
	const struct pga_pins *pins = &status->pins;

	(void)printf("\npins: %zu of the system", pins->system_count);
	if (status->policy.user_anchors == PGA_ALLOW)
		(void)printf(", %zu of yours\n", pins->count - pins->system_count);
	else
		(void)fputs("; yours do not count (user-anchors = refuse)\n", stdout);
}

static void print_policy(const struct pga_status *status)
{
	const char *value;
	const char *key;

	(void)fputs("\npolicy:", stdout);
	for (size_t i = 0; (key = pga_policy_key(&status->policy, i, &value)) != NULL; i++)
		pga_print(stdout, "%s %s = %s", i > 0 ? "," : "", key, value);
	if (status->policy.allow_weak_count > 0)
		(void)fputs(", and allow-weak", stdout);
	print_policy_files(&status->policy);
	print_pins(status);
	print_known(status);
}

static void print_ways(const struct pga_status *status)
{
	static const char *const heading[] = {"WAY", "STATE", "FILE"};
	const char **cells = calloc(status->way_count * 3 + 1, sizeof *cells);

	if (cells == NULL)
		return;
	for (size_t i = 0; i < status->way_count; i++) {
		cells[i * 3] = pga_way_name(status->ways[i].way);
		cells[i * 3 + 1] = state_word(status->ways[i].state);
		cells[i * 3 + 2] = status->ways[i].path;
	}
	(void)putchar('\n');
	pga_print_table(stdout, heading, cells, 3, status->way_count, NULL);
	free(cells);
}

void pga_print_status(const struct pga_status *status)
{
	pga_print_findings(stdout, &status->findings, PGA_ABOUT_GATE);
	print_ways(status);
	if (status->broken)
		(void)fputs("\npolicy: ", stdout);
	else
		print_policy(status);
	pga_print_findings(stdout, &status->findings, PGA_ABOUT_POLICY);
	pga_print_findings(stdout, &status->findings, PGA_ABOUT_ANCHORS);
	pga_print_findings(stdout, &status->findings, PGA_ABOUT_CRLS);
	pga_print_processes(&status->processes);
	pga_print_findings(stdout, &status->findings, PGA_ABOUT_PROGRAMS);
}
