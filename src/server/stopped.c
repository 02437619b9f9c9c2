#include "server/stopped.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF "postgresql.auto.conf"

/* The value of NAME = 'VALUE', as ALTER SYSTEM writes it: a quote and a backslash stand twice. */
static void take_value(const char *line, size_t length, struct pga_text *value)
{
	const char *at = memchr(line, '\'', length);
	const char *end = line + length;

	while (at != NULL && ++at < end) {
		if ((*at == '\'' && (at + 1 == end || at[1] != '\'')))
			break;
		if ((*at == '\'' || *at == '\\') && at + 1 < end)
			at++;
		pga_text_add_bytes(value, at, 1);
	}
}

/* The last line counts. */
static int take_line(struct pga_server_value *setting, const char *path, unsigned number,
		     const char *line, size_t length, struct pga_error *error)
{
	struct pga_text value = PGA_TEXT_EMPTY;
	char digits[16];

	(void)snprintf(digits, sizeof digits, "%u", number);
	take_value(line, length, &value);
	free(setting->altered);
	free(setting->file);
	free(setting->line);
	setting->altered = pga_text_take(&value);
	setting->file = strdup(path);
	setting->line = strdup(digits);
	pga_text_free(&value);
	return setting->altered != NULL && setting->file != NULL && setting->line != NULL
		   ? 0
		   : pga_fail_memory(error);
}

static int read_altered(const struct pga_cluster *cluster, struct pga_server_settings *settings,
			struct pga_error *error)
{
	char *path = pga_cluster_file(cluster, CONF);
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *rest;
	const char *line;
	size_t length;
	unsigned number = 0;
	bool found;
	int result;

	if (path == NULL)
		return pga_fail_memory(error);
	result = pga_cluster_read(cluster, CONF, &text, &found, error);
	rest = pga_text_string(&text);
	while (result == 0 && pga_next_line(&rest, &line, &length)) {
		number++;
		for (size_t i = 0; result == 0 && i < PGA_SET_COUNT; i++) {
			const struct pga_cluster_setting one = {pga_server_settings[i], NULL};

			if (pga_cluster_line_sets(line, length, &one, 1))
				result =
				    take_line(&settings->of[i], path, number, line, length, error);
		}
	}
	pga_text_free(&text);
	free(path);
	return result;
}

int pga_stopped_settings_read(const struct pga_own_postgres *own,
			      struct pga_server_settings *settings, struct pga_error *error)
{
	struct pga_server_value *alter = &settings->of[PGA_SEEN_ALTER];

	memset(settings, 0, sizeof *settings);
	if (read_altered(own->cluster, settings, error) != 0)
		return -1;
	settings->of[PGA_SET_ON].now =
	    pga_own_postgres_show(own, pga_server_settings[PGA_SET_ON], error);
	if (settings->of[PGA_SET_ON].now == NULL)
		return -1;
	/* A boolean has many words, and that file is the last to be read. */
	if (settings->of[PGA_SET_ON].altered != NULL) {
		free(settings->of[PGA_SET_ON].altered);
		settings->of[PGA_SET_ON].altered = strdup(settings->of[PGA_SET_ON].now);
		if (settings->of[PGA_SET_ON].altered == NULL)
			return pga_fail_memory(error);
	}
	if (own->cluster->version < 17)
		return 0;
	alter->now = pga_own_postgres_show(own, pga_server_settings[PGA_SEEN_ALTER], error);
	return alter->now != NULL ? 0 : -1;
}

/* In the order of pga_server_settings_alter(), for the same reason. */
static int compose(const struct pga_server_goal goals[PGA_SET_COUNT], struct pga_text *commands,
		   struct pga_error *error)
{
	if (pga_server_pair_changes(goals))
		pga_text_addf(commands, "ALTER SYSTEM SET %s = '%s'\n",
			      pga_server_settings[PGA_SET_ON], PGA_SET_MEANWHILE);
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		const char *value = goals[i].value;

		if (!goals[i].altered)
			continue;
		pga_text_addf(commands, "ALTER SYSTEM %s %s", value != NULL ? "SET" : "RESET",
			      pga_server_settings[i]);
		if (value != NULL && strchr(value, '\n') != NULL)
			return pga_fail(error, "nothing was changed",
					"%s: the value that it had is more than a line",
					pga_server_settings[i]);
		pga_text_add(commands, value != NULL ? " = '" : "");
		for (; value != NULL && *value != '\0'; value++)
			pga_text_addf(commands, *value == '\'' ? "'%c" : "%c", *value);
		pga_text_add(commands, goals[i].value != NULL ? "'\n" : "\n");
	}
	return commands->failed ? pga_fail_memory(error) : 0;
}

/* Which is not as it was to become; PGA_SET_COUNT: none. */
static size_t find_other(const struct pga_server_settings *settings,
			 const struct pga_server_goal goals[PGA_SET_COUNT])
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		const char *now = settings->of[i].altered;
		const char *wanted = goals[i].value;

		if (goals[i].altered &&
		    ((now == NULL) != (wanted == NULL) ||
		     (now != NULL && wanted != NULL && strcmp(now, wanted) != 0)))
			return i;
	}
	return PGA_SET_COUNT;
}

/* What ended early has done some of it, perhaps: the record knows, and undo goes on from there. */
static int fail_midway(const struct pga_own_postgres *own, struct pga_error *error)
{
	const struct pga_error first = *error;

	return pga_fail(error,
			"what was kept of the change is still there: once that is put right, the "
			"same again puts the rest back",
			"the settings of %s are not all put back: %s", own->cluster->directory,
			first.message);
}

int pga_stopped_settings_alter(const struct pga_own_postgres *own,
			       const struct pga_server_goal goals[PGA_SET_COUNT], bool *on,
			       struct pga_error *error)
{
	struct pga_server_settings now = {0};
	struct pga_text commands = PGA_TEXT_EMPTY;
	int result = compose(goals, &commands, error);

	if (result == 0 && commands.length > 0 &&
	    pga_own_postgres_single(own, &commands, error) != 0)
		result = fail_midway(own, error);
	if (result == 0 && pga_stopped_settings_read(own, &now, error) != 0)
		result = fail_midway(own, error);
	if (result == 0 && find_other(&now, goals) < PGA_SET_COUNT) {
		(void)pga_fail(error, NULL, "%s is not what it was to become",
			       pga_server_settings[find_other(&now, goals)]);
		result = fail_midway(own, error);
	}
	if (result == 0)
		*on = pga_server_value_is(now.of[PGA_SET_ON].now, "on");
	pga_server_settings_free(&now);
	pga_text_free(&commands);
	return result;
}

int pga_stopped_find_hba(const struct pga_cluster *cluster, struct pga_hba_tree *tree,
			 struct pga_error *error)
{
	struct pga_own_postgres own;
	struct pga_as_owner as;
	char *path = NULL;
	int result = pga_own_postgres_find(&own, cluster, error);

	if (result == 0)
		path = pga_own_postgres_show(&own, "hba_file", error);
	result = path != NULL ? pga_cluster_as_owner(cluster, &as, error) : -1;
	if (result == 0) {
		result = pga_hba_tree_read(tree, &pga_hba_local, path, cluster->version, error);
		pga_cluster_as_before(&as);
	}
	free(path);
	pga_own_postgres_free(&own);
	return result;
}
