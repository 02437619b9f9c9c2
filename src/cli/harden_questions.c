#include "cli/harden_questions.h"

#include "base/terminal.h"
#include "ca/http.h"
#include "cli/adding.h"
#include "cli/cli.h"
#include "cli/question.h"

#include <stdlib.h>
#include <string.h>

#define HINT "--host NAME says which name is meant"

static void print_names(FILE *stream, const struct pga_text *names)
{
	const char *rest = pga_text_string(names);
	const char *line;
	size_t length;

	for (size_t i = 1; pga_next_line(&rest, &line, &length); i++)
		pga_print(stream, "%4zu  %.*s\n", i, (int)length, line);
}

/* A number of the list, or one of its names. NULL: neither. */
static char *read_name(const struct pga_text *names, const struct pga_answer *answer)
{
	const char *rest = pga_text_string(names);
	const unsigned long number = strtoul(answer->text, NULL, 10);
	const char *line;
	size_t length;

	for (size_t i = 1; answer->whole && pga_next_line(&rest, &line, &length); i++)
		if (i == number ||
		    (strlen(answer->text) == length && strncmp(answer->text, line, length) == 0))
			return strndup(line, length);
	return NULL;
}

/* Looks at it again, by this name of the server that the state is about. */
static int look_again(struct pga_harden *harden, size_t index, const char *name,
		      struct pga_error *error)
{
	struct pga_text list = PGA_TEXT_EMPTY;
	int result;

	pga_harden_add_meant(&harden->items[index], name, &list);
	result = list.failed ? pga_fail_memory(error)
			     : pga_harden_again(harden, index, pga_text_string(&list), error);
	pga_text_free(&list);
	return result;
}

static int ask_name(struct pga_harden *harden, size_t index, bool *answered,
		    struct pga_error *error)
{
	const struct pga_hardening *item = &harden->items[index];
	struct pga_question question;
	struct pga_answer answer;
	char *name;
	int result;

	*answered = false;
	if (pga_question_begin(&question, HINT, error) != 0)
		return -1;
	pga_print(question.out, "service %s: %s shows a certificate for another name:\n",
		  item->name, item->server);
	print_names(question.out, &item->names);
	result = pga_question_ask(
	    &question, "Which one is meant? Type its number, or nothing to leave it: ", &answer,
	    error);
	pga_question_end(&question);
	if (result != 0)
		return -1;
	name = read_name(&item->names, &answer);
	*answered = name != NULL;
	result = name != NULL ? look_again(harden, index, name, error) : 0;
	free(name);
	return result;
}

/* Which server it is, whose certificate has not the name of the entry: nothing proves what stands
 * in it. *name is the caller's to free; NULL: nothing was typed. */
static int ask_which(const struct pga_hardening *item, char **name, struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	*name = NULL;
	if (pga_question_begin(&question, HINT, error) != 0)
		return -1;
	pga_print(question.out,
		  "service %s: no anchor that is pinned has signed what %s shows. Its certificate "
		  "says that it is for:\n",
		  item->name, item->server);
	print_names(question.out, &item->names);
	result = pga_question_ask(
	    &question, "Which server is it? Type its name, or nothing to leave it: ", &answer,
	    error);
	pga_question_end(&question);
	if (result == 0 && answer.whole && answer.length > 0) {
		*name = strdup(answer.text);
		result = *name != NULL ? 0 : pga_fail_memory(error);
	}
	return result;
}

/* The host of HOST:PORT. */
static char *host_of(const char *server)
{
	const char *port = strrchr(server, ':');
	const size_t length = port != NULL ? (size_t)(port - server) : strlen(server);

	return server[0] == '[' ? strndup(server + 1, length - 2) : strndup(server, length);
}

/* As "anchor add --from-server --scoped" does it, with its question. */
static int pin_root(const struct pga_harden *harden, const struct pga_hardening *item,
		    const char *host)
{
	struct pga_text server = PGA_TEXT_EMPTY;
	struct pga_adding adding = {
	    .command = &pga_cmd_service_harden,
	    .scoped = true,
	    .system = harden->wish->place == PGA_SERVICE_SYSTEM,
	    .for_host = true,
	    .request.address = item->fits ? NULL : item->address,
	    .request.http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	int status;

	pga_text_addf(&server, strchr(host, ':') == NULL ? "%s:%u" : "[%s]:%u", host, item->port);
	adding.locations[PGA_SOURCE_NUMBER_server] = pga_text_string(&server);
	status = pga_adding_run_as(&adding, NULL);
	free(adding.installed);
	pga_text_free(&server);
	return status;
}

static int ask_anchor(struct pga_harden *harden, size_t index, bool *answered,
		      struct pga_error *error)
{
	const struct pga_hardening *item = &harden->items[index];
	bool stays = false; /* the name is the entry's own */
	char *name;
	int result;

	*answered = false;
	result = pga_harden_meant(item, &name, error);
	if (result == 0 && name == NULL && item->fits) {
		stays = true;
		name = host_of(item->server);
	} else if (result == 0 && name == NULL) {
		result = ask_which(item, &name, error);
	}
	if (result != 0 || name == NULL) {
		free(name);
		return result;
	}
	pga_print(stderr, "service %s: no anchor that is pinned has signed what %s shows.\n",
		  item->name, item->server);
	/* What came of it is said there. */
	*answered = pin_root(harden, item, name) == PGA_EXIT_DONE;
	if (*answered)
		result = look_again(harden, index, stays ? "" : name, error);
	free(name);
	return result;
}

/* Of each host at most two things are asked: the root of its CA, and its name. */
static int ask_all(struct pga_harden *harden, size_t index, struct pga_error *error)
{
	const struct pga_hardening *item = &harden->items[index];
	size_t most = 2 * item->hosts;
	bool answered = true;
	int result = 0;

	while (result == 0 && answered && most-- > 0) {
		answered = false;
		if (item->state == PGA_HARDEN_ANCHOR)
			result = ask_anchor(harden, index, &answered, error);
		else if (item->state == PGA_HARDEN_NAME)
			result = ask_name(harden, index, &answered, error);
	}
	return result;
}

int pga_harden_ask(struct pga_harden *harden, struct pga_error *error)
{
	for (size_t i = 0; i < harden->count; i++)
		if (ask_all(harden, i, error) != 0)
			return -1;
	return 0;
}
