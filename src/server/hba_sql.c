#include "server/hba_sql.h"

#include "base/file.h"

#include <string.h>

/* Adds bytes as an expression, whatever they are. */
static void add_bytes(struct pga_text *words, const char *bytes, size_t length)
{
	pga_text_add(words, "pg_catalog.decode('");
	for (size_t i = 0; i < length; i++)
		pga_text_addf(words, "%02x", (unsigned)(unsigned char)bytes[i]);
	pga_text_add(words, "', 'hex')");
}

/* The same of a name. */
static void add_name(struct pga_text *words, const char *name)
{
	pga_text_add(words, "pg_catalog.convert_from(");
	add_bytes(words, name, strlen(name));
	pga_text_add(words, ", pg_catalog.getdatabaseencoding())");
}

static PGresult *ask(struct pga_cluster_session *session, struct pga_text *words,
		     struct pga_error *error)
{
	PGresult *rows = NULL;

	if (words->failed)
		(void)pga_fail_memory(error);
	else
		rows = pga_cluster_ask(session, pga_text_string(words), error);
	pga_text_free(words);
	return rows;
}

static int read_by_sql(void *context, const char *path, struct pga_text *bytes, bool *found,
		       struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	unsigned char *value;
	size_t length = 0;
	PGresult *rows;

	pga_text_add(&words, "SELECT pg_catalog.pg_read_binary_file(");
	add_name(&words, path);
	pga_text_addf(&words, ", 0, %zu, true)", PGA_FILE_LIMIT);
	rows = ask(context, &words, error);
	if (rows == NULL)
		return -1;
	*found = PQgetisnull(rows, 0, 0) == 0;
	value = PQunescapeBytea((const unsigned char *)PQgetvalue(rows, 0, 0), &length);
	PQclear(rows);
	if (value != NULL)
		pga_text_add_bytes(bytes, value, length);
	PQfreemem(value);
	if (value == NULL || bytes->failed)
		return pga_fail_memory(error);
	return length < PGA_FILE_LIMIT
		   ? 0
		   : pga_fail(error, NULL, "%s: it is too large for a file of rules", path);
}

static int list_by_sql(void *context, const char *path, struct pga_text *names,
		       struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	PGresult *rows;

	pga_text_add(&words, "SELECT name FROM (SELECT ");
	add_name(&words, path);
	pga_text_add(&words, ") AS d(path), pg_catalog.pg_ls_dir(path) AS f(name) WHERE NOT "
			     "(pg_catalog.pg_stat_file(pg_catalog.concat(path, '/', name), "
			     "true)).isdir");
	rows = ask(context, &words, error);
	if (rows == NULL)
		return -1;
	for (int i = 0; i < PQntuples(rows); i++)
		pga_text_add_bytes(names, PQgetvalue(rows, i, 0),
				   strlen(PQgetvalue(rows, i, 0)) + 1);
	PQclear(rows);
	return names->failed ? pga_fail_memory(error) : 0;
}

struct pga_hba_source pga_hba_by_sql(struct pga_cluster_session *session)
{
	return (struct pga_hba_source){
	    .read = read_by_sql, .list = list_by_sql, .context = session};
}

/* Byte for byte: COPY would write tabs and backslashes otherwise. */
int pga_hba_sql_write(struct pga_cluster_session *session, const char *path,
		      const struct pga_text *before, const struct pga_text *after,
		      struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	int result;

	pga_text_add(&words, "DO $pganchor$ DECLARE made oid; name text := ");
	add_name(&words, path);
	pga_text_add(&words, "; BEGIN ");
	if (before != NULL) {
		pga_text_add(&words, "IF pg_catalog.pg_read_binary_file(name) "
				     "OPERATOR(pg_catalog.<>) ");
		add_bytes(&words, pga_text_string(before), before->length);
		pga_text_add(&words,
			     " THEN RAISE 'another program has changed it meanwhile'; END IF; ");
	}
	pga_text_add(&words, "made := pg_catalog.lo_from_bytea(0, ");
	add_bytes(&words, pga_text_string(after), after->length);
	pga_text_add(&words, "); PERFORM pg_catalog.lo_export(made, name); PERFORM "
			     "pg_catalog.lo_unlink(made); END $pganchor$");
	result = words.failed ? pga_fail_memory(error)
			      : pga_cluster_command(session, pga_text_string(&words), error);
	pga_text_free(&words);
	return result;
}
