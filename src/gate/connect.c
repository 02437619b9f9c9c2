/* The functions that begin a connection. Here a weak one gets the good error message, and the
 * settings that were judged are locked by appending them: the last value of a keyword counts. What
 * slips past here meets the checks behind it. */
#include "gate/audit_log.h"
#include "gate/call.h"
#include "gate/connect_poll.h"
#include "gate/hand_over.h"
#include "gate/imports.h"
#include "gate/judge.h"
#include "gate/libpq.h"
#include "gate/notice.h"
#include "gate/refusal.h"
#include "gate/rules.h"
#include "gate/verify_error.h"
#include "gate/wrappers.h"
#include "policy/effective.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

/* libpq's own PQconnectdbParams or PQconnectStartParams. */
typedef PGconn *make_function(const char *const *keywords, const char *const *values,
			      int expand_dbname);

/* What the gate decides about one call. */
struct decision {
	bool judged; /* libpq takes the parameters; else it will say why not, and nothing begins */
	bool admitted;
	const char *locks[6][2]; /* keyword and value, to append */
	size_t lock_count;
	enum gate_lookups lookups;
	bool ambiguous; /* pga_is_ambiguous() */
	const struct gate_rules *rules;
	char auth[PGA_AUTH_TEXT];      /* of a lock */
	struct gate_passfile passfile; /* of a lock, too */
	struct pga_text refusal;
};

static void decision_free(struct decision *decision)
{
	gate_passfile_close(&decision->passfile);
	gate_rules_release(decision->rules);
	pga_text_free(&decision->refusal);
}

static void add_lock(struct decision *decision, const char *keyword, const char *value)
{
	decision->locks[decision->lock_count][0] = keyword;
	decision->locks[decision->lock_count][1] = value;
	decision->lock_count++;
}

/* A connection to Unix-domain sockets alone needs no TLS, and libpq ignores there what is locked
 * here; but between this look and libpq's own, another thread may set PGHOST. */
static void hold_socket(struct gate_libpq *libpq, const struct gate_judgement *judgement,
			struct decision *decision)
{
	const char *gss = pga_effective_value(&judgement->effective, "gssencmode");

	/* A libpq without TLS refuses to be told of verify-full. */
	if (atomic_load(&libpq->writes_seen))
		add_lock(decision, "sslmode", "verify-full");
	else
		decision->lookups = GATE_LOOK_UP_NONE;
	if (gss == NULL || decision->rules->policy.gss_encryption == PGA_ALLOW)
		return;
	/* With require, libpq has an error of its own for sockets. */
	if (strcmp(gss, "prefer") == 0)
		add_lock(decision, "gssencmode", "disable");
	else if (strcmp(gss, "disable") != 0)
		decision->lookups = GATE_LOOK_UP_NONE;
}

/* No session shows them before it is too late, so they are locked where they are strong already,
 * too: another thread may set PGREQUIREAUTH. libpq holds sockets to them as well, and knows no
 * channel binding there: a connection to those alone is left as it is. */
static void hold_login(const struct pga_verdict *verdict, struct decision *decision)
{
	if (!verdict->needs_tls)
		return;
	if (decision->rules->policy.channel_binding == PGA_BINDING_REQUIRE)
		add_lock(decision, "channel_binding", "require");
	if (verdict->auth[0] == '\0')
		return;
	memcpy(decision->auth, verdict->auth, sizeof decision->auth);
	add_lock(decision, "require_auth", decision->auth);
}

/* What was judged is to be what is connected: by settings that libpq takes from nowhere else, or,
 * where none are needed, by the hosts that it may look up. */
static void hold(struct gate_libpq *libpq, const struct gate_judgement *judgement,
		 struct decision *decision)
{
	const struct pga_verdict *verdict = &judgement->verdict;

	if (verdict->needs_tls)
		add_lock(decision, "sslmode", "verify-full");
	else if (verdict->exempt)
		decision->lookups = GATE_LOOK_UP_EXEMPT;
	else
		hold_socket(libpq, judgement, decision);
	if (verdict->lock_gss)
		add_lock(decision, "gssencmode", "disable");
	if (verdict->lock_min_tls)
		add_lock(decision, "ssl_min_protocol_version",
			 pga_verdict_min_tls(&decision->rules->policy));
	hold_login(verdict, decision);
}

/* A password of the keyring is for servers that this very connection is held to, and no others. */
static void hand_over(struct gate_libpq *libpq, const struct pga_parameters *parameters,
		      const struct gate_judgement *judgement, struct decision *decision)
{
	const struct pga_verdict *verdict = &judgement->verdict;
	const bool held = verdict->allowed && verdict->needs_tls && !verdict->local &&
			  !verdict->exempt && decision->rules->policy.mode == PGA_MODE_ENFORCE;

	gate_passwords_hand_over(libpq, decision->rules, parameters, &judgement->effective, held,
				 &decision->passfile);
	if (decision->passfile.file >= 0)
		add_lock(decision, "passfile", decision->passfile.path);
}

/* What a libpq does unseen, no verdict holds. Of a connection that needs TLS, its session has to be
 * looked at; of any other, that it does not become one. */
static bool is_seen(struct gate_libpq *libpq, const struct pga_verdict *verdict)
{
	return verdict->needs_tls ? gate_sees_sessions(libpq) : gate_sees_lookups(libpq);
}

/* logs_in: more is to become of it than a ping. */
static void decide(struct gate_libpq *libpq, const struct pga_parameters *parameters, bool logs_in,
		   struct decision *decision)
{
	struct gate_judgement judgement = {0};
	struct pga_error error;
	int asked;
	bool audit;

	memset(decision, 0, sizeof *decision);
	decision->passfile = (struct gate_passfile)GATE_NO_PASSFILE;
	asked = pga_effective_ask_quietly(&libpq->calls, parameters, &judgement.effective, &error);
	if (asked > 0) {
		decision->admitted = true;
		/* What makes it take them after all has come between. */
		decision->lookups = gate_is_audit() ? GATE_LOOK_UP_ANY : GATE_LOOK_UP_NONE;
		return;
	}
	decision->judged = true;
	if (asked < 0) {
		pga_text_add(&decision->refusal, "pganchor refused this connection: out of memory");
		return;
	}
	decision->ambiguous = pga_is_ambiguous(parameters);
	decision->rules = logs_in ? gate_rules_acquire_to_log_in() : gate_rules_acquire();
	gate_judge(libpq, decision->rules, parameters, GATE_BEFORE, &judgement);
	decision->admitted = judgement.admitted;
	audit = judgement.admitted && decision->rules->policy.mode == PGA_MODE_AUDIT;
	if (judgement.verdict.allowed && !is_seen(libpq, &judgement.verdict)) {
		gate_say_unseen(libpq, &judgement.refusal);
		judgement.verdict.allowed = false;
		decision->admitted = audit;
	}
	if (decision->admitted && !judgement.verdict.allowed)
		gate_audit_log(decision->rules, &judgement.effective, decision->ambiguous,
			       pga_text_string(&judgement.refusal));
	/* In audit mode every connection is made as it would be without the gate, the allowed ones
	 * too: one that takes GSSAPI encryption, where a ticket is at hand, goes on doing so. It is
	 * seen later, and told. */
	if (decision->admitted && !audit)
		hold(libpq, &judgement, decision);
	if (decision->admitted && logs_in)
		hand_over(libpq, parameters, &judgement, decision);
	decision->refusal = judgement.refusal;
	judgement.refusal = (struct pga_text)PGA_TEXT_EMPTY;
	gate_judgement_free(libpq, &judgement);
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
	PGconn *conn = pga_effective_failed(&libpq->calls, parameters, "target_session_attrs",
					    "refused-by-pganchor");

	if (conn != NULL)
		gate_refuse(libpq, conn, message);
	return conn;
}

static void describe_call(struct gate_call *call, struct decision *decision)
{
	call->judged = decision->judged;
	call->lookups = decision->lookups;
	call->ambiguous = decision->ambiguous;
	call->rules = decision->rules;
	call->passfile = decision->passfile.file;
	decision->passfile.file = -1;
}

static PGconn *enter(struct gate_libpq *libpq, struct decision *decision, make_function *make,
		     const char *const *keywords, const char *const *values, int expand_dbname)
{
	struct gate_call *call = gate_call_begin(libpq);
	PGconn *conn;

	if (call == NULL)
		return NULL;
	describe_call(call, decision);
	conn = make(keywords, values, expand_dbname);
	if (conn != NULL && call->lookup_refused)
		gate_refuse(
		    libpq, conn,
		    "pganchor refused this connection: its host was changed while it was "
		    "looked at\n    another thread of this program changes its environment, "
		    "or somebody the service file");
	gate_handshake_tell(call, conn);
	gate_call_end(call);
	gate_passwords_look_back(libpq, conn);
	return conn;
}

/* Begins or makes a connection through the gate. */
static PGconn *make_judged(struct gate_libpq *libpq, make_function *make,
			   const struct pga_parameters *parameters)
{
	struct decision decision;
	const char **keywords = NULL;
	const char **values = NULL;
	PGconn *conn = NULL;

	decide(libpq, parameters, true, &decision);
	if (!decision.admitted)
		conn = refused(libpq, parameters, &decision);
	else if (append_locks(parameters, &decision, &keywords, &values))
		conn = enter(libpq, &decision, make, keywords, values, parameters->expand_dbname);
	free(keywords);
	free(values);
	decision_free(&decision);
	return conn;
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
	    conninfo != NULL ? libpq->calls.PQconninfoParse(conninfo, &message) : NULL;

	if (message != NULL)
		libpq->calls.PQfreemem(message);
	if (options == NULL)
		return false;
	for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
		*says_something = *says_something || option->val != NULL;
	libpq->calls.PQconninfoFree(options);
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

static PGconn *make_from_string(struct gate_libpq *libpq, const char *conninfo)
{
	struct conninfo_parameters made;

	if (!as_parameters(libpq, conninfo, &made))
		return libpq->PQconnectdb(conninfo);
	return make_judged(libpq, libpq->PQconnectdbParams, &made.parameters);
}

PGconn *gate_PQconnectdb(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	if (libpq == NULL)
		return NULL;
	return internal ? libpq->PQconnectdb(conninfo) : make_from_string(libpq, conninfo);
}

PGconn *gate_PQconnectStart(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	struct conninfo_parameters made;

	if (libpq == NULL)
		return NULL;
	if (internal || !as_parameters(libpq, conninfo, &made))
		return libpq->PQconnectStart(conninfo);
	return make_judged(libpq, libpq->calls.PQconnectStartParams, &made.parameters);
}

PGconn *gate_PQconnectdbParams(struct gate_libpq *libpq, bool internal, const char *const *keywords,
			       const char *const *values, int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	if (libpq == NULL)
		return NULL;
	if (internal || keywords == NULL || values == NULL)
		return libpq->PQconnectdbParams(keywords, values, expand_dbname);
	return make_judged(libpq, libpq->PQconnectdbParams, &parameters);
}

PGconn *gate_PQconnectStartParams(struct gate_libpq *libpq, bool internal,
				  const char *const *keywords, const char *const *values,
				  int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	if (libpq == NULL)
		return NULL;
	if (internal || keywords == NULL || values == NULL)
		return libpq->calls.PQconnectStartParams(keywords, values, expand_dbname);
	return make_judged(libpq, libpq->calls.PQconnectStartParams, &parameters);
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
		return libpq->PQsetdbLogin(pghost, pgport, pgoptions, pgtty, dbName, login, pwd);
	return make_judged(libpq, libpq->PQconnectdbParams, &parameters);
}

static PGPing ping_inside(struct gate_libpq *libpq, struct decision *decision,
			  const char *const *keywords, const char *const *values, int expand_dbname)
{
	struct gate_call *call = gate_call_begin(libpq);
	PGPing answer;

	if (call == NULL)
		return PQPING_NO_ATTEMPT;
	describe_call(call, decision);
	answer = libpq->PQpingParams(keywords, values, expand_dbname);
	gate_call_end(call);
	return answer;
}

/* A ping gives back a number and no object that could say why. */
static PGPing ping(struct gate_libpq *libpq, const struct pga_parameters *parameters)
{
	struct decision decision;
	const char **keywords = NULL;
	const char **values = NULL;
	PGPing answer = PQPING_NO_ATTEMPT;

	decide(libpq, parameters, false, &decision);
	if (!decision.admitted) {
		gate_notice(pga_text_string(&decision.refusal));
	} else if (append_locks(parameters, &decision, &keywords, &values)) {
		answer = ping_inside(libpq, &decision, keywords, values, parameters->expand_dbname);
	}
	free(keywords);
	free(values);
	decision_free(&decision);
	return answer;
}

PGPing gate_PQping(struct gate_libpq *libpq, bool internal, const char *conninfo)
{
	struct conninfo_parameters made;

	if (libpq == NULL)
		return PQPING_NO_ATTEMPT;
	if (internal || !as_parameters(libpq, conninfo, &made))
		return libpq->PQping(conninfo);
	return ping(libpq, &made.parameters);
}

PGPing gate_PQpingParams(struct gate_libpq *libpq, bool internal, const char *const *keywords,
			 const char *const *values, int expand_dbname)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};

	if (libpq == NULL)
		return PQPING_NO_ATTEMPT;
	if (internal || keywords == NULL || values == NULL)
		return libpq->PQpingParams(keywords, values, expand_dbname);
	return ping(libpq, &parameters);
}

/* The password file of the keyring's was there for one call. */
PQconninfoOption *gate_PQconninfo(struct gate_libpq *libpq, bool internal, PGconn *conn)
{
	PQconninfoOption *options;

	(void)internal;
	if (libpq == NULL)
		return NULL;
	options = libpq->calls.PQconninfo(conn);
	gate_passfile_restore(options);
	return options;
}
