/* TLS off: the plan, and who is in the way of it. */
#include "server/change.h"
#include "server/service_pair.h"

#include "base/text.h"
#include "server/hba_shown.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of those in the way, so many are named. */
#define NAMED 5

/* Those that stay: it grows. */
struct in_the_way {
	struct pga_text list; /* where the first of them are */
	size_t count;
};

static void add_rule(struct pga_server_work *work, struct in_the_way *rules, const char *place,
		     const char *rule)
{
	pga_plan_add(&work->plan, PGA_PLAN_WARNING,
		     "%s lets in by TLS alone: %s: nobody gets in by it any more", place, rule);
	if (rules->count < NAMED)
		pga_text_addf(&rules->list, "%s%s", rules->count > 0 ? "; " : "", place);
	rules->count++;
}

/* By the server's view. The columns are there in every release but file_name, which is in 16 and
 * later. */
static int look_at_view(struct pga_server_work *work, struct in_the_way *found,
			struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    work->target.session,
	    "SELECT coalesce(pg_catalog.to_jsonb(rule)->>'file_name', "
	    "pg_catalog.current_setting('hba_file')) || ', line ' || line_number, "
	    "'hostssl ' || pg_catalog.array_to_string(database, ',') || ' ' || "
	    "pg_catalog.array_to_string(user_name, ',') || ' ' || coalesce(address || coalesce(' ' "
	    "|| netmask, ''), '') "
	    "FROM pg_catalog.pg_hba_file_rules AS rule "
	    "WHERE type = 'hostssl' AND auth_method <> 'reject' ORDER BY 1, line_number",
	    error);

	if (rows == NULL)
		return -1;
	for (int i = 0; i < PQntuples(rows); i++)
		add_rule(work, found, pga_pg_value(rows, i, 0), pga_pg_value(rows, i, 1));
	PQclear(rows);
	return 0;
}

static void look_at_line(struct pga_server_work *work, const char *path,
			 const struct pga_hba_file *file, const struct pga_hba_line *line,
			 struct in_the_way *found)
{
	struct pga_text rule = PGA_TEXT_EMPTY;
	char place[4200];

	if (line->kind != PGA_HBA_RULE || line->type != PGA_HBA_HOSTSSL || pga_hba_rejects(line))
		return;
	(void)snprintf(place, sizeof place, "%s, line %zu", path, line->number);
	pga_hba_add_shown(&rule, pga_text_string(&file->bytes) + line->start, line->length);
	if (!rule.failed && rule.length > 0)
		rule.bytes[strcspn(rule.bytes, "\r\n")] = '\0'; /* its first line */
	add_rule(work, found, place, pga_text_string(&rule));
	found->list.failed = found->list.failed || rule.failed;
	pga_text_free(&rule);
}

/* By the files as they will be, once their lines were put back. */
static int look_at_files(struct pga_server_work *work, struct in_the_way *found,
			 struct pga_error *error)
{
	const struct pga_hba_tree *tree = &work->rules.tree;

	for (size_t i = 0; i < tree->part_count; i++) {
		const struct pga_transaction_file *part = &work->rules.files[i];
		const struct pga_text *bytes =
		    part->change != PGA_UNCHANGED ? &part->after : &tree->parts[i].file.bytes;
		struct pga_hba_file file;
		int result = pga_hba_read(&file, tree->parts[i].path, pga_text_string(bytes),
					  bytes->length, tree->version, error);

		for (size_t k = 0; result == 0 && k < file.count; k++)
			look_at_line(work, tree->parts[i].path, &file, &file.lines[k], found);
		pga_hba_free(&file);
		if (result != 0)
			return -1;
	}
	return 0;
}

int pga_server_check_lock_out(struct pga_server_work *work, bool lock_out, struct pga_error *error)
{
	struct in_the_way found = {.count = 0};
	int result = work->rules.record.count > 0 ? look_at_files(work, &found, error)
						  : look_at_view(work, &found, error);

	if (result == 0 && found.count > 0 && !lock_out)
		result =
		    pga_fail(error,
			     "write host in the place of hostssl there and reload the server "
			     "first, or --lock-out, if nobody comes in by these. Nothing was "
			     "changed",
			     "without TLS, whom pg_hba.conf lets in by hostssl would be locked "
			     "out: %zu rule%s (%s%s)",
			     found.count, found.count == 1 ? "" : "s", pga_text_string(&found.list),
			     found.count > NAMED ? "; …" : "");
	pga_text_free(&found.list);
	return result;
}

/* What becomes of a line that require-tls has changed. */
static int plan_line(struct pga_server_plan *plan, const struct pga_hba_was *line)
{
	const struct pga_text *is = line->restored ? &line->before : &line->after;
	struct pga_text shown = PGA_TEXT_EMPTY;
	int length;
	int result;

	pga_hba_add_shown(&shown, pga_text_string(is), is->length);
	length = (int)strcspn(pga_text_string(&shown), "\r\n"); /* its first */
	if (line->restored)
		pga_plan_add(plan, PGA_PLAN_STEP, "put back in %s: %.*s", line->path, length,
			     pga_text_string(&shown));
	else if (!line->settled)
		pga_plan_add(
		    plan, PGA_PLAN_WARNING,
		    "%s: somebody has changed this line since, and it stays as it is: %.*s",
		    line->path, length, pga_text_string(&shown));
	result = shown.failed ? -1 : 0;
	pga_text_free(&shown);
	return result;
}

int pga_server_plan_lines(struct pga_server_plan *plan, const struct pga_hba_record *record,
			  struct pga_error *error)
{
	for (size_t i = 0; i < record->count; i++)
		if (plan_line(plan, &record->items[i]) != 0)
			return pga_fail_memory(error);
	return 0;
}

int pga_server_plan_rules(struct pga_server_work *work, const struct pga_server_wish *wish,
			  struct pga_error *error)
{
	const struct pga_require_wish same = {.directory = wish->directory, .user = wish->user};

	if (wish->service != NULL)
		return 0; /* no file of the data directory can be written from there */
	if (pga_unrequire_plan(&work->rules, &same, error) != 0)
		return -1;
	if (pga_server_plan_lines(&work->plan, &work->rules.record, error) != 0)
		return -1;
	if (pga_unrequire_has_work(&work->rules) && !work->stopped)
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "SELECT pg_reload_conf(), once pg_hba_file_rules shows no error");
	work->changes = work->changes || pga_unrequire_has_work(&work->rules);
	return 0;
}

/* These sessions stay encrypted until they end, and do not come back so. */
int pga_server_warn_of_cost(struct pga_server_work *work, struct pga_error *error)
{
	PGresult *rows = pga_cluster_ask(
	    work->target.session,
	    "SELECT coalesce(a.usename, ''), coalesce(a.application_name, ''), "
	    "coalesce(a.client_addr::text, ''), a.backend_type "
	    "FROM pg_catalog.pg_stat_ssl AS s JOIN pg_catalog.pg_stat_activity AS a USING (pid) "
	    "WHERE s.ssl AND pid <> pg_catalog.pg_backend_pid() ORDER BY a.backend_start, a.pid",
	    error);

	if (rows == NULL)
		return -1;
	for (int i = 0; i < PQntuples(rows) && i < NAMED; i++)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s%s (%s) from %s has TLS now: it comes back without, or not at all "
			     "where its sslmode is require or more",
			     strcmp(pga_pg_value(rows, i, 3), "walsender") == 0 ? "the standby or "
										  "subscriber "
										: "",
			     pga_pg_value(rows, i, 0), pga_pg_value(rows, i, 1),
			     pga_pg_value(rows, i, 2));
	if (PQntuples(rows) > NAMED)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING, "and %d more sessions likewise",
			     PQntuples(rows) - NAMED);
	PQclear(rows);
	pga_plan_add(&work->plan, PGA_PLAN_WARNING,
		     "passwords, queries and rows go over the network for anybody to read, and "
		     "nothing proves the server to its clients any more");
	return 0;
}

/* By a socket that was brought here from another machine, its address leads elsewhere at times. */
static int check_is_it(struct pga_server_work *work, struct pga_error *error)
{
	const struct pga_service_login *login = &work->target.login;
	const char *now = work->settings.of[PGA_SET_CERT].now;
	const char *file = now != NULL ? now : "";
	const char *on = work->settings.of[PGA_SET_ON].now;
	const bool shows = work->served[0] != '\0';
	const char *what = shows ? "another certificate than the server"
				 : "no certificate, and not the one that the server";
	/* Undo is the way back of a pair that was not loaded, too. */
	const bool may_be =
	    login->host[0] != '/' || work->target.by_name || (work->undone != NULL && !shows);
	char leaf[65];

	pga_service_leaf_of(&work->target, file, leaf);
	if (strcmp(leaf, work->served) == 0 || (!shows && on != NULL && strcmp(on, "off") == 0))
		return 0;
	if (may_be) {
		pga_plan_add(
		    &work->plan, PGA_PLAN_WARNING,
		    "%s, port %u, shows %s has in %s: is it this server that answers there?",
		    work->target.host, work->target.cluster.port, what, file);
		return 0;
	}
	return pga_fail(error,
			"--host ADDRESS names where it answers; if it has not loaded a new "
			"certificate yet, SELECT pg_reload_conf() has it do so; at the server, "
			"--data-dir does it. Nothing was changed",
			"%s, port %u, shows %s of service %s has in %s: is it this server that "
			"answers there?",
			work->target.host, work->target.cluster.port, what, login->service, file);
}

int pga_server_check_way_back(struct pga_server_work *work, bool lock_out, struct pga_error *error)
{
	const struct pga_service_login *login = &work->target.login;

	if (login->service == NULL)
		return 0;
	if (login->needs_tls && !lock_out)
		return pga_fail(error,
				"do it by a service that leads to its Unix-domain socket, or at "
				"the server, by its data directory; or --lock-out, if there is "
				"another way in. Nothing was changed",
				"service %s itself would not get in any more: it wants TLS",
				login->service);
	return check_is_it(work, error);
}

int pga_server_plan_disable(struct pga_server_work *work, const struct pga_server_wish *wish,
			    struct pga_error *error)
{
	const char *const wanted[PGA_SET_COUNT] = {[PGA_SET_ON] = "off"};
	const char *now = work->settings.of[PGA_SET_ON].now;
	/* Then nobody loses anything. */
	const bool off = work->served[0] == '\0' && now != NULL && strcmp(now, "off") == 0;

	if (pga_server_settings_check(&work->settings, wanted, error) != 0 ||
	    pga_server_plan_rules(work, wish, error) != 0 ||
	    pga_server_check_way_back(work, wish->lock_out || off, error) != 0 ||
	    pga_server_check_lock_out(work, wish->lock_out || off, error) != 0 ||
	    (!off && pga_server_warn_of_cost(work, error) != 0))
		return -1;
	pga_server_goals_of(&work->settings, wanted, work->goals, work->back);
	work->changes = work->changes || work->goals[PGA_SET_ON].altered;
	work->on = false;
	pga_server_settings_plan(&work->settings, wanted, &work->plan);
	pga_plan_add(&work->plan, PGA_PLAN_STEP,
		     "%s, port %u, has to answer that it does not use TLS; else all is put back",
		     work->target.host, work->target.cluster.port);
	return pga_plan_check(&work->plan, error);
}
