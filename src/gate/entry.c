/* The functions that begin a connection. Here a weak one gets the good error message, and the
 * settings that were judged are locked by appending them: the last value of a keyword counts. What
 * slips past here meets the wall. */
#include "gate/doors.h"

#include <stdlib.h>
#include <string.h>

/* What the gate decides about one call. */
struct decision {
	bool admitted;
	const char *locks[3][2]; /* keyword and value, to append */
	size_t lock_count;
	struct pga_text refusal;
};

static void add_lock(struct decision *decision, const char *keyword, const char *value)
{
	decision->locks[decision->lock_count][0] = keyword;
	decision->locks[decision->lock_count][1] = value;
	decision->lock_count++;
}

/* Returns false where libpq itself refuses the parameters: then there is nothing to decide. */
static bool decide(const struct gate_libpq *libpq, const struct pga_parameters *parameters,
		   struct decision *decision)
{
	struct gate_judgement judgement = {0};
	const struct pga_verdict *verdict = &judgement.verdict;
	const struct gate_rules *rules;
	struct pga_error error;
	bool locks;
	int asked;

	memset(decision, 0, sizeof *decision);
	asked = pga_effective_ask_quietly(&libpq->calls, parameters, &judgement.effective, &error);
	if (asked > 0)
		return false;
	if (asked < 0) {
		pga_text_add(&decision->refusal, "pganchor refused this connection: out of memory");
		return true;
	}
	rules = gate_rules_acquire();
	gate_judge(libpq, rules, parameters, true, &judgement);
	decision->admitted = judgement.admitted;
	if (judgement.admitted && verdict->reasons > 0)
		gate_journal(rules, &judgement.effective, pga_text_string(&judgement.refusal));
	/* In audit mode every connection is made as it would be without the gate, the allowed ones
	 * too: one that takes GSSAPI encryption, where a ticket is at hand, goes on doing so. The
	 * wall sees it, and tells. */
	locks = verdict->allowed && rules->policy.mode == PGA_MODE_ENFORCE;
	if (locks && verdict->needs_tls)
		add_lock(decision, "sslmode", "verify-full");
	if (locks && verdict->lock_gss)
		add_lock(decision, "gssencmode", "disable");
	if (locks && verdict->lock_min_tls)
		add_lock(decision, "ssl_min_protocol_version", pga_verdict_min_tls(&rules->policy));
	gate_rules_release(rules);
	decision->refusal = judgement.refusal;
	judgement.refusal = (struct pga_text)PGA_TEXT_EMPTY;
	gate_judgement_free(libpq, &judgement);
	return true;
}

/* The parameters with the locks behind them. The caller frees both arrays. */
static bool append_locks(const struct pga_parameters *parameters, const struct decision *decision,
			 const char ***keywords, const char ***values)
{
	size_t count = 0;

	while (parameters->keywords[count] != NULL)
		count++;
	*keywords = calloc(count + decision->lock_count + 1, sizeof **keywords);
	*values = calloc(count + decision->lock_count + 1, sizeof **values);
	if (*keywords == NULL || *values == NULL)
		return false;
	memcpy(*keywords, parameters->keywords, count * sizeof **keywords);
	memcpy(*values, parameters->values, count * sizeof **values);
	for (size_t i = 0; i < decision->lock_count; i++) {
		(*keywords)[count + i] = decision->locks[i][0];
		(*values)[count + i] = decision->locks[i][1];
	}
	return true;
}

static PGconn *refused(struct gate_libpq *libpq, const struct pga_parameters *parameters,
		       const struct decision *decision)
{
	const char *message = pga_text_string(&decision->refusal);
	PGconn *conn = pga_effective_stillborn(&libpq->calls, parameters, "target_session_attrs",
					       "refused-by-pganchor");

	if (conn != NULL)
		gate_refuse(libpq, conn, message);
	return conn;
}

/* For a libpq whose calls of its own PQconnectPoll do not come to the gate (linked with -Bsymbolic,
 * say): a connection that was made in one call has not met the wall, and is looked at now. */
static PGconn *look_behind(struct gate_libpq *libpq, PGconn *conn,
			   const struct pga_parameters *parameters)
{
	struct decision decision;
	bool holds;

	if (conn == NULL || libpq->wall_seen || libpq->calls.status(conn) != CONNECTION_OK)
		return conn;
	memset(&decision, 0, sizeof decision);
	holds = gate_conn_holds(libpq, conn, &decision.refusal);
	if (!holds) {
		libpq->calls.finish(conn);
		conn = refused(libpq, parameters, &decision);
	}
	pga_text_free(&decision.refusal);
	return conn;
}

static PGconn *enter(gate_make *make, const char *const *keywords, const char *const *values,
		     int expand_dbname)
{
	PGconn *conn;

	gate_entered = true;
	conn = make(keywords, values, expand_dbname);
	gate_entered = false;
	gate_wall_leave();
	return conn;
}

PGconn *gate_enter(struct gate_libpq *libpq, gate_make *make,
		   const struct pga_parameters *parameters)
{
	struct decision decision;
	const char **keywords = NULL;
	const char **values = NULL;
	PGconn *conn = NULL;

	if (!decide(libpq, parameters, &decision))
		return make(parameters->keywords, parameters->values, parameters->expand_dbname);
	if (!decision.admitted)
		conn = refused(libpq, parameters, &decision);
	else if (append_locks(parameters, &decision, &keywords, &values))
		conn = enter(make, keywords, values, parameters->expand_dbname);
	free(keywords);
	free(values);
	pga_text_free(&decision.refusal);
	return decision.admitted ? look_behind(libpq, conn, parameters) : conn;
}

/* A connection string as parameters: libpq expands a dbname that is one. */
struct conninfo_parameters {
	const char *keywords[2];
	const char *values[2];
	struct pga_parameters parameters;
};

static bool parses(const struct gate_libpq *libpq, const char *conninfo, bool *says_something)
{
	char *message = NULL;
	PQconninfoOption *options =
	    conninfo != NULL ? libpq->calls.conninfoParse(conninfo, &message) : NULL;

	if (message != NULL)
		libpq->calls.freemem(message);
	if (options == NULL)
		return false;
	for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
		*says_something = *says_something || option->val != NULL;
	libpq->calls.conninfoFree(options);
	return true;
}

/* Returns false where libpq finds an error in the string, or would not take it for one as the value
 * of dbname: then libpq's own function says what it has to say. A string without any setting is no
 * connection string to PQconnectdbParams, and stands for no parameters. */
static bool as_parameters(const struct gate_libpq *libpq, const char *conninfo,
			  struct conninfo_parameters *made)
{
	/* What has a "=" is a connection string as the value of dbname too. */
	bool says_something = conninfo != NULL && strchr(conninfo, '=') != NULL;

	if (!says_something && !parses(libpq, conninfo, &says_something))
		return false;
	memset(made, 0, sizeof *made);
	made->keywords[0] = says_something ? "dbname" : NULL;
	made->values[0] = says_something ? conninfo : NULL;
	made->parameters.keywords = made->keywords;
	made->parameters.values = made->values;
	made->parameters.expand_dbname = 1;
	return true;
}

PGconn *gate_enter_string(struct gate_libpq *libpq, const char *conninfo)
{
	struct conninfo_parameters made;

	if (!as_parameters(libpq, conninfo, &made))
		return libpq->connectdb(conninfo);
	return gate_enter(libpq, libpq->connectdbParams, &made.parameters);
}

PGconn *gate_PQconnectdb(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	if (libpq == NULL)
		return NULL;
	return internal ? libpq->connectdb(conninfo) : gate_enter_string(libpq, conninfo);
}

PGconn *gate_PQconnectStart(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	struct conninfo_parameters made;

	if (libpq == NULL)
		return NULL;
	if (internal || !as_parameters(libpq, conninfo, &made))
		return libpq->connectStart(conninfo);
	return gate_enter(libpq, libpq->calls.connectStartParams, &made.parameters);
}

PGconn *gate_PQconnectdbParams(struct gate_libpq *libpq, bool internal, const char *const *keywords,
			       const char *const *values, int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	if (libpq == NULL)
		return NULL;
	if (internal || keywords == NULL || values == NULL)
		return libpq->connectdbParams(keywords, values, expand_dbname);
	return gate_enter(libpq, libpq->connectdbParams, &parameters);
}

PGconn *gate_PQconnectStartParams(struct gate_libpq *libpq, bool internal,
				  const char *const *keywords, const char *const *values,
				  int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	if (libpq == NULL)
		return NULL;
	if (internal || keywords == NULL || values == NULL)
		return libpq->calls.connectStartParams(keywords, values, expand_dbname);
	return gate_enter(libpq, libpq->calls.connectStartParams, &parameters);
}

/* In PQsetdbLogin(), dbname may be a connection string, and each other argument that is not empty
 * overrides it: just as parameters behind dbname do. */
PGconn *gate_PQsetdbLogin(struct gate_libpq *libpq, bool internal, const char *pghost,
			  const char *pgport, const char *pgoptions, const char *pgtty,
			  const char *dbName, const char *login, const char *pwd)
{
	const char *const keywords[] = {"dbname", "host",     "port", "options",
					"user",   "password", NULL};
	const char *const values[] = {dbName, pghost, pgport, pgoptions, login, pwd, NULL};
	const struct pga_parameters parameters = {keywords, values, 1};

	if (libpq == NULL)
		return NULL;
	if (internal)
		return libpq->setdbLogin(pghost, pgport, pgoptions, pgtty, dbName, login, pwd);
	return gate_enter(libpq, libpq->connectdbParams, &parameters);
}

static PGPing ping_inside(const struct gate_libpq *libpq, const char *const *keywords,
			  const char *const *values, int expand_dbname)
{
	PGPing answer;

	gate_entered = true;
	answer = libpq->pingParams(keywords, values, expand_dbname);
	gate_entered = false;
	gate_wall_leave();
	return answer;
}

/* A ping gives back a number and no object that could say why. */
static PGPing ping(struct gate_libpq *libpq, const struct pga_parameters *parameters)
{
	struct decision decision;
	const char **keywords = NULL;
	const char **values = NULL;
	PGPing answer = PQPING_NO_ATTEMPT;

	if (!decide(libpq, parameters, &decision))
		return libpq->pingParams(parameters->keywords, parameters->values,
					 parameters->expand_dbname);
	if (!decision.admitted) {
		gate_notice(pga_text_string(&decision.refusal));
	} else if (append_locks(parameters, &decision, &keywords, &values)) {
		answer = ping_inside(libpq, keywords, values, parameters->expand_dbname);
	}
	free(keywords);
	free(values);
	pga_text_free(&decision.refusal);
	return answer;
}

PGPing gate_PQping(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	struct conninfo_parameters made;

	if (libpq == NULL)
		return PQPING_NO_ATTEMPT;
	if (internal || !as_parameters(libpq, conninfo, &made))
		return libpq->ping(conninfo);
	return ping(libpq, &made.parameters);
}

PGPing gate_PQpingParams(struct gate_libpq *libpq, bool internal, const char *const *keywords,
			 const char *const *values, int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	if (libpq == NULL)
		return PQPING_NO_ATTEMPT;
	if (internal || keywords == NULL || values == NULL)
		return libpq->pingParams(keywords, values, expand_dbname);
	return ping(libpq, &parameters);
}
