#include "server/require_sql.h"

#include "base/cleanup.h"
#include "cert/cluster_sql.h"
#include "policy/linked.h"
#include "policy/verdict.h"
#include "server/hba_change.h"
#include "server/require.h"
#include "service/ask.h"
#include "service/check_many.h"

#include <stdlib.h>
#include <string.h>

static void ignore_progress(void *context, size_t done)
{
	(void)context;
	(void)done;
}

/* No password goes to a server that is weaker than the policy wants, or not verified. */
static int verify(const struct pga_require_by_sql *by, const struct pga_policy *policy,
		  const struct pga_pins *pins, struct pga_error *error)
{
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {by->service, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_checked_service *checked = calloc(1, sizeof *checked);
	struct pga_effective effective = {0};
	struct pga_verdict verdict;
	int result = -1;

	if (checked == NULL)
		return pga_fail_memory(error);
	checked->name = by->service;
	if (pga_ask(&parameters, &effective, error) != 0)
		goto done;
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	pga_judge(&effective, policy, &verdict);
	if (!verdict.allowed || !verdict.needs_tls)
		(void)pga_fail(error, "pganchor service harden makes it verify-full",
			       "service %s is weaker than verify-full", by->service);
	else if (pga_check_many(checked, 1, policy, pins, ignore_progress, NULL, error) != 0)
		(void)0;
	else if (checked->problem != NULL || !checked->trusted)
		(void)pga_fail(error, "pganchor probe says more",
			       "the server of %s is not verified: %s", by->service,
			       checked->problem != NULL ? checked->problem
							: "its root is not pinned for it");
	else
		result = 0;
	pga_verdict_free(&verdict);
	pga_effective_free(&pga_linked_libpq, &effective);
done:
	pga_checked_services_free(checked, 1);
	return result;
}

static PGconn *connect_to(const char *service)
{
	const char *const keywords[] = {"service",    "application_name", "client_encoding",
					"gssencmode", "connect_timeout",  NULL};
	const char *const values[] = {service, "pganchor", "UTF8", "disable", "10", NULL};

	return PQconnectdbParams(keywords, values, 0);
}

static int enter(struct pga_require_by_sql *by, struct pga_error *error)
{
	PGconn *connection = connect_to(by->service);
	const char *said = PQerrorMessage(connection);

	if (PQstatus(connection) != CONNECTION_OK || PQsslInUse(connection) != 1) {
		(void)pga_fail(error, NULL, "could not log in by service %s: %.*s", by->service,
			       (int)strcspn(said, "\n"), said);
		PQfinish(connection);
		return -1;
	}
	by->host =
	    strdup(PQhostaddr(connection)[0] != '\0' ? PQhostaddr(connection) : PQhost(connection));
	by->user = strdup(PQuser(connection));
	by->database = strdup(PQdb(connection));
	by->port = (unsigned)strtoul(PQport(connection), NULL, 10);
	by->session = pga_cluster_session_of(connection, error);
	if (by->session == NULL)
		return -1;
	return by->host != NULL && by->user != NULL && by->database != NULL
		   ? pga_cluster_command(by->session,
					 "SELECT pg_catalog.set_config('search_path', '', false)",
					 error)
		   : pga_fail_memory(error);
}

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
	    by->session,
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
	by->service = service;
	if (verify(by, policy, pins, error) != 0 || enter(by, error) != 0 ||
	    read_file(by, error) != 0 ||
	    pga_hba_check_view(by->session, &by->tree, false, error) != 0)
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
	result = words.failed ? pga_fail_memory(error)
			      : pga_cluster_command(by->session, pga_text_string(&words), error);
done:
	pga_text_free(&words);
	free(hex);
	free(was);
	return result;
}

static int prove(struct pga_require_by_sql *by, struct pga_error *error)
{
	PGconn *connection = connect_to(by->service);
	const char *said = PQerrorMessage(connection);
	int result = 0;

	if (PQstatus(connection) != CONNECTION_OK)
		result = pga_fail(error, NULL, "a new connection does not get in: %.*s",
				  (int)strcspn(said, "\n"), said);
	PQfinish(connection);
	if (result == 0) {
		const enum pga_let_in plain =
		    pga_require_come(by->host, by->port, by->user, by->database, false);

		by->proved = plain == PGA_LET_IN_NOT;
		if (plain == PGA_LET_IN)
			result =
			    pga_fail(error, NULL, "user %s of database %s is let in without TLS",
				     by->user, by->database);
	}
	return result;
}

static int write_back(struct pga_require_by_sql *by, struct pga_error *error)
{
	const struct pga_error first = *error;
	struct pga_error why;

	if (write_file(by, &by->after, &by->tree.parts[0].file.bytes, &why) == 0 &&
	    pga_cluster_reload(by->session, &why) == 0)
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
		result = pga_hba_check_view(by->session, &by->tree, true, error);
	if (result == 0)
		result = pga_cluster_reload(by->session, error);
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
	pga_cluster_leave(by->session);
	free(by->host);
	free(by->user);
	free(by->database);
	memset(by, 0, sizeof *by);
}
