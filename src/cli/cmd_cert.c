/* pganchor cert: certificates of one's own. */
#include "cli/cmd_cert.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cert/issue_again.h"
#include "cert/lifetime.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "policy/linked.h"
#include "report/json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One a line. */
/* clang-format off */
static const struct pga_command *const commands[] = {
    &pga_cmd_cert_issue,
    &pga_cmd_cert_status,
    &pga_cmd_cert_inspect,
    &pga_cmd_cert_renew,
    &pga_cmd_cert_timer,
    &pga_cmd_cert_revoke,
    &pga_cmd_cert_add,
    &pga_cmd_cert_forget,
    NULL,
};
/* clang-format on */

static const struct pga_habit habits[] = {
    {"list", "status"}, {"ls", "status"},     {"show", "inspect"},        {"rm", "forget"},
    {"adopt", "add"},   {"remove", "forget"}, {"rekey", "renew --rekey"}, {NULL, NULL},
};

static int run(int argc, char **argv)
{
	return pga_commands_run(&pga_cmd_cert, argc, argv);
}

const struct pga_command pga_cmd_cert = {
    .name = "cert",
    .summary = "your own certificates, and those of servers: issue, renew, inspect",
    .about = "A certificate of one's own proves to a server who connects, or to clients which "
	     "server they talk to. Certificates of private CAs end soon, within a day often: what "
	     "is known here by a name is renewed in time, and its key and certificate belong "
	     "together at every instant.",
    .examples = "  pganchor cert issue\n"
		"  pganchor cert status\n"
		"  pganchor cert inspect ~/.postgresql/postgresql.crt\n",
    .run = run,
    .commands = commands,
    .habits = habits,
};

const char *pga_cert_standing_word(enum pga_cert_standing standing)
{
	static const char *const words[] = {"not-due", "due", "broken"};

	return words[standing];
}

int pga_fail_no_cert(const struct pga_cert_records *records, const char *name,
		     struct pga_error *error)
{
	struct pga_text known = PGA_TEXT_EMPTY;
	int result;

	for (size_t i = 0; i < records->count; i++)
		pga_text_addf(&known, "%s%s",
			      i > 0 ? ", " : "there are: ", records->records[i].name);
	result = pga_fail(error,
			  known.length > 0 ? pga_text_string(&known)
					   : "pganchor cert add makes one known that is there",
			  "%s: no certificate has this name", name);
	pga_text_free(&known);
	return result;
}

void pga_cert_note_revoked(const struct pga_cert_record *record, struct pga_cert_state *state)
{
	if (!pga_cert_record_revoked(record, pga_cert_leaf(state)))
		return;
	state->standing = PGA_CERT_BROKEN;
	(void)snprintf(state->fault, sizeof state->fault, "%s: revoked %s", record->certificate,
		       record->revoked);
	(void)snprintf(state->hint, sizeof state->hint, "another one: pganchor cert issue");
}

/* "pganchor cert issue" in the hint becomes what makes this very one again, where it is a step-ca's
 * and there is room for it. */
static void complete_hint(struct pga_cert_view *view)
{
	static const char bare[] = "pganchor cert issue";
	struct pga_cert_state *state = &view->state;
	X509 *leaf = pga_cert_leaf(state);
	const char *at = strstr(state->hint, bare);
	struct pga_text hint = PGA_TEXT_EMPTY;

	if (at == NULL || leaf == NULL || strcmp(view->record->way, PGA_CERT_WAY_STEPCA) != 0)
		return;
	pga_text_add_bytes(&hint, state->hint, (size_t)(at - state->hint));
	pga_cert_issue_again(view->record, leaf, &hint);
	pga_text_add(&hint, at + strlen(bare));
	if (!hint.failed && hint.length < sizeof state->hint)
		(void)snprintf(state->hint, sizeof state->hint, "%s", pga_text_string(&hint));
	pga_text_free(&hint);
}

int pga_cert_views_read(struct pga_cert_views *views, char *const *names, struct pga_error *error)
{
	const time_t now = time(NULL);

	memset(views, 0, sizeof *views);
	if (pga_cert_records_read(&views->records, error) != 0)
		return -1;
	for (size_t i = 0; names[i] != NULL; i++)
		if (pga_cert_record_named(&views->records, names[i]) == NULL)
			return pga_fail_no_cert(&views->records, names[i], error);
	views->list = calloc(views->records.count + 1, sizeof *views->list);
	if (views->list == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < views->records.count; i++) {
		struct pga_cert_record *record = &views->records.records[i];
		struct pga_cert_view *view = &views->list[views->count];
		bool wanted = names[0] == NULL;

		for (size_t j = 0; names[j] != NULL; j++)
			wanted = wanted || strcmp(names[j], record->name) == 0;
		if (!wanted)
			continue;
		view->record = record;
		views->count++;
		if (pga_cert_look(
			&(struct pga_cert_files){record->certificate, record->key, record->server},
			now, &view->state, error) != 0)
			return -1;
		pga_cert_note_revoked(record, &view->state);
		complete_hint(view);
	}
	return 0;
}

void pga_cert_views_free(struct pga_cert_views *views)
{
	for (size_t i = 0; i < views->count; i++)
		pga_cert_state_free(&views->list[i].state);
	free(views->list);
	pga_cert_records_free(&views->records);
	memset(views, 0, sizeof *views);
}

char *pga_cert_from_now(time_t when)
{
	const time_t now = time(NULL);
	struct pga_text text = PGA_TEXT_EMPTY;

	if (when > now)
		pga_text_add(&text, "in ");
	pga_lifetime_tell((long)(when > now ? when - now : now - when), &text);
	if (when <= now)
		pga_text_add(&text, " ago");
	return pga_text_take(&text);
}

char *pga_cert_path(const char *typed, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char directory[PATH_MAX];
	char *taken;

	if (typed[0] != '/') {
		if (getcwd(directory, sizeof directory) == NULL) {
			(void)pga_fail_errno(error, NULL, "%s: could not find out where it is",
					     typed);
			return NULL;
		}
		pga_text_addf(&path, "%s/", strcmp(directory, "/") == 0 ? "" : directory);
	}
	pga_text_add(&path, typed);
	taken = pga_text_take(&path);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}

int pga_cert_default_paths(char **certificate, char **key, struct pga_error *error)
{
	struct pga_text crt = PGA_TEXT_EMPTY;
	struct pga_text secret = PGA_TEXT_EMPTY;
	char *home = pga_libpq_home(error);

	*certificate = *key = NULL;
	if (home == NULL)
		return -1;
	pga_text_addf(&crt, "%s/.postgresql/postgresql.crt", home);
	pga_text_addf(&secret, "%s/.postgresql/postgresql.key", home);
	free(home);
	*certificate = pga_text_take(&crt);
	*key = pga_text_take(&secret);
	return *certificate != NULL && *key != NULL ? 0 : pga_fail_memory(error);
}

int pga_cert_take_span(void *into, const struct pga_option *option, const char *value)
{
	long *seconds = (long *)(void *)((char *)into + option->target);

	if (pga_lifetime_read(value, seconds))
		return PGA_EXIT_DONE;
	return pga_usage_error("cert", "--%s: %s: no span of time, such as 8h or 30d", option->name,
			       value);
}

int pga_cert_take_signal(void *into, const struct pga_option *option, const char *value)
{
	static char absolute[2 * PATH_MAX];
	const char **target = (const char **)(void *)((char *)into + option->target);
	const char *colon = strchr(value, ':');
	struct pga_error error;
	char *path;

	*target = value;
	if (colon == NULL || colon[1] == '/' || colon[1] == '\0')
		return PGA_EXIT_DONE;
	path = pga_cert_path(colon + 1, &error);
	if (path == NULL) {
		pga_print_error(&error);
		return PGA_EXIT_FAILED;
	}
	(void)snprintf(absolute, sizeof absolute, "%.*s%s", (int)(colon + 1 - value), value, path);
	free(path);
	*target = absolute;
	return PGA_EXIT_DONE;
}
