#include "server/require_sql.h"

#include "base/cleanup.h"
#include "cert/cluster_sql.h"
#include "server/hba_change.h"
#include "server/require.h"
#include "server/sql_file.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

/* Files by the server's own functions: the context is the session. */
static int read_by_sql(void *context, const char *path, struct pga_text *bytes, bool *found,
		       struct pga_error *error)
{
	return pga_sql_file_read(context, path, bytes, found, error);
}

static int list_nothing(void *context, const char *path, struct pga_text *names,
			struct pga_error *error)
{
	(void)context;
	(void)path;
	(void)names;
	(void)error;
	return 0;
}

/* One file alone is written: the others could be, too, but not all of them at once. */
static int check_file(const struct pga_hba_part *part, struct pga_error *error)
{
	for (size_t i = 0; i < part->file.count; i++)
		if (part->file.lines[i].kind == PGA_HBA_INCLUDE ||
		    pga_hba_becomes(&part->file.lines[i]) == PGA_HBA_CANNOT)
			return pga_fail(
			    error,
			    "on the server: pganchor server require-tls --data-dir DIRECTORY, "
			    "which is what SHOW data_directory says. Nothing was changed",
			    "%s, line %zu: what is in other files cannot be seen from here",
			    part->path, part->file.lines[i].number);
	return 0;
}

static int read_file(struct pga_require_by_sql *by, struct pga_error *error)
{
	const struct pga_hba_source source = {
	    .read = read_by_sql, .list = list_nothing, .context = by->login.session};
	PGresult *row = pga_cluster_ask(by->login.session,
					"SELECT pg_catalog.current_setting('server_version_num'), "
					"pg_catalog.current_setting('hba_file')",
					error);
	int result = -1;

	if (row != NULL)
		result = pga_hba_tree_read(&by->tree, &source, pga_pg_value(row, 0, 1),
					   (int)strtol(pga_pg_value(row, 0, 0), NULL, 10) / 10000,
					   error);
	PQclear(row);
	if (by->tree.part_count > 0 && check_file(&by->tree.parts[0], error) != 0)
		return -1;
	return result;
}

int pga_require_sql_plan(struct pga_require_by_sql *by, const char *service,
			 const struct pga_policy *policy, const struct pga_pins *pins,
			 struct pga_error *error)
{
	memset(by, 0, sizeof *by);
	if (pga_service_login(&by->login, service, policy, pins, false, error) != 0 ||
	    read_file(by, error) != 0 ||
	    pga_hba_check_view(by->login.session, &by->tree, false, error) != 0 ||
	    pga_require_check_wider(&by->tree, error) != 0)
		return -1;
	by->changes = pga_hba_require_tls(&by->tree.parts[0].file, &by->after);
	if (by->after.failed)
		return pga_fail_memory(error);
	return pga_require_find_locked_out(by->login.session, &by->tree, false, &by->locked_out,
					   error) == 0
		   ? pga_require_find_shut_out(by->login.session, &by->tree, false, &by->shut_out,
					       error)
		   : -1;
}

static int look(struct pga_require_by_sql *by, enum pga_sql_file_state *state,
		struct pga_error *error)
{
	return pga_sql_file_look(by->login.session, by->tree.parts[0].path,
				 &by->tree.parts[0].file.bytes, &by->after, state, error);
}

/* there: what is to be replaced; part: of which a beginning is enough. */
static int write_file(struct pga_require_by_sql *by, const struct pga_text *there, bool part,
		      const struct pga_text *bytes, struct pga_error *error)
{
	return pga_sql_file_write(by->login.session, by->tree.parts[0].path, there, part, bytes,
				  error);
}

static int prove(struct pga_require_by_sql *by, struct pga_error *error)
{
	struct pga_error why;
	PGconn *connection = pga_service_connect(&by->login, &why);
	int result = 0;

	if (connection == NULL)
		result = pga_fail(error, NULL, "a new connection does not get in: %s", why.message);
	PQfinish(connection);
	if (result == 0) {
		const char *where =
		    by->login.address[0] != '\0' ? by->login.address : by->login.host;
		const enum pga_let_in plain = pga_require_come(
		    where, by->login.port, by->login.user, by->login.database, false);

		by->proved = plain == PGA_LET_IN_NOT;
		if (plain == PGA_LET_IN)
			result =
			    pga_fail(error, NULL, "user %s of database %s is let in without TLS",
				     by->login.user, by->login.database);
	}
	return result;
}

/* After a failure, which *error tells of. loaded: the server was told to load the file. */
static int write_back(struct pga_require_by_sql *by, bool loaded, struct pga_error *error)
{
	const struct pga_error first = *error;
	enum pga_sql_file_state found = PGA_SQL_FILE_OTHER;
	struct pga_error why;
	int result = look(by, &found, &why);

	if (result == 0 && found == PGA_SQL_FILE_OTHER)
		return pga_fail(error,
				"look at the file on the server; it is not pganchor's any more, "
				"and was left alone",
				"TLS is not required: %s; and another program has changed the file",
				first.message);
	if (result == 0 && found == PGA_SQL_FILE_BEFORE && !loaded)
		return pga_fail(error, "nothing was changed", "TLS is not required: %s",
				first.message);
	if (result == 0 && found == PGA_SQL_FILE_AFTER_OR_PART)
		result = write_file(by, &by->after, true, &by->tree.parts[0].file.bytes, &why);
	if (result == 0)
		result = pga_cluster_reload(by->login.session, &why);
	if (result == 0)
		return pga_fail(error, "it was written back as it was", "TLS is not required: %s",
				first.message);
	return pga_fail(error,
			"put it right on the server: all of it, or a part, may be as it was to "
			"become",
			"whether TLS is required is not known: %s; and the file could not be "
			"written back: %s",
			first.message, why.message);
}

int pga_require_sql_apply(struct pga_require_by_sql *by, struct pga_error *error)
{
	sigset_t signals;
	bool loaded = false;
	int result;

	pga_signals_hold(&signals);
	result = write_file(by, &by->tree.parts[0].file.bytes, false, &by->after, error);
	if (result == 0)
		result = pga_hba_check_view(by->login.session, &by->tree, true, error);
	if (result == 0) {
		loaded = true;
		result = pga_cluster_reload(by->login.session, error);
	}
	if (result == 0)
		result = prove(by, error);
	if (result != 0)
		result = write_back(by, loaded, error);
	pga_signals_release(&signals);
	return result;
}

void pga_require_sql_end(struct pga_require_by_sql *by)
{
	pga_text_free(&by->after);
	pga_locked_out_free(&by->locked_out);
	pga_shut_out_free(&by->shut_out);
	pga_hba_tree_free(&by->tree);
	pga_service_leave(&by->login);
	memset(by, 0, sizeof *by);
}
