/* The last change of pganchor server is put back: the plan. */
#include "server/change.h"

#include "base/text.h"
#include "server/elsewhere.h"
#include "server/other_way.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>

#include <stdlib.h>
#include <string.h>

/* Whether TLS is on where ALTER SYSTEM says nothing: by the files that it stands behind. */
static int is_on_by_files(struct pga_server_work *work, bool *on, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    work->target.session,
	    "SELECT coalesce((SELECT setting::pg_catalog.bool FROM pg_catalog.pg_file_settings "
	    "WHERE pg_catalog.lower(name) OPERATOR(pg_catalog.=) 'ssl' AND NOT " PGA_SQL_IS_ALTERED
	    " ORDER BY seqno DESC LIMIT 1), false)",
	    error);

	if (rows == NULL)
		return -1;
	*on = PQntuples(rows) == 1 && strcmp(pga_pg_value(rows, 0, 0), "t") == 0;
	PQclear(rows);
	return 0;
}

/* Whether it is as the change has left it, or, killed, in the middle of it. */
static bool is_ours(const struct pga_server_change *change, size_t i, const char *now)
{
	return pga_server_value_is(now, change->after[i].value) ||
	       (i == PGA_SET_ON && pga_server_pair_changes(change->after) &&
		pga_server_value_is(now, PGA_SET_MEANWHILE));
}

/* What others have changed since stays as it is. */
static void plan_setting(struct pga_server_work *work, const struct pga_server_change *change,
			 size_t i)
{
	const char *now = work->settings.of[i].altered;
	const char *value = change->before[i].value;

	if (!change->after[i].altered || pga_server_value_is(now, value))
		return;
	if (!is_ours(change, i, now)) {
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s: somebody has changed it since, to %s%s%s: it stays so",
			     pga_server_settings[i], now != NULL ? "'" : "",
			     now != NULL ? now : "nothing", now != NULL ? "'" : "");
		return;
	}
	work->goals[i] = (struct pga_server_goal){true, value};
	work->back[i] = (struct pga_server_goal){true, now};
	work->changes = true;
	pga_server_setting_plan(&work->settings, (enum pga_server_setting)i, value, &work->plan);
}

/* A copy that is named by what stays, or comes back, stays, too. */
static bool is_named(const struct pga_server_work *work, const char *name)
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		const struct pga_server_goal *goal = &work->goals[i];
		const char *value = goal->altered ? goal->value : work->settings.of[i].altered;

		if (value != NULL && strstr(value, name) != NULL)
			return true;
	}
	return false;
}

static int plan_copies(struct pga_server_work *work, const struct pga_server_change *change,
		       struct pga_error *error)
{
	for (int i = 0; i < PGA_PLACED_FILES; i++) {
		if (change->placed[i] == NULL || is_named(work, change->placed[i]))
			continue;
		work->gone[i] = strdup(change->placed[i]);
		if (work->gone[i] == NULL)
			return pga_fail_memory(error);
		work->changes = true;
		pga_plan_add(&work->plan, PGA_PLAN_STEP, "remove %s from the data directory",
			     work->gone[i]);
	}
	return 0;
}

static bool is_set_to_on(const struct pga_server_work *work)
{
	const char *now = work->settings.of[PGA_SET_ON].now;

	return now != NULL && strcmp(now, "on") == 0;
}

/* Nobody loses anything where it has none, which who answers there does not tell alone. */
static bool has_tls(const struct pga_server_work *work)
{
	return work->served[0] != '\0' || is_set_to_on(work);
}

static int find_out_whether_on(struct pga_server_work *work, struct pga_error *error)
{
	const struct pga_server_goal *goal = &work->goals[PGA_SET_ON];

	if (!goal->altered) {
		work->on = is_set_to_on(work);
	} else if (goal->value != NULL) {
		work->on = strcmp(goal->value, "on") == 0;
	} else {
		return is_on_by_files(work, &work->on, error);
	}
	return 0;
}

/* What the server will go by where ALTER SYSTEM says nothing: its files, or what it was built with.
 */
static int find_behind(struct pga_server_work *work, size_t i, char **value,
		       struct pga_error *error)
{
	const struct pga_server_value *set = &work->settings.of[i];
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows = NULL;

	if (set->now == NULL)
		return 0;
	if (strcmp(set->source, "command line") == 0) {
		*value = strdup(set->now);
		return *value != NULL ? 0 : pga_fail_memory(error);
	}
	pga_text_addf(&words,
		      "SELECT coalesce((SELECT " PGA_SQL_SETTING
		      " FROM pg_catalog.pg_file_settings WHERE pg_catalog.lower(name) = '%s' AND "
		      "NOT " PGA_SQL_IS_ALTERED " ORDER BY seqno DESC LIMIT 1), (SELECT boot_val "
		      "FROM pg_catalog.pg_settings WHERE name = '%s'))",
		      pga_server_settings[i], pga_server_settings[i]);
	if (!words.failed)
		rows = pga_cluster_ask(work->target.session, pga_text_string(&words), error);
	if (words.failed || (rows != NULL && (*value = strdup(pga_pg_value(rows, 0, 0))) == NULL))
		(void)pga_fail_memory(error);
	PQclear(rows);
	pga_text_free(&words);
	return *value != NULL ? 0 : -1;
}

/* Its TLS is to stay on, or come back: by a pair that it loads. */
static int check_comes_back(struct pga_server_work *work, const struct pga_server_wish *wish,
			    const struct pga_server_change *change, struct pga_error *error)
{
	const char *wanted[PGA_SET_COUNT] = {NULL};
	char *behind[PGA_SET_COUNT] = {NULL};
	int result = 0;

	for (size_t i = 0; result == 0 && i < PGA_SET_COUNT; i++) {
		if (!work->goals[i].altered)
			continue;
		wanted[i] = work->goals[i].value;
		if (wanted[i] == NULL) {
			result = find_behind(work, i, &behind[i], error);
			wanted[i] = behind[i];
		}
	}
	if (result == 0)
		result = pga_server_check_comes_back(work, wish, wanted, error);
	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		free(behind[i]);
	if (result == 0 && work->expected[0] != '\0' && change->served[0] != '\0' &&
	    strcmp(work->expected, change->served) != 0)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "the certificate that comes back (SHA-256 %.16s…) is another than it "
			     "has shown before %s (%.16s…)",
			     work->expected, change->command, change->served);
	return result;
}

/* A service leads to another machine at times, which may have been a standby of the one before. */
static void warn_of_another(struct pga_server_work *work)
{
	const char *before = work->record.address;
	const char *now = work->target.login.address;

	if (before != NULL && before[0] != '\0' && now[0] != '\0' && strcmp(before, now) != 0)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "it was changed at %s, and service %s leads to %s now", before,
			     work->target.login.service, now);
}

/* What came with a copy of another directory is not undone here, and not denied, either. */
static int check_whose(const struct pga_server_work *work, struct pga_error *error)
{
	const struct pga_cluster *cluster = &work->target.cluster;

	if (work->rules.elsewhere != NULL)
		return pga_server_fail_elsewhere(cluster, PGA_HBA_BEFORE, work->rules.elsewhere,
						 PGA_HBA_MOVED, error);
	if (work->record.elsewhere != NULL)
		return pga_server_fail_elsewhere(cluster, PGA_SERVER_RECORD, work->record.elsewhere,
						 "take \"place\" out of that file", error);
	return 0;
}

/* No look at who is locked out: nobody gets in now. */
static int plan_stopped(struct pga_server_work *work, const struct pga_server_change *change,
			struct pga_error *error)
{
	const struct pga_server_goal *goal = &work->goals[PGA_SET_ON];

	if (goal->altered && (goal->value == NULL || strcmp(goal->value, "on") != 0))
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "without TLS, passwords, queries and rows go over the network for "
			     "anybody to read, and whom pg_hba.conf lets in by hostssl alone does "
			     "not get in");
	pga_plan_add(&work->plan, PGA_PLAN_CHECKED,
		     "ALTER SYSTEM is done by %s --single, which uses no TLS", work->own.program);
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "postgresql.auto.conf has to say so then; the server is not started");
	if (plan_copies(work, change, error) != 0)
		return -1;
	return pga_plan_check(&work->plan, error);
}

/* TLS is required by rules before it goes, so these come first, whichever was changed last. */
int pga_server_plan_undo(struct pga_server_work *work, const struct pga_server_wish *wish,
			 struct pga_error *error)
{
	struct pga_server_change change;

	if (work->stopped)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "the server of %s does not run: nothing of this is proved before it "
			     "does",
			     work->target.cluster.directory);
	if (pga_server_plan_rules(work, wish, error) != 0 || check_whose(work, error) != 0)
		return -1;
	if (pga_unrequire_has_work(&work->rules)) {
		work->undone = "require-tls";
		work->on = work->stopped ? is_set_to_on(work) : work->served[0] != '\0';
		return pga_plan_check(&work->plan, error);
	}
	if (!pga_server_record_last(&work->record, &change)) {
		work->on = work->served[0] != '\0';
		pga_server_find_other_way(work);
		return pga_plan_check(&work->plan, error);
	}
	work->undone = change.command;
	if (wish->service != NULL && change.hba != NULL)
		return pga_server_plan_rules_by_sql(work, change.hba, error);
	if (change.unrequired)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s has put back the rules that required TLS, too, and they stay so: "
			     "pganchor server require-tls --data-dir %s requires it again",
			     change.command, work->target.cluster.directory);
	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		plan_setting(work, &change, i);
	pga_server_goals_complete(&work->settings, work->goals, work->back);
	if (work->stopped)
		return plan_stopped(work, &change, error);
	warn_of_another(work);
	if (find_out_whether_on(work, error) != 0 ||
	    (work->on && work->changes && check_comes_back(work, wish, &change, error) != 0) ||
	    (!work->on && has_tls(work) &&
	     (pga_server_check_way_back(work, wish->lock_out, error) != 0 ||
	      pga_server_check_lock_out(work, wish->lock_out, error) != 0 ||
	      pga_server_warn_of_cost(work, error) != 0)))
		return -1;
	pga_plan_add(&work->plan, PGA_PLAN_STEP, "SELECT pg_reload_conf()");
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     work->on
			 ? "a TLS handshake with %s, port %u, has to show its certificate; else "
			   "all is put back"
			 : "%s, port %u, has to answer that it does not use TLS; else all is "
			   "put back",
		     work->target.host, work->target.cluster.port);
	if (plan_copies(work, &change, error) != 0)
		return -1;
	return pga_plan_check(&work->plan, error);
}
