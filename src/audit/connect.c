#include "audit/connect.h"

#include "service/pinned_login.h"
#include "tls/dial.h"
#include "tls/pg_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS 12

/* Where libpq has one word or another that PostgreSQL's own settings are not to be taken for. */
struct parameters {
	const char *keywords[PARAMETERS];
	const char *values[PARAMETERS];
	size_t count;
};

static void add(struct parameters *parameters, const char *keyword, const char *value)
{
	if (parameters->count + 1 >= PARAMETERS)
		return;
	parameters->keywords[parameters->count] = keyword;
	parameters->values[parameters->count++] = value;
}

int pga_audit_connect(struct pga_audit_connection *connection, const char *service,
		      const struct pga_policy *policy, const struct pga_pins *pins,
		      const struct pga_verdict *verdict, long long milliseconds,
		      struct pga_error *error)
{
	struct parameters parameters = {.count = 0};

	*connection = (struct pga_audit_connection){.deadline = pga_dial_now() + milliseconds};
	add(&parameters, "service", service);
	add(&parameters, "application_name", "pganchor audit");
	add(&parameters, "client_encoding", "UTF8");
	if (verdict->lock_gss)
		add(&parameters, "gssencmode", "disable");
	if (verdict->lock_min_tls)
		add(&parameters, "ssl_min_protocol_version", pga_verdict_min_tls(policy));
	if (verdict->lock_binding)
		add(&parameters, "channel_binding", "require");
	if (verdict->lock_auth)
		add(&parameters, "require_auth", verdict->auth);
	connection->connection = PQconnectStartParams(parameters.keywords, parameters.values, 0);
	if (connection->connection == NULL)
		return pga_fail_memory(error);
	return pga_pinned_login(connection->connection, connection->deadline, policy, pins, error);
}

static void keep_refusal(struct pga_audit_connection *connection, const PGresult *result,
			 struct pga_error *error)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	(void)snprintf(connection->sqlstate, sizeof connection->sqlstate, "%s",
		       code != NULL ? code : "");
	(void)pga_fail(error, NULL, "%s", said != NULL ? said : "the server refuses it");
}

const char *pga_audit_value(const PGresult *row, int column)
{
	return pga_pg_value(row, 0, column);
}

long pga_audit_number(const PGresult *row, int column)
{
	return strtol(pga_audit_value(row, column), NULL, 10);
}

/* What somebody has put into a schema of the server's must not be taken for a function of
 * PostgreSQL's, and nothing is to be changed there. Each question is a transaction of its own: a
 * setting of the session would be left behind for others where a pooler has put it before the
 * server. Of a database in another encoding names come as they are: the server would refuse to
 * show any where it could not convert one. */
static void add_transaction(struct pga_text *text, const PGconn *connection, const char *question)
{
	const char *encoding = PQparameterStatus(connection, "server_encoding");

	pga_text_add(text, "BEGIN READ ONLY; SET LOCAL search_path = ''; ");
	if (encoding != NULL && strcmp(encoding, "UTF8") != 0)
		pga_text_add(text, "SET LOCAL client_encoding = 'SQL_ASCII'; ");
	pga_text_addf(text, "%s; COMMIT", question);
}

struct answering {
	size_t most;
	pga_audit_row *take;
	void *context;
	size_t count; /* of rows */
	bool refused;
};

/* Returns -1 where the connection is of no use any more. */
static int take_answer(struct pga_audit_connection *connection, struct answering *answering,
		       struct pga_error *error)
{
	PGresult *result;
	bool lost = false;

	while ((result = pga_pg_answer(connection->connection, connection->deadline, &lost)) !=
	       NULL) {
		switch (PQresultStatus(result)) {
		case PGRES_SINGLE_TUPLE:
			if (answering->count++ < answering->most)
				answering->take(answering->context, result);
			else
				connection->cut = true;
			break;
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			break;
		default:
			if (!answering->refused)
				keep_refusal(connection, result, error);
			answering->refused = true;
		}
		PQclear(result);
	}
	if (lost && pga_pg_has_flooded(connection->connection))
		return pga_fail(error, NULL, "its answers do not end");
	if (lost || PQstatus(connection->connection) != CONNECTION_OK)
		return pga_login_fail(connection->connection,
				      "the time for it was over, or it answers what it was not "
				      "asked",
				      error);
	return 0;
}

static int begin(const struct pga_audit_connection *connection, const char *words,
		 struct pga_error *error)
{
	if (PQsendQuery(connection->connection, words) != 1)
		return pga_login_fail(connection->connection, "the connection is lost", error);
	(void)PQsetSingleRowMode(connection->connection);
	return 0;
}

int pga_audit_ask(struct pga_audit_connection *connection, const char *question, size_t most,
		  pga_audit_row *take, void *context, struct pga_error *error)
{
	struct answering answering = {.most = most, .take = take, .context = context};
	struct answering ending = {.most = 0};
	struct pga_error ignored;
	struct pga_text text = PGA_TEXT_EMPTY;
	int result;

	connection->sqlstate[0] = '\0';
	connection->cut = false;
	add_transaction(&text, connection->connection, question);
	result =
	    text.failed ? pga_fail_memory(error) : begin(connection, pga_text_string(&text), error);
	pga_text_free(&text);
	if (result == 0)
		result = take_answer(connection, &answering, error);
	if (result != 0 || !answering.refused)
		return result;
	/* The reason is told already. */
	if (PQtransactionStatus(connection->connection) != PQTRANS_IDLE &&
	    (begin(connection, "ROLLBACK", &ignored) != 0 ||
	     take_answer(connection, &ending, &ignored) != 0))
		return -1;
	return 1;
}

void pga_audit_leave(struct pga_audit_connection *connection)
{
	PQfinish(connection->connection);
	connection->connection = NULL;
}
