#include "server/settings.h"

#include "base/text.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>

#include <stdlib.h>
#include <string.h>

const char *const pga_server_settings[PGA_SEEN_COUNT] = {
    [PGA_SET_CERT] = "ssl_cert_file",
    [PGA_SET_KEY] = "ssl_key_file",
    [PGA_SET_CIPHERS] = "ssl_ciphers",
    [PGA_SET_TLS13] = "ssl_tls13_ciphers",
    [PGA_SET_GROUPS] = "ssl_groups",
    [PGA_SET_MIN] = "ssl_min_protocol_version",
    [PGA_SET_MAX] = "ssl_max_protocol_version",
    [PGA_SET_ON] = "ssl",
    [PGA_SEEN_LIBRARY] = "ssl_library",
    [PGA_SEEN_ALTER] = "allow_alter_system",
    [PGA_SEEN_LISTEN] = "listen_addresses",
    [PGA_SEEN_PASSPHRASE] = "ssl_passphrase_command",
    [PGA_SEEN_PASSPHRASE_RELOAD] = "ssl_passphrase_command_supports_reload",
    [PGA_SEEN_SNI] = "ssl_sni",
    [PGA_SEEN_HOSTS] = "hosts_file",
    [PGA_SEEN_CA] = "ssl_ca_file",
    [PGA_SEEN_CRL] = "ssl_crl_file",
    [PGA_SEEN_CONFIG] = "config_file",
};

/* "'ssl', 'ssl_cert_file', …" of the first so many. */
static void add_names(struct pga_text *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pga_text_addf(text, "%s'%s'", i > 0 ? ", " : "", pga_server_settings[i]);
}

static struct pga_server_value *find(struct pga_server_settings *settings, const char *name)
{
	for (size_t i = 0; i < PGA_SEEN_COUNT; i++)
		if (strcmp(pga_server_settings[i], name) == 0)
			return &settings->of[i];
	return NULL;
}

static int take(char **into, const char *value, struct pga_error *error)
{
	free(*into);
	*into = strdup(value);
	return *into != NULL ? 0 : pga_fail_memory(error);
}

/* The rows of a question in which the names stand: "… IN (" names rest. */
static PGresult *ask_of(struct pga_cluster_session *session, const char *question, size_t count,
			const char *rest, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows = NULL;

	pga_text_add(&words, question);
	add_names(&words, count);
	pga_text_add(&words, rest);
	if (words.failed)
		(void)pga_fail_memory(error);
	else
		rows = pga_cluster_ask(session, pga_text_string(&words), error);
	pga_text_free(&words);
	return rows;
}

/* What ALTER SYSTEM has set is told by its file alone: another that is read later, or the command
 * line, may hide it in pg_settings. The last line counts. */
static int read_altered(struct pga_cluster_session *session, struct pga_server_settings *settings,
			struct pga_error *error)
{
	PGresult *rows = pga_cluster_check_config(session, error) == 0
			     ? ask_of(session,
				      "SELECT pg_catalog.lower(name), " PGA_SQL_SETTING
				      " FROM pg_catalog.pg_file_settings WHERE " PGA_SQL_IS_ALTERED
				      " AND pg_catalog.lower(name) IN (",
				      PGA_SET_COUNT, ") ORDER BY seqno", error)
			     : NULL;
	int result = rows != NULL ? 0 : -1;

	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		struct pga_server_value *value = find(settings, pga_pg_value(rows, i, 0));

		if (value != NULL)
			result = take(&value->altered, pga_pg_value(rows, i, 1), error);
	}
	PQclear(rows);
	return result;
}

static int take_value(struct pga_server_value *value, const PGresult *rows, int row,
		      struct pga_error *error)
{
	if (take(&value->now, pga_pg_value(rows, row, 1), error) != 0 ||
	    take(&value->source, pga_pg_value(rows, row, 2), error) != 0)
		return -1;
	if (PQgetisnull(rows, row, 3) || PQgetisnull(rows, row, 4))
		return 0;
	return take(&value->file, pga_pg_value(rows, row, 3), error) == 0
		   ? take(&value->line, pga_pg_value(rows, row, 4), error)
		   : -1;
}

int pga_server_settings_read(struct pga_cluster_session *session,
			     struct pga_server_settings *settings, struct pga_error *error)
{
	PGresult *rows;
	int result;

	memset(settings, 0, sizeof *settings);
	rows = ask_of(session,
		      "SELECT name, setting, source, sourcefile, sourceline FROM "
		      "pg_catalog.pg_settings WHERE name IN (",
		      PGA_SEEN_COUNT, ")", error);
	result = rows != NULL ? 0 : -1;
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		struct pga_server_value *value = find(settings, pga_pg_value(rows, i, 0));

		if (value != NULL)
			result = take_value(value, rows, i, error);
	}
	PQclear(rows);
	return result == 0 ? read_altered(session, settings, error) : -1;
}

bool pga_server_value_is(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

int pga_server_settings_stand(struct pga_cluster_session *session,
			      const struct pga_server_settings *settings, struct pga_error *error)
{
	struct pga_server_settings now;
	int result = pga_server_settings_read(session, &now, error);

	for (size_t i = 0; result == 0 && i < PGA_SET_COUNT; i++)
		if (!pga_server_value_is(now.of[i].altered, settings->of[i].altered) ||
		    !pga_server_value_is(now.of[i].now, settings->of[i].now))
			result =
			    pga_fail(error, "start again; nothing was changed",
				     "somebody has changed %s meanwhile", pga_server_settings[i]);
	pga_server_settings_free(&now);
	return result;
}

void pga_server_settings_free(struct pga_server_settings *settings)
{
	for (size_t i = 0; i < PGA_SEEN_COUNT; i++) {
		free(settings->of[i].now);
		free(settings->of[i].source);
		free(settings->of[i].file);
		free(settings->of[i].line);
		free(settings->of[i].altered);
	}
	memset(settings, 0, sizeof *settings);
}

static bool is_in_force(const struct pga_server_value *value, const char *wanted)
{
	return value->now != NULL && strcmp(value->now, wanted) == 0;
}

/* What is in force, and what will be at the next reload: whoever was killed may have left another.
 */
static bool changes(const struct pga_server_settings *settings,
		    const char *const wanted[PGA_SET_COUNT], size_t i)
{
	const struct pga_server_value *value = &settings->of[i];

	return wanted[i] != NULL &&
	       (!is_in_force(value, wanted[i]) ||
		(value->altered != NULL && strcmp(value->altered, wanted[i]) != 0));
}

static bool is(const struct pga_server_settings *settings, enum pga_server_setting which,
	       const char *value)
{
	return settings->of[which].now != NULL && strcmp(settings->of[which].now, value) == 0;
}

int pga_server_settings_check(const struct pga_server_settings *settings,
			      const char *const wanted[PGA_SET_COUNT], struct pga_error *error)
{
	if (is(settings, PGA_SEEN_LIBRARY, ""))
		return pga_fail(error, "install a build of PostgreSQL with OpenSSL",
				"the server was built without TLS");
	if (is(settings, PGA_SEEN_LISTEN, ""))
		return pga_fail(error,
				"ALTER SYSTEM SET listen_addresses = 'localhost', and restart it",
				"the server listens on no TCP port, and there is no TLS on a "
				"Unix-domain socket");
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		if (!changes(settings, wanted, i))
			continue;
		if (settings->of[i].now == NULL)
			return pga_fail(error, NULL, "this release of PostgreSQL has no setting %s",
					pga_server_settings[i]);
		if (strcmp(settings->of[i].source, "command line") == 0 &&
		    !is_in_force(&settings->of[i], wanted[i]))
			return pga_fail(error, "start it without that option; nothing was changed",
					"%s is \"%s\" by the command line that the server was "
					"started with, which nothing else can change",
					pga_server_settings[i], settings->of[i].now);
	}
	return 0;
}

bool pga_server_settings_by_name(const struct pga_server_settings *settings)
{
	return is(settings, PGA_SEEN_SNI, "on");
}

bool pga_server_settings_by_hand(const struct pga_server_settings *settings)
{
	return is(settings, PGA_SEEN_ALTER, "off");
}

/* As a file of settings has it. */
static void quote(struct pga_text *text, const char *value)
{
	pga_text_add(text, "'");
	for (; *value != '\0'; value++)
		pga_text_addf(text, *value == '\'' ? "'%c" : "%c", *value);
	pga_text_add(text, "'");
}

/* The last line that sets it counts, whichever file that is in: so that one is the place, or the
 * end of the first file where there is none. */
static void plan_by_hand(const struct pga_server_settings *settings, enum pga_server_setting which,
			 const char *value, struct pga_server_plan *plan)
{
	const struct pga_server_value *setting = &settings->of[which];
	const char *config = settings->of[PGA_SEEN_CONFIG].now;
	struct pga_text line = PGA_TEXT_EMPTY;

	if (value != NULL) {
		pga_text_addf(&line, "%s = ", pga_server_settings[which]);
		quote(&line, value);
	}
	plan->failed = plan->failed || line.failed;
	if (value == NULL)
		pga_plan_add(plan, PGA_PLAN_STEP, "take %s out of %s, line %s",
			     pga_server_settings[which],
			     setting->file != NULL ? setting->file : "postgresql.auto.conf",
			     setting->line != NULL ? setting->line : "?");
	else if (setting->file != NULL)
		pga_plan_add(plan, PGA_PLAN_STEP, "in %s, in the place of line %s: %s",
			     setting->file, setting->line, pga_text_string(&line));
	else
		pga_plan_add(plan, PGA_PLAN_STEP, "at the end of %s: %s",
			     config != NULL ? config : "postgresql.conf", pga_text_string(&line));
	pga_text_free(&line);
}

void pga_server_setting_plan(const struct pga_server_settings *settings,
			     enum pga_server_setting which, const char *value,
			     struct pga_server_plan *plan)
{
	if (pga_server_settings_by_hand(settings))
		plan_by_hand(settings, which, value, plan);
	else if (value != NULL)
		pga_plan_add(plan, PGA_PLAN_STEP, "ALTER SYSTEM SET %s = '%s'",
			     pga_server_settings[which], value);
	else
		pga_plan_add(plan, PGA_PLAN_STEP, "ALTER SYSTEM RESET %s",
			     pga_server_settings[which]);
}

void pga_server_settings_plan(const struct pga_server_settings *settings,
			      const char *const wanted[PGA_SET_COUNT], struct pga_server_plan *plan)
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		if (changes(settings, wanted, i)) {
			pga_server_setting_plan(settings, (enum pga_server_setting)i, wanted[i],
						plan);
			pga_plan_detail(plan, "it is '%s' (%s)", settings->of[i].now,
					settings->of[i].source);
		}
	pga_plan_add(plan, PGA_PLAN_STEP, "SELECT pg_reload_conf()");
}

void pga_server_goals_of(const struct pga_server_settings *settings,
			 const char *const wanted[PGA_SET_COUNT],
			 struct pga_server_goal goals[PGA_SET_COUNT],
			 struct pga_server_goal back[PGA_SET_COUNT])
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		const bool altered = changes(settings, wanted, i);

		goals[i] = (struct pga_server_goal){altered, wanted[i]};
		back[i] = (struct pga_server_goal){altered, settings->of[i].altered};
	}
	pga_server_goals_complete(settings, goals, back);
}

void pga_server_goals_complete(const struct pga_server_settings *settings,
			       struct pga_server_goal goals[PGA_SET_COUNT],
			       struct pga_server_goal back[PGA_SET_COUNT])
{
	const struct pga_server_goal same = {true, settings->of[PGA_SET_ON].altered};

	if (!goals[PGA_SET_ON].altered && pga_server_pair_changes(goals))
		goals[PGA_SET_ON] = back[PGA_SET_ON] = same;
}

bool pga_server_pair_changes(const struct pga_server_goal goals[PGA_SET_COUNT])
{
	return goals[PGA_SET_CERT].altered || goals[PGA_SET_KEY].altered;
}

/* Whoever is killed between one file of a pair and the other leaves a server that starts: with one
 * of each pair it would not, but without TLS it does. So then "off" is the first, and what it is to
 * be the last. */
int pga_server_settings_alter(struct pga_cluster_session *session,
			      const struct pga_server_goal goals[PGA_SET_COUNT],
			      struct pga_error *error)
{
	static const struct pga_cluster_setting off = {"ssl", PGA_SET_MEANWHILE};

	if (pga_server_pair_changes(goals) && pga_cluster_alter_one(session, &off, error) != 0)
		return -1;
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		const struct pga_cluster_setting setting = {pga_server_settings[i], goals[i].value};

		if (goals[i].altered && pga_cluster_alter_one(session, &setting, error) != 0)
			return -1;
	}
	return pga_cluster_reload(session, error);
}
