#include "cli/probe_many.h"

#include "base/subprocess.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "probe/http_listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As long as a probe of all may take where the scraper does not say how long it waits, in seconds.
 */
#define LONGEST 60.0

/* Of the scraper's time so much is left to begin and to answer: a tenth, and at least so many
 * seconds. */
#define SPARED 0.5

/* Each request is answered by a run of this very program: so each one sees the services, anchors
 * and CRLs that are there now, what it takes of memory is given back, and it ends in its time. */
static const char program[] = "/proc/self/exe";

struct words {
	const char *list[15];
	size_t count;
	char only[PGA_HTTP_HEAD + 8];
	char jobs[32];
	char max_time[48];
};

static void add(struct words *words, const char *word)
{
	words->list[words->count++] = word;
}

/* No server but those that were asked for at the start is probed, whatever a request names. */
static void make_words(struct words *words, const struct pga_probe_asked *asked, const char *only,
		       double time)
{
	const double spared = time / 10 > SPARED ? time / 10 : SPARED;
	long max_time = asked->limits.max_time;

	if (time > 0 && (double)max_time > (time - spared) * 1000)
		max_time = time > 2 * spared ? (long)((time - spared) * 1000) : (long)(time * 500);
	max_time = max_time > 0 ? max_time : 1;
	words->count = 0;
	add(words, program);
	add(words, "probe");
	add(words, "--metrics=-");
	if (asked->all)
		add(words, "--all");
	if (asked->file != NULL) {
		add(words, "--file");
		add(words, asked->file);
	}
	if (only != NULL) {
		(void)snprintf(words->only, sizeof words->only, "--only=%s", only);
		add(words, words->only);
	}
	if (asked->jobs > 0) {
		(void)snprintf(words->jobs, sizeof words->jobs, "--jobs=%ld", asked->jobs);
		add(words, words->jobs);
	}
	(void)snprintf(words->max_time, sizeof words->max_time, "--max-time=%ld.%03ld",
		       max_time / 1000, max_time % 1000);
	add(words, words->max_time);
	if (asked->word != NULL) {
		add(words, "--");
		add(words, asked->word);
	}
	add(words, NULL);
}

static int status_of(const struct pga_subprocess *child, bool only)
{
	if (child->output.length > 0 &&
	    (child->status == PGA_EXIT_DONE || child->status == PGA_EXIT_WEAK ||
	     child->status == PGA_EXIT_FAILED))
		return 200;
	return only && child->status == PGA_EXIT_USAGE ? 404 : 500;
}

static void probe(const struct pga_probe_asked *asked, const char *only, double time,
		  struct pga_http_reply *reply)
{
	const double limit = time > 0 && time < LONGEST ? time : LONGEST;
	struct pga_subprocess child;
	struct pga_error error;
	struct words words;

	make_words(&words, asked, only, time);
	if (pga_subprocess_run_for(limit < 1 ? 1 : (unsigned)limit, words.list, NULL, &child,
				   &error) != 0) {
		reply->status = child.late ? 504 : 500;
		pga_print_error(&error);
	} else {
		reply->status = status_of(&child, only != NULL);
		if (reply->status == 500)
			pga_print(stderr, "%s", pga_text_string(&child.errors));
	}
	if (reply->status == 404)
		pga_text_add(&reply->body,
			     "no such target: it is a service's name, HOST or HOST:PORT of those "
			     "that pganchor probe was started with\n");
	if (reply->status == 200) {
		reply->body = child.output;
		memset(&child.output, 0, sizeof child.output);
	}
	pga_subprocess_free(&child);
}

static void answer(void *context, struct pga_scrape_request *request, struct pga_http_reply *reply)
{
	const struct pga_probe_asked *asked = context;
	const char *target = NULL;

	if (strcmp(request->path, "/metrics") == 0) {
		probe(asked, NULL, request->time, reply);
	} else if (strcmp(request->path, "/probe") != 0) {
		reply->status = 404;
	} else if (pga_http_parameter(request, "target", &target) != 0 || target == NULL ||
		   target[0] == '\0') {
		reply->status = 400;
		pga_text_add(&reply->body, "which one: /probe?target=NAME\n");
	} else {
		probe(asked, target, request->time, reply);
	}
}

/* Whatever is wrong with the list, or with what is listened at, is said before it begins. */
static int serve(const struct pga_probe_asked *asked, struct pga_error *error)
{
	struct pga_probe_asked copy = *asked;
	struct pga_text ready = PGA_TEXT_EMPTY;
	char *where;
	const int listening = pga_http_open(asked->listen, &where, error);
	bool busy;
	int result;

	if (listening < 0)
		return -1;
	pga_text_addf(&ready, "listening at http://%s/metrics and http://%s/probe?target=NAME\n",
		      where, where);
	free(where);
	result = pga_http_serve(listening, pga_text_string(&ready), answer, &copy, &busy, error);
	pga_text_free(&ready);
	if (busy && result == 0)
		_exit(PGA_EXIT_DONE);
	return result;
}

int pga_probe_listen(const struct pga_probe_asked *asked)
{
	struct pga_probe_fleet found = {0};
	struct pga_error error;
	int status;
	int result = pga_probe_fleet_find(asked, &found, &status, &error);

	pga_probe_fleet_free(&found);
	if (result == 0) {
		status = PGA_EXIT_FAILED;
		result = serve(asked, &error);
	}
	if (result == 0)
		return PGA_EXIT_DONE;
	pga_print_error(&error);
	return status;
}
