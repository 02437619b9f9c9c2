/* A gate of which all is played but what begins, goes on and begins again: what it asks is the
 * test's, and noted in the order in which it is done. For units that are linked with PLAYED_GATE.
 */
#ifndef PGA_TESTS_PLAYED_GATE_H
#define PGA_TESTS_PLAYED_GATE_H

#include "gate/call.h"
#include "gate/cut.h"
#include "gate/imports.h"
#include "gate/judge.h"
#include "gate/hand_over.h"
#include "gate/wrappers.h"
#include "policy/secrets.h"
#include "policy/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	/* the policy */
	bool no_rules;
	struct gate_rules rules;
	/* the settings */
	bool no_settings, question, ambiguous;
	PQconninfoOption options[3];
	int asked; /* what pga_effective_ask_quietly() answers */
	bool parse_fails, parse_tells, says_nothing;
	int blocks_left; /* of memory, before there is none; 0: there is always some */
	bool begins;     /* an object begins to connect within the call */
	/* the verdict */
	bool admitted;
	struct pga_verdict verdict;
	bool sessions_seen, lookups_seen, polls_itself, others_poll;
	/* the connection */
	ConnStatusType status;
	PostgresPollingStatusType polled;
	int tls;
	bool holds, refused_inside, lookup_refused, no_connection;
	ino_t dead;
	bool has_password; /* the keyring */
	/* what was done */
	struct pga_text did;
	int acquired, released, settings_freed, parsed_freed, messages_freed, finished;
	bool held;
	const PGconn *looked_back;
	struct gate_call before; /* as the call was when libpq's function was called */
} play;

static struct gate_libpq libpq;
static char connection, started;
#define CONN ((PGconn *)(void *)&connection)

static void did(const char *what)
{
	pga_text_addf(&play.did, "%s%s", play.did.length > 0 ? " " : "", what);
}

/* ---- what the linker leads here (--wrap) ---- */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
const struct gate_rules *__wrap_gate_rules_acquire(void);
const struct gate_rules *__wrap_gate_rules_acquire_to_log_in(void);
void __wrap_gate_passwords_hand_over(struct gate_libpq *of, const struct gate_rules *rules,
				     const struct pga_parameters *parameters,
				     const struct pga_effective *effective, bool held,
				     struct gate_passfile *passfile);
void __wrap_gate_passwords_look_back(struct gate_libpq *of, PGconn *conn);
void __wrap_gate_rules_release(const struct gate_rules *rules);
bool __wrap_gate_is_audit(void);
int __wrap_pga_effective_of(const struct pga_libpq *calls, PGconn *conn,
			    struct pga_effective *effective);
bool __wrap_pga_effective_is_question(const struct pga_effective *effective);
void __wrap_pga_effective_free(const struct pga_libpq *calls, struct pga_effective *effective);
int __wrap_pga_effective_ask_quietly(const struct pga_libpq *calls,
				     const struct pga_parameters *parameters,
				     struct pga_effective *effective, struct pga_error *error);
PGconn *__wrap_pga_effective_failed(const struct pga_libpq *calls,
				    const struct pga_parameters *parameters, const char *keyword,
				    const char *value);
bool __wrap_pga_is_ambiguous(const struct pga_parameters *parameters);
void __wrap_gate_judge(const struct gate_libpq *of, const struct gate_rules *rules,
		       const struct pga_parameters *parameters, enum gate_stage stage,
		       struct gate_judgement *judgement);
void __wrap_gate_audit_log(const struct gate_rules *rules, const struct pga_effective *effective,
			   bool ambiguous, const char *message);
void __wrap_gate_refuse(struct gate_libpq *of, PGconn *conn, const char *message);
void __wrap_gate_refuse_unstarted(struct gate_libpq *of, PGconn *conn,
				  const struct pga_effective *effective, const char *message);
bool __wrap_gate_session_holds(struct gate_libpq *of, const struct gate_rules *rules, PGconn *conn,
			       const struct pga_effective *effective, struct pga_text *refusal);
ino_t __wrap_gate_cut(const struct gate_libpq *of, PGconn *conn);
void __wrap_gate_poll_to_the_end(const struct gate_libpq *of, PGconn *conn, ino_t dead);
void __wrap_gate_handshake_tell(struct gate_call *call, PGconn *conn);
void __wrap_gate_forget(const struct gate_libpq *of, PGconn *conn);
bool __wrap_gate_sees_sessions(struct gate_libpq *of);
bool __wrap_gate_sees_lookups(struct gate_libpq *of);
void __wrap_gate_say_unseen(const struct gate_libpq *of, struct pga_text *refusal);
void __wrap_gate_notice(const char *message);

void *__wrap_calloc(size_t count, size_t size)
{
	if (play.blocks_left > 0 && --play.blocks_left == 0)
		return NULL;
	return __real_calloc(count, size);
}

const struct gate_rules *__wrap_gate_rules_acquire(void)
{
	play.acquired += !play.no_rules;
	return play.no_rules ? NULL : &play.rules;
}

const struct gate_rules *__wrap_gate_rules_acquire_to_log_in(void)
{
	return __wrap_gate_rules_acquire();
}

/* What the keyring has, and whether the connection is held to what a password of it needs. */
void __wrap_gate_passwords_hand_over(struct gate_libpq *of, const struct gate_rules *rules,
				     const struct pga_parameters *parameters,
				     const struct pga_effective *effective, bool held,
				     struct gate_passfile *passfile)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(rules, &play.rules);
	assert_ptr_equal(effective->options, play.options);
	assert_true(parameters != NULL && passfile->file == -1);
	play.held = held;
	if (!held || !play.has_password)
		return;
	passfile->file = dup(STDIN_FILENO);
	(void)snprintf(passfile->path, sizeof passfile->path, "the keyring's");
}

void __wrap_gate_passwords_look_back(struct gate_libpq *of, PGconn *conn)
{
	assert_ptr_equal(of, &libpq);
	play.looked_back = conn;
}

void __wrap_gate_rules_release(const struct gate_rules *rules)
{
	play.released += rules == &play.rules;
}

bool __wrap_gate_is_audit(void)
{
	return play.rules.policy.mode == PGA_MODE_AUDIT;
}

int __wrap_pga_effective_of(const struct pga_libpq *calls, PGconn *conn,
			    struct pga_effective *effective)
{
	assert_ptr_equal(calls, &libpq.calls);
	assert_ptr_equal(conn, CONN);
	if (play.no_settings)
		return -1;
	effective->options = play.options;
	return 0;
}

bool __wrap_pga_effective_is_question(const struct pga_effective *effective)
{
	assert_ptr_equal(effective->options, play.options);
	return play.question;
}

void __wrap_pga_effective_free(const struct pga_libpq *calls, struct pga_effective *effective)
{
	assert_ptr_equal(calls, &libpq.calls);
	play.settings_freed += effective->options == play.options;
	effective->options = NULL;
}

int __wrap_pga_effective_ask_quietly(const struct pga_libpq *calls,
				     const struct pga_parameters *parameters,
				     struct pga_effective *effective, struct pga_error *error)
{
	assert_ptr_equal(calls, &libpq.calls);
	(void)parameters;
	(void)error;
	if (play.asked == 0)
		effective->options = play.options;
	return play.asked;
}

PGconn *__wrap_pga_effective_failed(const struct pga_libpq *calls,
				    const struct pga_parameters *parameters, const char *keyword,
				    const char *value)
{
	assert_ptr_equal(calls, &libpq.calls);
	assert_non_null(parameters->keywords);
	pga_text_addf(&play.did, " unbegun(%s=%s)", keyword, value);
	return play.no_connection ? NULL : CONN;
}

bool __wrap_pga_is_ambiguous(const struct pga_parameters *parameters)
{
	assert_non_null(parameters);
	return play.ambiguous;
}

void __wrap_gate_judge(const struct gate_libpq *of, const struct gate_rules *rules,
		       const struct pga_parameters *parameters, enum gate_stage stage,
		       struct gate_judgement *judgement)
{
	assert_ptr_equal(of, &libpq);
	assert_ptr_equal(rules, play.no_rules ? NULL : &play.rules);
	assert_ptr_equal(judgement->effective.options, play.options);
	did(parameters != NULL      ? "judge(parameters)"
	    : stage == GATE_SESSION ? "judge(session)"
				    : "judge");
	assert_int_equal(stage == GATE_BEFORE, parameters != NULL);
	judgement->admitted = play.admitted;
	judgement->verdict = play.verdict;
	pga_text_add(&judgement->refusal, "why");
}

void __wrap_gate_audit_log(const struct gate_rules *rules, const struct pga_effective *effective,
			   bool ambiguous, const char *message)
{
	assert_ptr_equal(rules, &play.rules);
	assert_ptr_equal(effective->options, play.options);
	pga_text_addf(&play.did, " log(%s%s)", ambiguous ? "ambiguous: " : "", message);
}

void __wrap_gate_refuse(struct gate_libpq *of, PGconn *conn, const char *message)
{
	assert_true(of == &libpq && conn == CONN);
	pga_text_addf(&play.did, " refuse(%s)", message);
}

void __wrap_gate_refuse_unstarted(struct gate_libpq *of, PGconn *conn,
				  const struct pga_effective *effective, const char *message)
{
	assert_true(of == &libpq && conn == CONN && effective != NULL);
	pga_text_addf(&play.did, " refuse unstarted(%s)", message);
}

bool __wrap_gate_session_holds(struct gate_libpq *of, const struct gate_rules *rules, PGconn *conn,
			       const struct pga_effective *effective, struct pga_text *refusal)
{
	assert_true(of == &libpq && conn == CONN && rules == &play.rules);
	assert_ptr_equal(effective->options, play.options);
	did("session");
	if (!play.holds)
		pga_text_add(refusal, "weak session");
	return play.holds;
}

ino_t __wrap_gate_cut(const struct gate_libpq *of, PGconn *conn)
{
	assert_true(of == &libpq && conn == CONN);
	did("cut");
	return play.dead;
}

void __wrap_gate_poll_to_the_end(const struct gate_libpq *of, PGconn *conn, ino_t dead)
{
	assert_true(of == &libpq && conn == CONN);
	pga_text_addf(&play.did, " end(%d)", (int)dead);
}

void __wrap_gate_handshake_tell(struct gate_call *call, PGconn *conn)
{
	assert_ptr_equal(call->libpq, &libpq);
	did(conn != NULL ? "tell" : "tell nothing");
}

void __wrap_gate_forget(const struct gate_libpq *of, PGconn *conn)
{
	assert_true(of == &libpq && conn == CONN);
	did("forget");
}

bool __wrap_gate_sees_sessions(struct gate_libpq *of)
{
	assert_ptr_equal(of, &libpq);
	return play.sessions_seen;
}

bool __wrap_gate_sees_lookups(struct gate_libpq *of)
{
	assert_ptr_equal(of, &libpq);
	return play.lookups_seen;
}

void __wrap_gate_say_unseen(const struct gate_libpq *of, struct pga_text *refusal)
{
	assert_ptr_equal(of, &libpq);
	pga_text_add(refusal, "; unseen");
}

void __wrap_gate_notice(const char *message)
{
	pga_text_addf(&play.did, " notice(%s)", message);
}

/* ---- libpq ---- */

static void note_call(void)
{
	struct gate_call *call = gate_call_current();

	memset(&play.before, 0, sizeof play.before);
	if (call == NULL)
		return;
	play.before = *call;
	if (play.refused_inside) {
		call->refused = CONN;
		call->dead = play.dead;
	}
	call->lookup_refused = play.lookup_refused;
	if (play.begins) {
		call->begun = CONN;
		call->begun_rules = __wrap_gate_rules_acquire();
	}
}

static PostgresPollingStatusType poll_step(PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	did("poll");
	note_call();
	return play.polled;
}

static PostgresPollingStatusType poll_reset(PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	did("poll reset");
	note_call();
	return play.polled;
}

static ConnStatusType status(const PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	return play.status;
}

static int tls_in_use(PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	return play.tls;
}

static int consume(PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	did("consume");
	return 0;
}

static void reset(PGconn *conn)
{
	assert_true(conn == CONN || conn == NULL);
	did("reset");
	note_call();
}

static int reset_start(PGconn *conn)
{
	assert_ptr_equal(conn, CONN);
	did("start reset");
	note_call();
	return 17;
}

static PGconn *with_parameters(const char *function, const char *const *keywords,
			       const char *const *values, int expand)
{
	pga_text_addf(&play.did, " %s(", function);
	for (; keywords != NULL && *keywords != NULL; keywords++, values++)
		pga_text_addf(&play.did, "%s=%s ", *keywords, *values != NULL ? *values : "-");
	pga_text_addf(&play.did, "%d)", expand);
	note_call();
	return play.no_connection ? NULL : CONN;
}

static PGconn *connectdb_params(const char *const *keywords, const char *const *values, int expand)
{
	return with_parameters("connect", keywords, values, expand);
}

/* Where it is asked for an attempt, it may call its own PQconnectPoll where the gate sees it. */
static PGconn *start_params(const char *const *keywords, const char *const *values, int expand)
{
	if (keywords == NULL || values == NULL || strcmp(values[0], "/dev/null/pganchor") != 0)
		return with_parameters("start", keywords, values, expand);
	assert_string_equal(keywords[0], "host");
	assert_int_equal(expand, 0);
	did("try");
	if (play.polls_itself)
		assert_int_equal(gate_PQconnectPoll(&libpq, true, (PGconn *)(void *)&started),
				 PGRES_POLLING_FAILED);
	if (play.others_poll)
		assert_int_equal(gate_PQconnectPoll(&libpq, false, CONN), PGRES_POLLING_WRITING);
	return play.no_connection ? NULL : (PGconn *)(void *)&started;
}

static void finish(PGconn *conn)
{
	assert_ptr_equal(conn, &started);
	play.finished++;
}

static PGPing ping_params(const char *const *keywords, const char *const *values, int expand)
{
	(void)with_parameters("ping", keywords, values, expand);
	return PQPING_REJECT;
}

static PGPing ping(const char *conninfo)
{
	pga_text_addf(&play.did, " ping(%s)", conninfo);
	return PQPING_NO_RESPONSE;
}

static PGconn *connectdb(const char *conninfo)
{
	pga_text_addf(&play.did, " connectdb(%s)", conninfo != NULL ? conninfo : "NULL");
	return CONN;
}

static PGconn *connect_start(const char *conninfo)
{
	pga_text_addf(&play.did, " connectStart(%s)", conninfo);
	return CONN;
}

static PGconn *login(const char *host, const char *port, const char *options, const char *tty,
		     const char *dbname, const char *user, const char *password)
{
	pga_text_addf(&play.did, " login(%s %s %s %s %s %s %s)", host, port, options, tty, dbname,
		      user, password);
	return CONN;
}

static PQconninfoOption *parse(const char *conninfo, char **message)
{
	static char text[] = "bad";
	static PQconninfoOption said[3];

	assert_non_null(conninfo);
	*message = play.parse_tells ? text : NULL;
	memset(said, 0, sizeof said);
	said[0].keyword = said[1].keyword = text;
	said[1].val = play.says_nothing ? NULL : text;
	return play.parse_fails ? NULL : said;
}

static void free_parsed(PQconninfoOption *options)
{
	assert_non_null(options);
	play.parsed_freed++;
}

static void free_message(void *message)
{
	assert_string_equal(message, "bad");
	play.messages_freed++;
}

/* An allowed connection that needs TLS, of a libpq whose sessions and lookups are seen. */
static inline void begin(void)
{
	static char gss[] = "gssencmode", prefer[] = "prefer";

	pga_text_free(&play.did);
	memset(&play, 0, sizeof play);
	play.options[0] = (PQconninfoOption){.keyword = gss, .val = prefer};
	play.admitted = true;
	play.verdict.allowed = true;
	play.verdict.needs_tls = true;
	play.sessions_seen = play.lookups_seen = true;
	play.status = CONNECTION_NEEDED;
	play.polled = PGRES_POLLING_WRITING;
	play.rules.policy.min_tls = PGA_TLS_1_3;
	play.rules.policy.channel_binding = PGA_BINDING_PREFER;
	memset(&libpq, 0, sizeof libpq);
	libpq.calls = (struct pga_libpq){.PQconnectStartParams = start_params,
					 .PQconninfoParse = parse,
					 .PQconninfoFree = free_parsed,
					 .PQfreemem = free_message,
					 .PQfinish = finish,
					 .PQstatus = status};
	libpq.PQconnectPoll = poll_step;
	libpq.PQresetPoll = poll_reset;
	libpq.PQreset = reset;
	libpq.PQresetStart = reset_start;
	libpq.PQsslInUse = tls_in_use;
	libpq.PQconsumeInput = consume;
	libpq.PQconnectdb = connectdb;
	libpq.PQconnectStart = connect_start;
	libpq.PQconnectdbParams = connectdb_params;
	libpq.PQsetdbLogin = login;
	libpq.PQping = ping;
	libpq.PQpingParams = ping_params;
}

/* What was done, and that all that was taken was given back. */
static inline void check_did(const char *expected)
{
	const char *text = pga_text_string(&play.did);

	assert_string_equal(text + (text[0] == ' '), expected);
	pga_text_free(&play.did);
	assert_int_equal(play.acquired, play.released);
	assert_null(gate_call_current());
}

#endif
