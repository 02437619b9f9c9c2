#include "server/change.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "server/left.h"
#include "server/require_sql.h"
#include "server/stopped.h"
#include "tls/dial.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How often a server that shows something else yet is looked at again, 100 ms between, and for how
 * long: where nothing answers, a look takes as long as a handshake may. */
#define TRIES      20
#define PROOF_TIME 20000

/* The service that has led there, and that it leads to the same one now. */
static int read_record(struct pga_server_work *work, struct pga_error *error)
{
	const struct pga_server_target *target = &work->target;
	const struct pga_servers_entry entry = {.service = target->login.service,
						.system = target->system,
						.directory = target->cluster.directory,
						.address = target->login.address};

	return target->login.service != NULL
		   ? pga_server_record_read_of(&entry, &work->record, error)
		   : pga_server_record_read(&target->cluster, &work->record, error);
}

static int open_target(struct pga_server_work *work, const struct pga_server_wish *wish,
		       struct pga_error *error)
{
	if (wish->service == NULL)
		return pga_server_target_open(&work->target, wish->directory, wish->user,
					      wish->may_be_stopped, error);
	return pga_server_target_open_service(&work->target, wish->service,
					      wish->host_count > 0 ? wish->hosts[0] : NULL,
					      wish->policy, wish->pins, error);
}

static int keep_others_out(struct pga_server_work *work, struct pga_error *error)
{
	struct pga_server_target *target = &work->target;

	if (work->wish->service != NULL)
		return pga_server_target_lock(&target->login, error);
	if (pga_server_alone_begin(&work->alone, &target->cluster, error) != 0)
		return -1;
	return target->session == NULL
		   ? 0
		   : pga_server_alone_at(target->session, target->cluster.directory, error);
}

static int begin_stopped(struct pga_server_work *work, struct pga_error *error)
{
	char *port;

	work->stopped = true;
	if (read_record(work, error) != 0)
		return -1;
	if (json_array_size(work->record.changes) == 0)
		return 0;
	if (pga_own_postgres_find(&work->own, &work->target.cluster, error) != 0 ||
	    pga_stopped_settings_read(&work->own, &work->settings, error) != 0)
		return -1;
	port = pga_own_postgres_show(&work->own, "port", error);
	work->target.cluster.port = port != NULL ? (unsigned)strtoul(port, NULL, 10) : 0;
	free(port);
	return port != NULL ? 0 : -1;
}

int pga_server_work_begin(struct pga_server_work *work, const struct pga_server_wish *wish,
			  struct pga_error *error)
{
	memset(work, 0, sizeof *work);
	work->wish = wish;
	if (open_target(work, wish, error) != 0 ||
	    (wish->writes && keep_others_out(work, error) != 0))
		return -1;
	if (work->target.session == NULL)
		return begin_stopped(work, error);
	if (pga_server_settings_read(work->target.session, &work->settings, error) != 0 ||
	    read_record(work, error) != 0)
		return -1;
	if (work->record.elsewhere != NULL)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s/%s tells of a change in %s: it came here with a copy of that "
			     "directory, and counts for nothing",
			     work->target.cluster.directory, PGA_SERVER_RECORD,
			     work->record.elsewhere);
	work->target.by_name = pga_server_settings_by_name(&work->settings);
	return pga_server_target_shows(&work->target, work->served, error) >= 0 ? 0 : -1;
}

void pga_server_work_end(struct pga_server_work *work)
{
	for (int i = 0; i < PGA_PLACED_FILES; i++)
		free(work->gone[i]);
	free(work->called);
	free(work->issuer);
	pga_unrequire_end(&work->rules);
	pga_server_hosts_free(&work->hosts);
	pga_server_copy_free(&work->copy);
	pga_plan_free(&work->plan);
	pga_server_record_free(&work->record);
	pga_server_settings_free(&work->settings);
	pga_own_postgres_free(&work->own);
	pga_server_alone_end(&work->alone);
	pga_server_target_close(&work->target);
}

/* Each name of pg_hosts.conf, and whoever names another, or none. */
static int look_by_name(struct pga_server_work *work, struct pga_error *error)
{
	for (size_t i = 0; i < work->hosts.count; i++) {
		const struct pga_server_host *host = &work->hosts.list[i];
		const char *name = pga_server_host_is_name(host) ? host->name : NULL;
		const int shows =
		    pga_server_target_shows_to(&work->target, name, work->shown, error);

		if (shows < 0)
			return -1;
		if (shows == 0)
			return pga_fail(error, NULL, "it does not use TLS");
		/* Whoever names none is not shown this one where there is one for just that. */
		if (name == NULL && pga_server_host_for(&work->hosts, "127.0.0.1") != host)
			continue;
		if (strcmp(host->leaf, work->shown) != 0)
			return pga_fail(error, NULL,
					"it shows another certificate (SHA-256 %.16s…) for %s than "
					"that of its line (%.16s…)",
					work->shown, host->name, host->leaf);
	}
	return 0;
}

/* Another server may answer there. */
static int check_off(const struct pga_server_work *work, struct pga_error *error)
{
	char *on = pga_cluster_show(work->target.session, PGA_TLS_ON, error);
	int result = on != NULL ? 0 : -1;

	if (on != NULL && strcmp(on, "off") != 0)
		result = pga_fail(error, NULL, "its setting ssl is still %s", on);
	free(on);
	return result;
}

/* Returns -1 with what it shows in the place of what it should. */
static int look(struct pga_server_work *work, struct pga_error *error)
{
	int shows;

	if (work->on && work->hosts.count > 0)
		return look_by_name(work, error);
	shows = pga_server_target_shows(&work->target, work->shown, error);
	if (shows < 0)
		return -1;
	if (!work->on)
		return shows == 0 ? check_off(work, error)
				  : pga_fail(error, NULL,
					     "it goes on with TLS, and shows a "
					     "certificate");
	if (shows == 0)
		return pga_fail(error, NULL, "it does not use TLS");
	if (work->expected[0] != '\0' && strcmp(work->expected, work->shown) != 0)
		return pga_fail(error, NULL,
				"it shows another certificate (SHA-256 %.16s…) than this one "
				"(%.16s…)",
				work->shown, work->expected);
	return 0;
}

/* What was set is in force, whatever the server goes by otherwise. */
static int check_taken(const struct pga_server_work *work, const struct pga_server_settings *set,
		       struct pga_error *error)
{
	for (size_t i = PGA_SET_CIPHERS; i <= PGA_SET_MAX; i++) {
		const char *now = set->of[i].now;
		const char *goal = work->goals[i].altered ? work->goals[i].value : NULL;

		if (goal != NULL && now != NULL && strcasecmp(now, goal) != 0)
			return pga_fail(error, NULL, "its %s is '%s' as before, and not '%s'",
					pga_server_settings[i], now, goal);
	}
	return 0;
}

/* It shows what it has shown before: then it has to speak as its settings say now, which it loads
 * all, or none of them. */
static int compare(struct pga_server_work *work, struct pga_error *error)
{
	struct pga_server_spoken now;
	struct pga_server_settings set = {0};
	bool same;
	int result;

	if (!work->compared || strcmp(work->served, work->shown) != 0)
		return 0;
	result = pga_server_settings_read(work->target.session, &set, error);
	if (result == 0)
		result = check_taken(work, &set, error);
	if (result == 0)
		result = pga_server_spoken_ask(&work->target, &now, error);
	if (result == 0)
		result = pga_server_spoken_check_versions(&now, set.of[PGA_SET_MIN].now,
							  set.of[PGA_SET_MAX].now, error);
	same = result == 0 && pga_server_spoken_is_same(&work->spoken, &now);
	/* Another build of OpenSSL may read the list otherwise. */
	if (same)
		result = pga_server_spoken_check_ciphers(&now, set.of[PGA_SET_CIPHERS].now, error);
	work->untold = same;
	pga_server_settings_free(&set);
	return result;
}

static int prove(struct pga_server_work *work, struct pga_error *error)
{
	const long long deadline = pga_dial_now() + PROOF_TIME;

	for (int tries = 0; look(work, error) != 0; tries++) {
		if (tries == TRIES || pga_dial_now() > deadline)
			return -1;
		(void)poll(NULL, 0, 100);
	}
	return compare(work, error);
}

/* A service that is verified has to be so by what is served now, too: whoever has only that way in
 * would not come in again to put it back. */
static int prove_service(const struct pga_server_work *work, struct pga_error *error)
{
	const struct pga_service_login *first = &work->target.login;
	const struct pga_server_wish *wish = work->wish;
	struct pga_service_login again = {.service = NULL};
	struct pga_error why;
	int result = 0;

	if (first->service == NULL || (!work->on && wish->lock_out))
		return 0;
	if (pga_service_login(&again, first->service, wish->policy, wish->pins, true, &why) != 0)
		result = pga_fail(error, NULL, "a new connection does not get in: %s", why.message);
	pga_service_leave(&again);
	return result;
}

/* With what takes them back: they are in the record. */
static void add_settings_left(const struct pga_server_work *work, const struct pga_error *why,
			      struct pga_left *left)
{
	const char *service = work->target.login.service;
	struct pga_server_change change;

	pga_left_add(left, "what stays: its settings (%s)", why->message);
	if (pga_server_record_last(&work->record, &change))
		pga_left_add(left, ", which pganchor server undo %s%s puts back",
			     service != NULL ? "" : "--data-dir ",
			     service != NULL ? service : work->target.cluster.directory);
	pga_left_add(left, ". ");
}

/* The reason first, and then what stays of it all. */
static int put_back(struct pga_server_work *work, struct pga_served_file *kept,
		    struct pga_error *error)
{
	struct pga_cluster_session *session = work->target.session;
	const char *log = pga_cluster_log(session);
	const struct pga_error first = *error;
	struct pga_left left = {.text = ""};
	struct pga_error why = {.message = ""};

	if (pga_server_settings_alter(session, work->back, &why) != 0)
		add_settings_left(work, &why, &left);
	else if (pga_server_record_take_back(&work->record, kept, &why) != 0)
		pga_left_add(&left, "what stays: the record of it (%s). ", why.message);
	else if (pga_server_copy_take_back(&work->copy, &why) != 0)
		pga_left_add(&left, "what stays: the copy of the pair (%s). ", why.message);
	if (left.text[0] == '\0')
		pga_left_add(&left, "all was put back as it was. ");
	if (work->unrequired)
		pga_left_add(&left, "pg_hba.conf does not require TLS any more, all the same. ");
	pga_left_add(&left, "Its log says why%s%s", log[0] != '\0' ? ": " : "", log);
	(void)pga_fail(error, left.text,
		       "the server of %s%s is not what it should be after the change: %s",
		       work->target.login.service != NULL ? "service " : "",
		       work->target.login.service != NULL ? work->target.login.service
							  : work->target.cluster.directory,
		       first.message);
	return -1;
}

/* What could not be begun has changed nothing but this. */
static void tell_unrequired(const struct pga_server_work *work, struct pga_error *error)
{
	if (work->unrequired)
		(void)snprintf(error->hint, sizeof error->hint,
			       "pg_hba.conf does not require TLS any more, all the same");
}

/* Whether the last change was ended in its middle, as pga_server_settings_alter() goes: TLS is off
 * meanwhile, and of the others the first are as they were to become, the rest as they were. */
static bool was_ended(const struct pga_server_work *work, const struct pga_server_change *last)
{
	const struct pga_server_value *now = work->settings.of;
	bool rest = false;

	if (!pga_server_pair_changes(last->after) ||
	    pga_server_value_is(last->after[PGA_SET_ON].value, PGA_SET_MEANWHILE) ||
	    !pga_server_value_is(now[PGA_SET_ON].altered, PGA_SET_MEANWHILE))
		return false;
	for (size_t i = 0; i < PGA_SET_ON; i++) {
		const struct pga_server_goal *after = &last->after[i];

		if (!after->altered || pga_server_value_is(after->value, last->before[i].value))
			continue;
		if (pga_server_value_is(now[i].altered, last->before[i].value))
			rest = true;
		else if (rest || !pga_server_value_is(now[i].altered, after->value))
			return false;
	}
	return true;
}

/* What one that was ended has set is no state to go back to: it counts for this one, too. */
static void take_over(const struct pga_server_work *work, struct pga_server_change *change)
{
	struct pga_server_change last;

	if (!pga_server_record_last(&work->record, &last) || last.hba != NULL ||
	    !was_ended(work, &last))
		return;
	for (size_t i = 0; i < PGA_SET_COUNT; i++) {
		if (!last.after[i].altered)
			continue;
		if (!change->after[i].altered)
			change->after[i] =
			    (struct pga_server_goal){true, work->settings.of[i].altered};
		change->before[i] = last.before[i];
	}
	change->served = last.served;
}

static bool has_placed(const struct pga_server_record *record, const char *name)
{
	struct pga_server_change last;

	if (!pga_server_record_last(record, &last))
		return false;
	for (int i = 0; i < PGA_PLACED_FILES; i++)
		if (last.placed[i] != NULL && strcmp(last.placed[i], name) == 0)
			return true;
	return false;
}

/* Else it only has loaded what one that was ended has set, which that one's record tells. */
static bool sets_anything(const struct pga_server_work *work)
{
	bool any = work->unrequired;

	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		any = any ||
		      (work->goals[i].altered &&
		       !pga_server_value_is(work->goals[i].value, work->settings.of[i].altered));
	for (int i = 0; i < PGA_PLACED_FILES; i++)
		any = any || (work->copy.names[i] != NULL &&
			      !has_placed(&work->record, work->copy.names[i]));
	return any;
}

static int record(struct pga_server_work *work, const char *command, struct pga_served_file *kept,
		  struct pga_error *error)
{
	struct pga_server_change change = {
	    .command = command, .served = work->served, .unrequired = work->unrequired};

	if (!work->changes || !sets_anything(work))
		return 0;
	memcpy(change.before, work->back, sizeof change.before);
	memcpy(change.after, work->goals, sizeof change.after);
	for (int i = 0; i < PGA_PLACED_FILES; i++)
		change.placed[i] = work->copy.names[i];
	take_over(work, &change);
	if (pga_server_record_push(&work->record, &change, error) != 0)
		return -1;
	return pga_server_record_write(&work->target.cluster, &work->record, kept, error);
}

/* The change is undone, and proved, and what was kept of it is in the way of nothing. */
static int fail_kept(const struct pga_server_work *work, struct pga_error *error)
{
	const struct pga_error first = *error;

	return pga_fail(error, "say it once more: that takes it away",
			"the server of %s is as it was before the change, but what was kept of the "
			"change is still there: %s",
			work->target.cluster.directory, first.message);
}

/* Nothing names the copies any more. */
static int finish_undo(struct pga_server_work *work, struct pga_served_file *kept,
		       struct pga_error *error)
{
	for (int i = 0; i < PGA_PLACED_FILES; i++) {
		struct pga_served_file file = {.written = false};
		int result = 0;

		if (work->gone[i] != NULL)
			result = pga_served_file_put(&work->target.cluster, work->gone[i], NULL,
						     &file, error);
		pga_text_wipe(&file.before);
		pga_served_file_free(&file);
		if (result != 0)
			return fail_kept(work, error);
	}
	pga_server_record_pop(&work->record);
	if (pga_server_record_write(&work->target.cluster, &work->record, kept, error) != 0)
		return fail_kept(work, error);
	return 0;
}

/* Record and copy are there before the change, in this order: killed between, `server undo` finds
 * all of it. */
static int prepare(struct pga_server_work *work, const char *command, struct pga_served_file *kept,
		   struct pga_error *error)
{
	struct pga_error ignored;

	if (command == NULL)
		return 0;
	if (record(work, command, kept, error) != 0)
		return -1;
	if (pga_server_copy_write(&work->target.cluster, &work->copy, error) == 0)
		return 0;
	(void)pga_server_record_take_back(&work->record, kept, &ignored);
	return -1;
}

/* First nobody needs TLS any more, and then there is none. */
static int unrequire(struct pga_server_work *work, struct pga_error *error)
{
	if (!pga_unrequire_has_work(&work->rules))
		return 0;
	if (pga_unrequire_apply(&work->rules, error) != 0)
		return -1;
	work->unrequired = true;
	return 0;
}

static bool is_same_certificate(const struct pga_server_work *work)
{
	return work->on && work->served[0] != '\0' &&
	       (work->expected[0] == '\0' || strcmp(work->expected, work->served) == 0);
}

static int look_before(struct pga_server_work *work, struct pga_error *error)
{
	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		if (work->goals[i].altered && is_same_certificate(work))
			work->compared = true;
	return work->compared ? pga_server_spoken_ask(&work->target, &work->spoken, error) : 0;
}

/* Undo, of a server that does not run. */
static int change_files(struct pga_server_work *work, struct pga_error *error)
{
	struct pga_served_file kept = {.written = false};
	int result = pga_stopped_settings_alter(&work->own, work->goals, &work->on, error);

	if (result == 0)
		result = finish_undo(work, &kept, error);
	pga_served_file_free(&kept);
	return result;
}

/* Undo of require-tls over SQL. */
static int change_rules_by_sql(struct pga_server_work *work, struct pga_error *error)
{
	struct pga_served_file kept = {.written = false};
	int result = 0;

	if (work->rules.restored > 0)
		result = pga_require_sql_undo(&work->rules, &work->target.login, error);
	if (result == 0)
		result = finish_undo(work, &kept, error);
	if (result == 0)
		result = prove(work, error);
	pga_served_file_free(&kept);
	return result;
}

static int change(struct pga_server_work *work, const char *command, struct pga_error *error)
{
	struct pga_served_file kept = {.written = false};
	int result;

	if (work->rules_by_sql)
		return change_rules_by_sql(work, error);
	/* Somebody may have been asked since they were read. */
	if (!work->stopped &&
	    pga_server_settings_stand(work->target.session, &work->settings, error) != 0)
		return -1;
	if (unrequire(work, error) != 0)
		return -1;
	if (work->stopped)
		return work->unrequired ? 0 : change_files(work, error);
	if (command == NULL && work->unrequired)
		return prove(work, error);
	result = look_before(work, error);
	if (result == 0)
		result = prepare(work, command, &kept, error);
	if (result == 0) {
		result = pga_server_settings_alter(work->target.session, work->goals, error);
		if (result == 0)
			result = prove(work, error);
		if (result == 0)
			result = prove_service(work, error);
		if (result != 0)
			(void)put_back(work, &kept, error);
		else if (command == NULL)
			result = finish_undo(work, &kept, error);
	} else {
		tell_unrequired(work, error);
	}
	pga_served_file_free(&kept);
	return result;
}

bool pga_server_work_is_by_hand(const struct pga_server_work *work, struct pga_error *error)
{
	bool any = false;

	for (size_t i = 0; i < PGA_SET_COUNT; i++)
		any = any || work->goals[i].altered;
	if (!any || !pga_server_settings_by_hand(&work->settings))
		return false;
	(void)pga_fail(error,
		       "put the lines of the steps where they say, or into what writes that file, "
		       "and have them loaded; then this again proves it. Nothing was changed",
		       "the server does not allow ALTER SYSTEM (allow_alter_system is off)");
	return true;
}

int pga_server_work_do(struct pga_server_work *work, const char *command, struct pga_error *error)
{
	sigset_t signals;
	int result;

	if (pga_server_work_is_by_hand(work, error))
		return -1;
	pga_signals_hold(&signals);
	result = change(work, command, error);
	pga_signals_release(&signals);
	return result;
}
