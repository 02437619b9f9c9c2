#include "server/require_sql.h"

#include "base/cleanup.h"
#include "cert/cluster_sql.h"
#include "server/hba_change.h"
#include "server/require.h"
#include "server/require_sql_record.h"
#include "server/require_undo.h"
#include "server/require_world.h"
#include "server/sql_file.h"
#include "server/target.h"
#include "server/unloaded.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

/* Files by the server's own functions: the context is the session. */
static int read_by_sql(void *context, const char *path, struct pga_text *bytes, bool *found,
		       struct pga_error *error)
{
	return pga_sql_file_read(context, path, bytes, found, error);
}

static int list_by_sql(void *context, const char *path, struct pga_text *names,
		       struct pga_error *error)
{
	return pga_sql_file_list(context, path, names, error);
}

/* What stands in an @file in the place of a type or an address cannot be told. */
static int check_lines(const struct pga_hba_tree *tree, struct pga_error *error)
{
	for (size_t i = 0; i < tree->place_count; i++)
		if (pga_hba_becomes(pga_hba_tree_line(tree, i)) == PGA_HBA_CANNOT)
			return pga_fail(
			    error,
			    "on the server: pganchor server require-tls --data-dir DIRECTORY, "
			    "which is what SHOW data_directory says. Nothing was changed",
			    "%s, line %zu: what is in other files cannot be seen from here",
			    pga_hba_tree_path(tree, i), pga_hba_tree_line(tree, i)->number);
	return 0;
}

int pga_require_sql_read(const struct pga_service_login *login, struct pga_hba_tree *tree,
			 struct pga_error *error)
{
	const struct pga_hba_source source = {
	    .read = read_by_sql, .list = list_by_sql, .context = login->session};
	PGresult *row = pga_cluster_ask(login->session,
					"SELECT pg_catalog.current_setting('server_version_num'), "
					"pg_catalog.current_setting('hba_file')",
					error);
	int result = -1;

	if (row != NULL)
		result = pga_hba_tree_read(tree, &source, pga_pg_value(row, 0, 1),
					   (int)strtol(pga_pg_value(row, 0, 0), NULL, 10) / 10000,
					   error);
	PQclear(row);
	return result == 0 ? check_lines(tree, error) : -1;
}

/* The new bytes of each part. */
static int make_files(struct pga_require_by_sql *by, struct pga_error *error)
{
	by->afters = calloc(by->tree.part_count, sizeof *by->afters);
	if (by->afters == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < by->tree.part_count; i++) {
		by->changes += pga_hba_require_tls(&by->tree.parts[i].file, &by->afters[i]);
		if (by->afters[i].failed)
			return pga_fail_memory(error);
	}
	return 0;
}

/* Who is no superuser, and sees the lines by a right of their own, may not have this one. */
static int look_at_times(struct pga_require_by_sql *by, struct pga_error *error)
{
	return by->login.superuser ? pga_unloaded_look_by_sql(by->login.session, &by->tree, error)
				   : 0;
}

int pga_require_sql_plan(struct pga_require_by_sql *by, const char *service,
			 const struct pga_policy *policy, const struct pga_pins *pins,
			 struct pga_error *error)
{
	memset(by, 0, sizeof *by);
	if (pga_service_login(&by->login, service, policy, pins, false, error) != 0 ||
	    pga_cluster_check_config(by->login.session, error) != 0 ||
	    pga_require_sql_read(&by->login, &by->tree, error) != 0 ||
	    pga_hba_check_view(by->login.session, &by->tree, false, error) != 0 ||
	    look_at_times(by, error) != 0 || pga_require_check_wider(&by->tree, error) != 0 ||
	    make_files(by, error) != 0)
		return -1;
	return pga_require_find_locked_out(by->login.session, &by->tree, false, &by->locked_out,
					   error) == 0
		   ? pga_require_find_shut_out(by->login.session, &by->tree, false, &by->shut_out,
					       error)
		   : -1;
}

static bool changes(const struct pga_require_by_sql *by, size_t part)
{
	const struct pga_text *before = &by->tree.parts[part].file.bytes;
	const struct pga_text *after = &by->afters[part];

	return before->length != after->length ||
	       memcmp(pga_text_string(before), pga_text_string(after), before->length) != 0;
}

/* One after the other; *begun is how many have been begun. */
static int write_files(struct pga_require_by_sql *by, size_t *begun, struct pga_error *error)
{
	for (size_t i = 0; i < by->tree.part_count; i++) {
		const struct pga_hba_part *part = &by->tree.parts[i];
		struct pga_error why;

		*begun = i + 1;
		if (changes(by, i) &&
		    pga_sql_file_write(by->login.session, part->path, &part->file.bytes, false,
				       &by->afters[i], &why) != 0)
			return pga_fail(error, why.hint, "could not write %s: %s", part->path,
					why.message);
	}
	return 0;
}

/* By a rule for the machine itself, which stays: who comes from there proves nothing. */
static int look_for_own(struct pga_require_by_sql *by, bool *own, struct pga_error *error)
{
	struct pga_hba_client client = {
	    .user = by->login.user, .database = by->login.database, .way = PGA_HBA_PLAIN};
	PGresult *row = pga_cluster_ask(
	    by->login.session, "SELECT pg_catalog.host(pg_catalog.inet_client_addr())", error);
	struct pga_require_world world;
	size_t place;
	int result;

	if (row == NULL)
		return -1;
	client.address = pga_pg_value(row, 0, 0);
	pga_require_world_begin(&world, by->login.session, false);
	place = pga_hba_match(&by->tree, &world.world, &client, true);
	*own =
	    place < by->tree.place_count && !pga_hba_rejects(pga_hba_tree_line(&by->tree, place));
	result = pga_require_world_end(&world, error);
	PQclear(row);
	return result;
}

static int prove(struct pga_require_by_sql *by, struct pga_error *error)
{
	struct pga_error why;
	PGconn *connection = pga_service_connect(&by->login, &why);
	int result = 0;

	if (connection == NULL)
		result = pga_fail(error, NULL, "a new connection does not get in: %s", why.message);
	PQfinish(connection);
	if (result == 0 && !by->undoes) {
		const char *where =
		    by->login.address[0] != '\0' ? by->login.address : by->login.host;
		const enum pga_let_in plain = pga_require_come(
		    where, by->login.port, by->login.user, by->login.database, false);
		bool own = false;

		by->proved = plain == PGA_LET_IN_NOT;
		if (plain == PGA_LET_IN)
			result = look_for_own(by, &own, error);
		if (result == 0 && plain == PGA_LET_IN && !own)
			result =
			    pga_fail(error, NULL, "user %s of database %s is let in without TLS",
				     by->login.user, by->login.database);
	}
	return result;
}

/* What became of the files after a failure. */
struct way_back {
	bool written;
	const char *other; /* that another program has changed */
	const char *stays; /* that could not be written back */
	struct pga_error why;
};

static void put_back(struct pga_require_by_sql *by, size_t number, struct way_back *back)
{
	const struct pga_hba_part *part = &by->tree.parts[number];
	const struct pga_text *before = &part->file.bytes;
	const struct pga_text *after = &by->afters[number];
	enum pga_sql_file_state state;
	struct pga_error why;
	int result = pga_sql_file_look(by->login.session, part->path, before, after, &state, &why);

	if (result == 0 && state == PGA_SQL_FILE_OTHER)
		back->other = part->path;
	if (result == 0 && state == PGA_SQL_FILE_AFTER_OR_PART) {
		back->written = true;
		result =
		    pga_sql_file_write(by->login.session, part->path, after, true, before, &why);
	}
	if (result != 0) {
		back->stays = part->path;
		back->why = why;
	}
}

/* After a failure, which *error tells of: the last file first. loaded: the server was told to load
 * them. */
static int write_back(struct pga_require_by_sql *by, size_t begun, bool loaded,
		      struct pga_error *error)
{
	const char *what = by->undoes ? "nothing was undone" : "TLS is not required";
	const struct pga_error first = *error;
	struct way_back back = {.written = false};

	for (size_t i = begun; i-- > 0;)
		if (changes(by, i))
			put_back(by, i, &back);
	if (((loaded && back.other == NULL) || back.written) &&
	    pga_cluster_reload(by->login.session, &back.why) != 0 && back.stays == NULL)
		back.stays = by->tree.parts[0].path;
	if (back.stays != NULL)
		return pga_fail(
		    error,
		    "put it right on the server: all of it, or a part, may be as it was to become",
		    "whether TLS is required is not known: %s; and %s could not be written back: "
		    "%s",
		    first.message, back.stays, back.why.message);
	if (back.other != NULL)
		return pga_fail(error,
				"look at the file on the server; it is not pganchor's any more, "
				"and was left alone",
				"%s: %s; and another program has changed %s", what, first.message,
				back.other);
	by->put_back = true;
	(void)pga_fail(
	    error, loaded || back.written ? "it was written back as it was" : "nothing was changed",
	    "%s: %s", what, first.message);
	if (loaded || back.written)
		pga_unloaded_explain(&by->tree, error);
	return -1;
}

/* What they have now is what the server sees. */
static int look_again(const struct pga_require_by_sql *by, struct pga_error *error)
{
	struct pga_hba_tree now = {.part_count = 0};
	int result = pga_require_sql_read(&by->login, &now, error);

	if (result == 0)
		result = pga_hba_check_view(by->login.session, &now, false, error);
	pga_hba_tree_free(&now);
	return result;
}

static int change(struct pga_require_by_sql *by, struct pga_error *error)
{
	bool loaded = false;
	size_t begun = 0;
	int result;

	result = write_files(by, &begun, error);
	if (result == 0)
		result = by->undoes ? look_again(by, error)
				    : pga_hba_check_view(by->login.session, &by->tree, true, error);
	if (result == 0) {
		loaded = true;
		result = pga_cluster_reload(by->login.session, error);
	}
	if (result == 0)
		result = prove(by, error);
	return result == 0 ? 0 : write_back(by, begun, loaded, error);
}

/* The files want TLS by now, and which rules are loaded no time tells for sure. */
static int load(struct pga_require_by_sql *by, struct pga_error *error)
{
	struct pga_error why;

	if (pga_server_target_lock(&by->login, error) != 0)
		return -1;
	if (pga_cluster_reload(by->login.session, &why) == 0 && prove(by, &why) == 0)
		return 0;
	return pga_fail(error, "no file was changed, and the server goes by them as they are now",
			"TLS is not required: %s", why.message);
}

/* The record is there before the files: killed between, `server undo` finds both. */
static int write_lines(struct pga_require_by_sql *by, struct pga_error *error)
{
	struct pga_sql_record record = {.system = NULL};
	int result = pga_sql_record_write(&record, &by->login, &by->tree, error);

	if (result == 0) {
		result = change(by, error);
		if (result != 0 && by->put_back)
			pga_sql_record_take_back(&record, error);
	}
	pga_sql_record_free(&record);
	return result;
}

int pga_require_sql_apply(struct pga_require_by_sql *by, struct pga_error *error)
{
	sigset_t signals;
	int result;

	pga_signals_hold(&signals);
	result = by->changes > 0 ? write_lines(by, error) : load(by, error);
	pga_signals_release(&signals);
	return result;
}

int pga_require_sql_undo(const struct pga_unrequiring *rules, const struct pga_service_login *login,
			 struct pga_error *error)
{
	/* All of it belongs to others, but for the list. */
	struct pga_require_by_sql by = {.login = *login, .tree = rules->tree, .undoes = true};
	int result;

	by.afters = calloc(by.tree.part_count, sizeof *by.afters);
	if (by.afters == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < by.tree.part_count; i++)
		by.afters[i] = rules->files[i].after;
	result = change(&by, error);
	free(by.afters);
	return result;
}

void pga_require_sql_end(struct pga_require_by_sql *by)
{
	for (size_t i = 0; by->afters != NULL && i < by->tree.part_count; i++)
		pga_text_free(&by->afters[i]);
	free(by->afters);
	pga_locked_out_free(&by->locked_out);
	pga_shut_out_free(&by->shut_out);
	pga_hba_tree_free(&by->tree);
	pga_service_leave(&by->login);
	memset(by, 0, sizeof *by);
}
