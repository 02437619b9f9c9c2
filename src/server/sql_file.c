#include "server/sql_file.h"

#include "base/file.h"
#include "tls/pg_answer.h"

#include <libpq-fe.h>

#include <stdlib.h>
#include <string.h>

/* A text of these bytes, as the server's file system has them. */
static void add_path(struct pga_text *words, const char *path)
{
	const size_t length = strlen(path);
	char *hex = malloc(length * 2 + 1);

	if (hex == NULL) {
		words->failed = true;
		return;
	}
	pga_hex((const unsigned char *)path, length, hex);
	pga_text_addf(words,
		      "pg_catalog.convert_from(pg_catalog.decode('%s', 'hex'), "
		      "pg_catalog.getdatabaseencoding())",
		      hex);
	free(hex);
}

/* The rows of what words asks with these bytes as $1 and $2; words is freed. */
static PGresult *ask(struct pga_cluster_session *session, struct pga_text *words,
		     const struct pga_text *first, const struct pga_text *second,
		     struct pga_error *error)
{
	const struct pga_text *const parameters[] = {first, second};
	const int count = first == NULL ? 0 : second == NULL ? 1 : 2;
	PGresult *rows = NULL;

	if (words->failed)
		(void)pga_fail_memory(error);
	else
		rows =
		    pga_cluster_ask_with(session, pga_text_string(words), parameters, count, error);
	pga_text_free(words);
	return rows;
}

int pga_sql_file_read(struct pga_cluster_session *session, const char *path, struct pga_text *bytes,
		      bool *found, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	unsigned char *value = NULL;
	size_t length = 0;
	PGresult *rows;

	pga_text_add(&words, "SELECT pg_catalog.pg_read_binary_file(");
	add_path(&words, path);
	pga_text_addf(&words, ", 0, %zu, true)", PGA_FILE_LIMIT + 1);
	rows = ask(session, &words, NULL, NULL, error);
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
	if (bytes->failed)
		return pga_fail_memory(error);
	return length <= PGA_FILE_LIMIT
		   ? 0
		   : pga_fail(error, "nothing was changed", "%s: larger than %zu MiB", path,
			      PGA_FILE_LIMIT / 1024 / 1024);
}

int pga_sql_file_list(struct pga_cluster_session *session, const char *path, struct pga_text *names,
		      struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows;

	pga_text_add(&words, "SELECT name FROM pg_catalog.pg_ls_dir(");
	add_path(&words, path);
	pga_text_add(&words, ") AS l(name) WHERE NOT (pg_catalog.pg_stat_file(pg_catalog.concat(");
	add_path(&words, path);
	pga_text_add(&words, ", '/', name), true)).isdir");
	rows = ask(session, &words, NULL, NULL, error);
	if (rows == NULL)
		return -1;
	for (int i = 0; i < PQntuples(rows); i++)
		pga_text_add_bytes(names, pga_pg_value(rows, i, 0),
				   strlen(pga_pg_value(rows, i, 0)) + 1);
	PQclear(rows);
	return names->failed ? pga_fail_memory(error) : 0;
}

int pga_sql_file_is_unloaded(struct pga_cluster_session *session, const char *path, bool *unloaded,
			     struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *row;

	pga_text_add(&words, "SELECT coalesce((pg_catalog.pg_stat_file(");
	add_path(&words, path);
	pga_text_add(&words, ", true)).change OPERATOR(pg_catalog.>) "
			     "pg_catalog.pg_conf_load_time(), true)");
	row = ask(session, &words, NULL, NULL, error);
	if (row == NULL)
		return -1;
	*unloaded = pga_pg_value(row, 0, 0)[0] == 't';
	PQclear(row);
	return 0;
}

int pga_sql_file_look(struct pga_cluster_session *session, const char *path,
		      const struct pga_text *before, const struct pga_text *after,
		      enum pga_sql_file_state *state, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows;

	pga_text_add(&words, "SELECT CASE WHEN now OPERATOR(pg_catalog.=) $1 THEN 0 WHEN now "
			     "OPERATOR(pg_catalog.=) pg_catalog.substr($2, 1, "
			     "pg_catalog.length(now)) THEN 1 ELSE 2 END FROM "
			     "pg_catalog.pg_read_binary_file(");
	add_path(&words, path);
	pga_text_add(&words, ") AS now");
	rows = ask(session, &words, before, after, error);
	if (rows == NULL)
		return -1;
	switch (pga_pg_value(rows, 0, 0)[0]) {
	case '0':
		*state = PGA_SQL_FILE_BEFORE;
		break;
	case '1':
		*state = PGA_SQL_FILE_AFTER_OR_PART;
		break;
	default:
		*state = PGA_SQL_FILE_OTHER;
	}
	PQclear(rows);
	return 0;
}

/* The statements may be logged, as others are; what is in the file may not. Of 12 and older no
 * setting tells one from the other. What a module is not loaded for the server does not know. */
static int keep_out_of_log(struct pga_cluster_session *session, struct pga_error *error)
{
	return pga_cluster_command(
	    session,
	    "SELECT pg_catalog.set_config(quiet.name, quiet.value, false) FROM (VALUES "
	    "('log_parameter_max_length', '0', 190000), "
	    "('log_parameter_max_length_on_error', '0', 190000), "
	    "('auto_explain.log_parameter_max_length', '0', 190000), "
	    "('pgaudit.log_parameter', 'off', 190000), "
	    "('log_statement', 'none', 120099), ('log_min_duration_statement', '-1', 120099), "
	    "('log_min_error_statement', 'panic', 120099)) AS quiet (name, value, until) JOIN "
	    "pg_catalog.pg_settings AS set ON set.name OPERATOR(pg_catalog.=) quiet.name WHERE "
	    "pg_catalog.current_setting('server_version_num')::pg_catalog.int4 "
	    "OPERATOR(pg_catalog.<=) quiet.until",
	    error);
}

/* Makes a large object of the bytes. Returns -1 with the reason. */
static int make_object(struct pga_cluster_session *session, const struct pga_text *bytes,
		       unsigned long *object, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows;

	pga_text_add(&words, "SELECT pg_catalog.lo_from_bytea(0, $1)");
	rows = ask(session, &words, bytes, NULL, error);
	if (rows == NULL)
		return -1;
	*object = strtoul(pga_pg_value(rows, 0, 0), NULL, 10);
	PQclear(rows);
	return 0;
}

static int export_object(struct pga_cluster_session *session, unsigned long object,
			 const char *path, const struct pga_text *there, bool part,
			 struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows;
	int count;

	pga_text_addf(&words, "SELECT pg_catalog.lo_export(%lu, name) FROM ", object);
	add_path(&words, path);
	pga_text_addf(&words,
		      " AS name, LATERAL pg_catalog.pg_read_binary_file(name) AS now WHERE now "
		      "OPERATOR(pg_catalog.=) pg_catalog.substr($1, 1%s)",
		      part ? ", pg_catalog.length(now)" : "");
	rows = ask(session, &words, there, NULL, error);
	if (rows == NULL)
		return -1;
	count = PQntuples(rows);
	PQclear(rows);
	return count == 1 ? 0 : pga_fail(error, NULL, "another program has changed it meanwhile");
}

/* The large object is gone with its transaction, however that ends. */
int pga_sql_file_write(struct pga_cluster_session *session, const char *path,
		       const struct pga_text *there, bool part, const struct pga_text *bytes,
		       struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	unsigned long object = 0;
	int result = -1;

	if (keep_out_of_log(session, error) != 0 ||
	    pga_cluster_command(session, "BEGIN READ WRITE", error) != 0)
		return -1;
	if (make_object(session, bytes, &object, error) == 0 &&
	    export_object(session, object, path, there, part, error) == 0) {
		pga_text_addf(&words, "SELECT pg_catalog.lo_unlink(%lu)", object);
		result = words.failed
			     ? pga_fail_memory(error)
			     : pga_cluster_command(session, pga_text_string(&words), error);
		pga_text_free(&words);
	}
	if (result == 0)
		return pga_cluster_command(session, "COMMIT", error);
	(void)pga_cluster_command(session, "ROLLBACK", &ignored);
	return -1;
}
