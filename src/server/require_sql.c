#include "server/require_sql.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "cert/cluster_sql.h"
#include "server/hba_change.h"
#include "server/require.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

/* A literal of these bytes. */
static void add_bytea(struct pga_text *words, const char *bytes, size_t length)
{
	char *hex = malloc(length * 2 + 1);

	if (hex == NULL) {
		words->failed = true;
		return;
	}
	pga_hex((const unsigned char *)bytes, length, hex);
	pga_text_addf(words, "pg_catalog.decode('%s', 'hex')", hex);
	free(hex);
}

static void add_text(struct pga_text *words, const struct pga_text *bytes)
{
	add_bytea(words, pga_text_string(bytes), bytes->length);
}

/* Files by the server's own functions: the context is the session. */
static int read_by_sql(void *context, const char *path, struct pga_text *bytes, bool *found,
		       struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	unsigned char *value = NULL;
	PGresult *rows = NULL;
	size_t length = 0;

	pga_text_add(&words, "SELECT pg_catalog.pg_read_binary_file(pg_catalog.convert_from(");
	add_bytea(&words, path, strlen(path));
	pga_text_addf(&words, ", pg_catalog.getdatabaseencoding()), 0, %zu, true)", PGA_FILE_LIMIT);
	if (words.failed)
		(void)pga_fail_memory(error);
	else
		rows = pga_cluster_ask(context, pga_text_string(&words), error);
	pga_text_free(&words);
	if (rows == NULL)
		return -1;
	*found = PQntuples(rows) == 1 && PQgetisnull(rows, 0, 0) == 0;
	if (*found) {
		value = PQunescapeBytea((const unsigned char *)pga_pg_value(rows, 0, 0), &length);
		if (value != NULL)
			pga_text_add_bytes(bytes, value, length);
		bytes->failed = bytes->failed || value == NULL;
	}
	PQfreemem(value);
	PQclear(rows);
	return bytes->failed ? pga_fail_memory(error) : 0;
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
			    error, "on the server: pganchor server require-tls --data-dir",
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

/* What its file is by now. lo_export truncates it first: one that fails, on a full disk say, leaves
 * the beginning of what it was to write. */
enum found { FOUND_BEFORE, FOUND_AFTER_OR_PART, FOUND_OTHER };

static int look(struct pga_require_by_sql *by, enum found *found, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *row = NULL;

	pga_text_add(&words, "SELECT CASE WHEN now OPERATOR(pg_catalog.=) ");
	add_text(&words, &by->tree.parts[0].file.bytes);
	pga_text_add(&words, " THEN 0 WHEN now OPERATOR(pg_catalog.=) pg_catalog.substr(");
	add_text(&words, &by->after);
	pga_text_add(&words, ", 1, pg_catalog.length(now)) THEN 1 ELSE 2 END FROM "
			     "pg_catalog.pg_read_binary_file(pg_catalog.current_setting("
			     "'hba_file')) AS now");
	if (words.failed)
		(void)pga_fail_memory(error);
	else
		row = pga_cluster_ask(by->login.session, pga_text_string(&words), error);
	if (row != NULL)
		*found = (enum found)(pga_pg_value(row, 0, 0)[0] - '0');
	PQclear(row);
	pga_text_free(&words);
	return row != NULL ? 0 : -1;
}

/* Byte for byte: COPY would write tabs and backslashes otherwise. part: the beginning of what is to
 * be there is enough to be replaced. */
static int write_file(struct pga_require_by_sql *by, const struct pga_text *there, bool part,
		      const struct pga_text *bytes, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	int result;

	/* Secrets may be in it, such as that of a directory: not for the log. */
	pga_text_add(&words, "SET LOCAL log_min_error_statement TO panic; "
			     "DO $pganchor$ DECLARE made oid; name text := "
			     "pg_catalog.current_setting('hba_file'); now bytea := "
			     "pg_catalog.pg_read_binary_file(name); BEGIN IF now "
			     "OPERATOR(pg_catalog.<>) pg_catalog.substr(");
	add_text(&words, there);
	pga_text_addf(&words, ", 1%s", part ? ", pg_catalog.length(now)" : "");
	pga_text_add(&words, ") THEN RAISE 'another program has changed it meanwhile'; END IF; "
			     "made := pg_catalog.lo_from_bytea(0, ");
	add_text(&words, bytes);
	pga_text_add(&words, "); PERFORM pg_catalog.lo_export(made, name); PERFORM "
			     "pg_catalog.lo_unlink(made); END $pganchor$");
	result = words.failed
		     ? pga_fail_memory(error)
		     : pga_cluster_command(by->login.session, pga_text_string(&words), error);
	pga_text_free(&words);
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
	enum found found = FOUND_OTHER;
	struct pga_error why;
	int result = look(by, &found, &why);

	if (result == 0 && found == FOUND_OTHER)
		return pga_fail(error,
				"look at the file on the server; it is not pganchor's any more, "
				"and was left alone",
				"TLS is not required: %s; and another program has changed the file",
				first.message);
	if (result == 0 && found == FOUND_BEFORE && !loaded)
		return pga_fail(error, "nothing was changed", "TLS is not required: %s",
				first.message);
	if (result == 0 && found == FOUND_AFTER_OR_PART)
		result = write_file(by, &by->after, true, &by->tree.parts[0].file.bytes, &why);
	if (result == 0)
		result = pga_cluster_reload(by->login.session, &why);
	if (result == 0)
		return pga_fail(error, "it was written back as it was", "TLS is not required: %s",
				first.message);
	return pga_fail(error,
			"put it right on the server: all of it, or a part, may be as it was to "
			"become",
			"TLS is not required: %s; and the file could not be written back: %s",
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
