#include "server/require_sql.h"

#include "base/cleanup.h"
#include "cert/cluster_sql.h"
#include "server/hba_change.h"
#include "server/require.h"

#include <stdlib.h>
#include <string.h>

static int take_file(struct pga_require_by_sql *by, const PGresult *row, struct pga_error *error)
{
	struct pga_hba_part *part = calloc(1, sizeof *part);
	unsigned char *bytes = NULL;
	size_t length = 0;
	int result;

	if (part == NULL)
		return pga_fail_memory(error);
	by->tree.version = (int)strtol(PQgetvalue(row, 0, 0), NULL, 10) / 10000;
	by->tree.parts = part;
	by->tree.part_count = 1;
	part->path = strdup(PQgetvalue(row, 0, 1));
	bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(row, 0, 2), &length);
	if (part->path == NULL || bytes == NULL)
		result = pga_fail_memory(error);
	else
		result = pga_hba_read(&part->file, part->path, (const char *)bytes, length,
				      by->tree.version, error);
	PQfreemem(bytes);
	for (size_t i = 0; result == 0 && i < part->file.count; i++) {
		const enum pga_hba_kind kind = part->file.lines[i].kind;

		if (kind == PGA_HBA_INCLUDE ||
		    pga_hba_becomes(&part->file.lines[i]) == PGA_HBA_CANNOT)
			result =
			    pga_fail(error, "on the server: pganchor server require-tls --data-dir",
				     "%s, line %zu: what is in other files cannot be seen "
				     "from here",
				     part->path, part->file.lines[i].number);
		if (result == 0 && kind == PGA_HBA_RULE)
			result = pga_hba_tree_add(&by->tree, 0, i, error);
	}
	return result;
}

static int read_file(struct pga_require_by_sql *by, struct pga_error *error)
{
	PGresult *row = pga_cluster_ask(
	    by->login.session,
	    "SELECT pg_catalog.current_setting('server_version_num'), "
	    "pg_catalog.current_setting('hba_file'), "
	    "pg_catalog.pg_read_binary_file(pg_catalog.current_setting('hba_file'))",
	    error);
	int result = row != NULL ? take_file(by, row, error) : -1;

	PQclear(row);
	return result;
}

int pga_require_sql_plan(struct pga_require_by_sql *by, const char *service,
			 const struct pga_policy *policy, const struct pga_pins *pins,
			 struct pga_error *error)
{
	memset(by, 0, sizeof *by);
	if (pga_service_login(&by->login, service, policy, pins, false, error) != 0 ||
	    read_file(by, error) != 0 ||
	    pga_hba_check_view(by->login.session, &by->tree, false, error) != 0)
		return -1;
	by->changes = pga_hba_require_tls(&by->tree.parts[0].file, &by->after);
	return by->after.failed ? pga_fail_memory(error) : 0;
}

/* Byte for byte: COPY would write tabs and backslashes otherwise. */
static int write_file(struct pga_require_by_sql *by, const struct pga_text *before,
		      const struct pga_text *bytes, struct pga_error *error)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	char *hex = malloc(bytes->length * 2 + 1);
	char *was = malloc(before->length * 2 + 1);
	int result = -1;

	if (hex == NULL || was == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	pga_hex((const unsigned char *)pga_text_string(bytes), bytes->length, hex);
	pga_hex((const unsigned char *)pga_text_string(before), before->length, was);
	pga_text_addf(
	    &words,
	    "DO $pganchor$ DECLARE made oid; name text := pg_catalog.current_setting('hba_file'); "
	    "BEGIN IF pg_catalog.pg_read_binary_file(name) OPERATOR(pg_catalog.<>) "
	    "pg_catalog.decode('%s', 'hex') THEN RAISE 'another program has changed it "
	    "meanwhile'; END IF; made := pg_catalog.lo_from_bytea(0, pg_catalog.decode('%s', "
	    "'hex')); PERFORM pg_catalog.lo_export(made, name); PERFORM "
	    "pg_catalog.lo_unlink(made); END $pganchor$",
	    was, hex);
	result = words.failed
		     ? pga_fail_memory(error)
		     : pga_cluster_command(by->login.session, pga_text_string(&words), error);
done:
	pga_text_free(&words);
	free(hex);
	free(was);
	return result;
}

static int prove(struct pga_require_by_sql *by, struct pga_error *error)
{
	PGconn *connection = pga_service_connect(by->login.service);
	const char *said = PQerrorMessage(connection);
	int result = 0;

	if (PQstatus(connection) != CONNECTION_OK)
		result = pga_fail(error, NULL, "a new connection does not get in: %.*s",
				  (int)strcspn(said, "\n"), said);
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

static int write_back(struct pga_require_by_sql *by, struct pga_error *error)
{
	const struct pga_error first = *error;
	struct pga_error why;

	if (write_file(by, &by->after, &by->tree.parts[0].file.bytes, &why) == 0 &&
	    pga_cluster_reload(by->login.session, &why) == 0)
		return pga_fail(error, "it was written back as it was", "TLS is not required: %s",
				first.message);
	return pga_fail(error, "look at the file on the server",
			"TLS is not required: %s; and the file could not be written back: %s",
			first.message, why.message);
}

int pga_require_sql_apply(struct pga_require_by_sql *by, struct pga_error *error)
{
	sigset_t signals;
	int result;

	pga_signals_hold(&signals);
	result = write_file(by, &by->tree.parts[0].file.bytes, &by->after, error);
	if (result != 0) {
		pga_signals_release(&signals);
		return -1;
	}
	if (result == 0)
		result = pga_hba_check_view(by->login.session, &by->tree, true, error);
	if (result == 0)
		result = pga_cluster_reload(by->login.session, error);
	if (result == 0)
		result = prove(by, error);
	if (result != 0)
		result = write_back(by, error);
	pga_signals_release(&signals);
	return result;
}

void pga_require_sql_end(struct pga_require_by_sql *by)
{
	pga_text_free(&by->after);
	pga_hba_tree_free(&by->tree);
	pga_service_leave(&by->login);
	memset(by, 0, sizeof *by);
}
