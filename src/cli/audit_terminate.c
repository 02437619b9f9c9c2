#include "cli/audit_terminate.h"

#include "base/many.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/print_audit.h"
#include "cli/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *name_of(const struct pga_audit *audit, const struct pga_audit_session *session)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	pga_text_addf(&name, "%s: process %ld, %s@%s from %s, %s, since %s%s", audit->service,
		      session->pid, session->user, session->database, session->address,
		      session->application, session->since,
		      strcmp(session->kind, "walsender") == 0 ? " (replication)" : "");
	return pga_text_take(&name);
}

static void add(struct pga_unencrypted *sessions, const struct pga_audit *audit,
		const struct pga_audit_session *session)
{
	struct pga_audit_target *list =
	    reallocarray(sessions->list, sessions->count + 1, sizeof *list);
	char **names;

	if (list == NULL) {
		sessions->failed = true;
		return;
	}
	sessions->list = list;
	names = reallocarray(sessions->names, sessions->count + 1, sizeof(char *));
	if (names == NULL) {
		sessions->failed = true;
		return;
	}
	sessions->names = names;
	names[sessions->count] = name_of(audit, session);
	list[sessions->count] =
	    (struct pga_audit_target){audit->service, session->pid, strdup(session->since)};
	sessions->failed = sessions->failed || names[sessions->count] == NULL ||
			   list[sessions->count].since == NULL;
	sessions->count++;
	sessions->senders += strcmp(session->kind, "walsender") == 0;
}

void pga_unencrypted_add(struct pga_unencrypted *sessions, const struct pga_audit *audit)
{
	bool blind = !audit->connected || (audit->session_count == 0 && !audit->pooler);

	for (size_t i = 0; i < audit->session_count; i++) {
		const struct pga_audit_session *session = &audit->sessions[i];

		blind = blind || !session->seen;
		if (session->seen && !session->own && !session->tls && !session->gss &&
		    session->address[0] != '\0')
			add(sessions, audit, session);
	}
	sessions->blind += blind;
}

static void list_them(FILE *out, const struct pga_unencrypted *sessions)
{
	(void)fprintf(out, "%zu session%s without encryption to be ended:\n", sessions->count,
		      sessions->count == 1 ? "" : "s");
	for (size_t i = 0; i < sessions->count; i++)
		pga_print_audit_line(out, "  %s", sessions->names[i]);
	if (sessions->senders > 0)
		(void)fprintf(
		    out,
		    "%zu of them %s replication: while the server lets it in so, it comes "
		    "back within seconds without encryption again; once TLS is required, "
		    "it stays away until its own settings are changed\n",
		    sessions->senders, sessions->senders == 1 ? "is" : "are");
}

/* Returns 1 where it is agreed to, 0 where it is not; -1 with the reason. */
static int ask(const struct pga_unencrypted *sessions, struct pga_error *error)
{
	static const char hint[] = "--yes ends them without a question, --dry-run lists them";
	struct pga_question question;
	struct pga_answer answer;
	int result = -1;

	if (pga_question_begin(&question, hint, error) != 0)
		return -1;
	list_them(question.out, sessions);
	if (pga_question_ask(&question, "End them? [y/N] ", &answer, error) == 0)
		result = answer.whole &&
			 (strcmp(answer.text, "y") == 0 || strcmp(answer.text, "yes") == 0);
	pga_question_end(&question);
	return result;
}

struct telling {
	size_t left;
};

static int tell(void *context, struct pga_audit *audit, struct pga_error *error)
{
	struct telling *telling = context;
	struct pga_unencrypted again = {.count = 0};

	for (size_t i = 0; i < audit->ended_count; i++) {
		const struct pga_audit_ended *ended = &audit->ended[i];

		pga_print_audit_line(stdout, "%s: process %ld: %s%s%s", audit->service, ended->pid,
				     ended->gone ? "ended" : "not ended",
				     ended->why[0] != '\0' ? ": " : "", ended->why);
		telling->left += !ended->gone;
	}
	if (!audit->connected) {
		pga_print_audit_line(stdout, "%s: could not be looked at again", audit->service);
		telling->left++;
	}
	pga_unencrypted_add(&again, audit);
	for (size_t i = 0; i < again.count && !again.failed; i++)
		pga_print_audit_line(stdout, "still, or again, without encryption: %s",
				     again.names[i]);
	telling->left += again.count;
	if (again.failed)
		(void)pga_fail_memory(error);
	pga_audit_free(audit);
	pga_unencrypted_free(&again);
	return again.failed ? -1 : 0;
}

static int end_them(const struct pga_unencrypted *sessions,
		    const struct pga_audit_question *question)
{
	struct pga_audit_question ending = *question;
	const char **services = calloc(sessions->count, sizeof(char *));
	struct telling telling = {0};
	struct pga_error error;
	int result = -1;

	ending.targets = sessions->list;
	ending.target_count = sessions->count;
	ending.services = services;
	ending.count = 0;
	if (services == NULL) {
		(void)pga_fail_memory(&error);
	} else {
		/* They are in the order of the servers. */
		for (size_t i = 0; i < sessions->count; i++)
			if (i == 0 || sessions->list[i].service != sessions->list[i - 1].service)
				services[ending.count++] = sessions->list[i].service;
		result = pga_audit_run(&ending, tell, &telling, &error);
	}
	if (result > 0)
		pga_many_end(result);
	if (result < 0)
		pga_print_error(&error);
	free(services);
	return result != 0 || telling.left > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
}

int pga_unencrypted_end(const struct pga_unencrypted *sessions,
			const struct pga_audit_question *question, bool dry_run, bool yes)
{
	struct pga_error error;
	int agreed = 1;

	if (sessions->failed) {
		(void)pga_fail_memory(&error);
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (sessions->blind > 0)
		(void)printf("of %zu server%s not all sessions are seen: none of those is ended\n",
			     sessions->blind, sessions->blind == 1 ? "" : "s");
	if (sessions->count == 0) {
		(void)puts("no session without encryption is to be ended");
		return sessions->blind > 0 ? PGA_EXIT_FAILED : PGA_EXIT_DONE;
	}
	if (dry_run || yes)
		list_them(stdout, sessions);
	if (dry_run)
		return PGA_EXIT_DONE;
	(void)fflush(stdout);
	if (!yes)
		agreed = ask(sessions, &error);
	if (agreed < 0) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	if (agreed == 0) {
		(void)puts("nothing was ended");
		return PGA_EXIT_FAILED;
	}
	return end_them(sessions, question) != PGA_EXIT_DONE || sessions->blind > 0
		   ? PGA_EXIT_FAILED
		   : PGA_EXIT_DONE;
}

void pga_unencrypted_free(struct pga_unencrypted *sessions)
{
	for (size_t i = 0; i < sessions->count; i++) {
		free(sessions->names[i]);
		free(sessions->list[i].since);
	}
	free(sessions->names);
	free(sessions->list);
}
