/* Sessions without encryption are ended. Between the list that somebody has agreed to and now, a
 * session can have gone, and its number be another's: only the very one is ended, and only if it
 * still has no encryption. */
#include "audit/collect.h"

#include <string.h>

struct ending {
	struct pga_audit *audit;
	bool found;
	bool ended;
};

static void take(void *context, const PGresult *row)
{
	struct ending *ending = context;

	ending->found = true;
	ending->ended = pga_audit_true(row, 0);
}

/* It is one of the server's texts, and becomes a part of a question. */
static bool is_moment(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789-:TZ")] == '\0';
}

static void keep(struct pga_audit *audit, const struct pga_audit_target *target, bool gone,
		 const char *why)
{
	struct pga_audit_ended *ended =
	    pga_audit_grow(audit, &audit->ended, &audit->ended_count, sizeof *ended);

	if (ended == NULL)
		return;
	ended->pid = target->pid;
	ended->gone = gone;
	ended->why = pga_audit_copy(audit, why);
}

static int end_one(struct pga_audit *audit, struct pga_audit_connection *connection,
		   const struct pga_audit_target *target, struct pga_error *error)
{
	struct ending ending = {.audit = audit};
	struct pga_text question = PGA_TEXT_EMPTY;
	int asked = 0;

	pga_text_addf(&question,
		      "SELECT pg_catalog.pg_terminate_backend(a.pid, 2000) "
		      "FROM pg_catalog.pg_stat_activity a "
		      "JOIN pg_catalog.pg_stat_ssl s ON s.pid OPERATOR(pg_catalog.=) a.pid "
		      "WHERE a.pid OPERATOR(pg_catalog.=) %ld AND NOT s.ssl "
		      "AND a.client_addr IS NOT NULL "
		      "AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() AND "
		      "pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
		      "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') OPERATOR(pg_catalog.=) '%s'",
		      target->pid, is_moment(target->since) ? target->since : "");
	if (question.failed)
		(void)pga_fail_memory(error);
	else
		asked =
		    pga_audit_ask(connection, pga_text_string(&question), 1, take, &ending, error);
	audit->failed = audit->failed || question.failed;
	pga_text_free(&question);
	keep(audit, target, asked == 0 && (!ending.found || ending.ended),
	     asked != 0      ? error->message
	     : !ending.found ? "it was gone, or is encrypted"
	     : ending.ended  ? ""
			     : "it has not ended within 2 seconds");
	return asked < 0 ? -1 : 0;
}

int pga_audit_terminate(struct pga_audit *audit, struct pga_audit_connection *connection,
			const struct pga_audit_question *question, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; i < question->target_count; i++) {
		const struct pga_audit_target *target = &question->targets[i];

		if (strcmp(target->service, audit->service) != 0)
			continue;
		if (audit->pooled)
			keep(audit, target, false, "a connection pooler is before the server");
		else if (result == 0)
			result = end_one(audit, connection, target, error);
		else
			keep(audit, target, false, "the one before took all of the time");
	}
	return result;
}
