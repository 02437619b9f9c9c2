/* pganchor.h: the gate's questions, for programs that ask them themselves. */
#include "pganchor.h"

#include "gate/caller.h"
#include "gate/connect_poll.h"
#include "gate/export.h"
#include "gate/libpq.h"
#include "gate/rules.h"
#include "gate/wrappers.h"
#include "policy/explain.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

/* One question: a libpq, the rules, and what came of asking. */
struct question {
	struct gate_libpq *libpq;
	const struct gate_rules *rules;
	struct pga_effective effective;
	struct pga_verdict verdict;
	struct pga_text answer; /* the reasons, or the error */
};

static enum pganchor_verdict fail(struct question *question, const char *message)
{
	pga_text_add(&question->answer, message);
	return PGANCHOR_ERROR;
}

/* The first line of libpq's words about a connection string. */
static void add_words(struct pga_text *answer, const char *message, const char *conninfo)
{
	struct pga_text words = PGA_TEXT_EMPTY;
	const char *line;

	pga_text_add_masked_message(&words, message, conninfo);
	line = pga_text_string(&words);
	pga_text_add_bytes(answer, line, strcspn(line, "\n"));
	pga_text_free(&words);
}

/* A connection string as what PQconnectdbParams takes. libpq is asked whether it is one: as the
 * value of dbname, what is none would be the name of a database. */
static int check_conninfo(const struct gate_libpq *libpq, const char *conninfo,
			  struct pga_text *answer)
{
	char *message = NULL;
	PQconninfoOption *options = libpq->calls.PQconninfoParse(conninfo, &message);

	if (options == NULL)
		add_words(answer, message != NULL ? message : "out of memory", conninfo);
	if (message != NULL)
		libpq->calls.PQfreemem(message);
	if (options == NULL)
		return -1;
	libpq->calls.PQconninfoFree(options);
	return 0;
}

static enum pganchor_verdict ask(struct question *question, const struct pga_parameters *parameters)
{
	struct pga_error error;

	question->libpq = gate_libpq_any();
	if (question->libpq == NULL)
		return fail(question,
			    "no libpq in this process, and libpq.so.5 could not be loaded");
	if (pga_effective_ask(&question->libpq->calls, parameters, &question->effective, &error) !=
	    0)
		return fail(question, error.message);
	pga_effective_trace(&question->libpq->calls, parameters, &question->effective);
	question->rules = gate_rules_acquire();
	if (question->rules == NULL)
		return fail(question, "out of memory");
	if (question->rules->broken)
		return fail(question, question->rules->error.message);
	pga_judge(&question->effective, &question->rules->policy, &question->verdict);
	if (question->verdict.allowed)
		return PGANCHOR_ALLOWED;
	pga_text_add(&question->answer, pga_text_string(&question->verdict.why));
	return PGANCHOR_REFUSED;
}

static enum pganchor_verdict ask_string(struct question *question, const char *conninfo)
{
	const char *const keywords[] = {"dbname", NULL};
	const char *const values[] = {conninfo, NULL};
	struct pga_parameters parameters = {keywords, values, 1};

	question->libpq = gate_libpq_any();
	if (question->libpq == NULL)
		return fail(question,
			    "no libpq in this process, and libpq.so.5 could not be loaded");
	if (check_conninfo(question->libpq, conninfo, &question->answer) != 0)
		return PGANCHOR_ERROR;
	/* Blanks alone are an empty connection string: no keyword at all. As a value of dbname they
	 * would be a name. */
	if (conninfo[strspn(conninfo, " \t\n\v\f\r")] == '\0')
		parameters.keywords++;
	return ask(question, &parameters);
}

static void end(struct question *question, enum pganchor_verdict verdict, char **reasons)
{
	if (reasons != NULL)
		*reasons = verdict == PGANCHOR_ALLOWED ? NULL : pga_text_take(&question->answer);
	pga_text_free(&question->answer);
	pga_verdict_free(&question->verdict);
	if (question->libpq != NULL)
		pga_effective_free(&question->libpq->calls, &question->effective);
	gate_rules_release(question->rules);
}

API enum pganchor_verdict pganchor_judge(const char *conninfo, char **reasons)
{
	struct question question = {0};
	enum pganchor_verdict verdict = ask_string(&question, conninfo);

	end(&question, verdict, reasons);
	return verdict;
}

API enum pganchor_verdict pganchor_judge_params(const char *const *keywords,
						const char *const *values, int expand_dbname,
						char **reasons)
{
	const struct pga_parameters parameters = {keywords, values, expand_dbname};
	struct question question = {0};
	enum pganchor_verdict verdict = ask(&question, &parameters);

	end(&question, verdict, reasons);
	return verdict;
}

API char *pganchor_explain(const char *conninfo, enum pganchor_verdict *verdict)
{
	struct question question = {0};
	struct pga_text text = PGA_TEXT_EMPTY;
	enum pganchor_verdict answer = ask_string(&question, conninfo);

	if (verdict != NULL)
		*verdict = answer;
	if (answer == PGANCHOR_ERROR) {
		pga_text_addf(&text, "%s\n", pga_text_string(&question.answer));
	} else {
		pga_explain_verdict(&question.effective, &question.rules->policy, &question.verdict,
				    NULL, &text);
		pga_text_add(&text, "\n");
		pga_explain_settings(&question.effective, true, &text);
	}
	end(&question, answer, NULL);
	return pga_text_take(&text);
}

API struct pg_conn *pganchor_connect_params(const char *const *keywords, const char *const *values,
					    int expand_dbname)
{
	return gate_at_PQconnectdbParams(gate_libpq_any(), false, keywords, values, expand_dbname);
}

API struct pg_conn *pganchor_connect(const char *conninfo)
{
	return gate_at_PQconnectdb(gate_libpq_any(), false, conninfo);
}

API enum pganchor_verdict pganchor_verify(struct pg_conn *conn, char **reasons)
{
	struct pga_text answer = PGA_TEXT_EMPTY;
	/* A process may hold two libpqs: the connection is of the one that the caller uses. */
	struct gate_libpq *libpq = gate_libpq_of(GATE_CALLER(), NULL);
	enum pganchor_verdict verdict = PGANCHOR_ALLOWED;
	bool holds;

	if (libpq == NULL || conn == NULL || libpq->calls.PQstatus(conn) != CONNECTION_OK) {
		pga_text_add(&answer, "the connection is not established");
		verdict = PGANCHOR_ERROR;
	} else {
		(void)gate_conn_judge(libpq, conn, &holds, &answer);
		if (!holds)
			verdict = PGANCHOR_REFUSED;
	}
	if (reasons != NULL)
		*reasons = verdict == PGANCHOR_ALLOWED ? NULL : pga_text_take(&answer);
	pga_text_free(&answer);
	return verdict;
}

API void pganchor_free(char *text)
{
	free(text);
}

API const char *pganchor_version(void)
{
	return PACKAGE_VERSION;
}
