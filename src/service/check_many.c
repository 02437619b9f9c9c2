#include "service/check_many.h"

#include "policy/linked.h"
#include "report/json.h"
#include "service/ask.h"
#include "service/check.h"
#include "tls/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 16

/* A host is given up after its connect_timeout; a name that nobody resolves, by this alone. */
#define SECONDS 120

/* What one process may say. */
#define MOST ((size_t)64 * 1024)

struct worker {
	pid_t pid;
	int output; /* -1: it is idle */
	size_t service;
	long long begun; /* pga_dial_now() */
	struct pga_text said;
};

/* ---- in the process of one service ---- */

/* The host of which there is something to say: one with a problem, or that is not trusted. */
static const struct pga_checked_host *telling(const struct pga_check *check)
{
	const struct pga_checked_host *first = &check->items[0];

	for (size_t i = 0; i < check->count; i++)
		if (check->items[i].problem != NULL)
			return &check->items[i];
	for (size_t i = 0; i < check->count; i++)
		if (!check->items[i].trusted)
			return &check->items[i];
	for (size_t i = 0; i < check->count; i++)
		if (first->skipped && !check->items[i].skipped)
			first = &check->items[i];
	return first;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? pga_json_text(text) : json_null();
}

static json_t *as_json(const struct pga_check *check)
{
	const struct pga_checked_host *item = telling(check);
	const struct pga_handshake *shown = &item->handshake;

	return json_pack("{s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "verified",
			 check->problem == NULL && !item->skipped, "trusted", (int)check->trusted,
			 "skipped", (int)item->skipped, "answered", (int)shown->answered, "host",
			 pga_json_text(pga_host_label(item->host)), "problem",
			 text_or_null(item->problem), "anchor",
			 text_or_null(item->pin != NULL ? item->pin->name : NULL), "root_pin",
			 pga_json_text(shown->root_pin), "valid_to",
			 pga_json_text(shown->valid_to != NULL ? shown->valid_to : ""), "no_digest",
			 text_or_null(shown->no_digest));
}

/* Where nothing can be said, the one that listens knows what that means. */
static json_t *check_one(const char *name, const struct pga_policy *policy,
			 const struct pga_pins *pins)
{
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {name, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective = {0};
	struct pga_check check;
	struct pga_error error;
	json_t *said = NULL;
	const int asked = pga_ask(&parameters, &effective, &error);

	if (asked == 1)
		return json_pack("{s:o}", "problem", pga_json_text(error.message));
	if (asked == 0 && pga_check_hosts(&effective, policy, pins, NULL, &check, &error) == 0) {
		said = as_json(&check);
		pga_check_free(&check);
	}
	pga_effective_free(&pga_linked_libpq, &effective);
	return said;
}

static void work(int output, const char *name, long seconds, const struct pga_policy *policy,
		 const struct pga_pins *pins) __attribute__((noreturn));

static void work(int output, const char *name, long seconds, const struct pga_policy *policy,
		 const struct pga_pins *pins)
{
	json_t *said;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGALRM, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm((unsigned)seconds);
	said = check_one(name, policy, pins);
	if (said == NULL || json_dumpfd(said, output, JSON_COMPACT) != 0)
		_exit(1);
	_exit(0);
}

/* ---- in the one that waits for them ---- */

struct checking_many {
	const struct pga_policy *policy;
	const struct pga_pins *pins;
	struct pga_checked_service *services;
	size_t count;
	size_t next;
	size_t done;
	long seconds;
	size_t jobs;
	struct worker workers[AT_ONCE];
};

static int begin(const struct checking_many *many, struct worker *worker)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	(void)fflush(NULL);
	worker->pid = fork();
	if (worker->pid == 0) {
		(void)close(ends[0]);
		work(ends[1], many->services[many->next].name, many->seconds, many->policy,
		     many->pins);
	}
	(void)close(ends[1]);
	if (worker->pid < 0) {
		(void)close(ends[0]);
		return -1;
	}
	worker->output = ends[0];
	worker->service = many->next;
	worker->begun = pga_dial_now();
	return 0;
}

/* NULL where it is not there. */
static char *take(const json_t *said, const char *key, bool *failed)
{
	const char *value = json_string_value(json_object_get(said, key));
	char *copy = value != NULL ? strdup(value) : NULL;

	*failed = *failed || (value != NULL && copy == NULL);
	return copy;
}

static char *why_silent(const struct checking_many *many, int status)
{
	struct pga_text why = PGA_TEXT_EMPTY;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		pga_text_addf(&why, "its server was not verified within %ld second%s",
			      many->seconds, many->seconds == 1 ? "" : "s");
	else
		pga_text_add(&why, "could not be looked at: memory ran out");
	return pga_text_take(&why);
}

/* status: of the process, which has ended. */
static int read_said(const struct checking_many *many, const struct worker *worker, int status,
		     struct pga_error *error)
{
	struct pga_checked_service *service = &many->services[worker->service];
	json_t *said = json_loadb(pga_text_string(&worker->said), worker->said.length, 0, NULL);
	bool failed = false;

	service->done = true;
	service->spent = pga_dial_now() - worker->begun;
	if (said == NULL) {
		service->problem = why_silent(many, status);
		return service->problem != NULL ? 0 : pga_fail_memory(error);
	}
	service->verified = json_is_true(json_object_get(said, "verified"));
	service->trusted = json_is_true(json_object_get(said, "trusted"));
	service->skipped = json_is_true(json_object_get(said, "skipped"));
	service->answered = json_is_true(json_object_get(said, "answered"));
	service->host = take(said, "host", &failed);
	service->problem = take(said, "problem", &failed);
	service->anchor = take(said, "anchor", &failed);
	service->root_pin = take(said, "root_pin", &failed);
	service->valid_to = take(said, "valid_to", &failed);
	service->no_digest = take(said, "no_digest", &failed);
	json_decref(said);
	return failed ? pga_fail_memory(error) : 0;
}

/* Returns what waitpid() tells of it. */
static int wait_for(struct worker *worker)
{
	int status = 0;

	(void)close(worker->output);
	worker->output = -1;
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Reads what is there. Returns whether there is more to come. */
static bool listen_to(struct worker *worker)
{
	char bytes[4096];
	const ssize_t got = read(worker->output, bytes, sizeof bytes);

	if (got < 0)
		return errno == EINTR;
	if (got == 0 || worker->said.length > MOST)
		return false;
	pga_text_add_bytes(&worker->said, bytes, (size_t)got);
	return true;
}

static int begin_more(struct checking_many *many, struct pga_error *error)
{
	bool any = false;

	for (size_t i = 0; i < many->jobs; i++) {
		struct worker *worker = &many->workers[i];

		if (worker->output < 0 && many->next < many->count) {
			if (begin(many, worker) == 0)
				many->next++;
			else if (!any && i + 1 == many->jobs)
				return pga_fail_errno(error, NULL,
						      "could not start a process to look at %s",
						      many->services[many->next].name);
		}
		any = any || worker->output >= 0;
	}
	return 0;
}

static int wait_for_some(struct checking_many *many, struct pga_error *error)
{
	struct pollfd polled[AT_ONCE];

	for (size_t i = 0; i < AT_ONCE; i++)
		polled[i] = (struct pollfd){many->workers[i].output, POLLIN, 0};
	if (poll(polled, AT_ONCE, -1) < 0 && errno != EINTR)
		return pga_fail_errno(error, NULL, "could not wait for the servers");
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct worker *worker = &many->workers[i];
		int result;

		if (worker->output < 0 || polled[i].revents == 0 || listen_to(worker))
			continue;
		result = read_said(many, worker, wait_for(worker), error);
		pga_text_free(&worker->said);
		if (result != 0)
			return -1;
		many->done++;
	}
	return 0;
}

int pga_check_many_within(const struct pga_check_limits *limits,
			  struct pga_checked_service *services, size_t count,
			  const struct pga_policy *policy, const struct pga_pins *pins,
			  void (*tell)(void *context, size_t done), void *context,
			  struct pga_error *error)
{
	const bool few = limits->jobs > 0 && limits->jobs < AT_ONCE;
	struct checking_many many = {.policy = policy,
				     .pins = pins,
				     .services = services,
				     .count = count,
				     .seconds = limits->seconds > 0 ? limits->seconds : SECONDS,
				     .jobs = few ? limits->jobs : AT_ONCE};
	int result = 0;

	for (size_t i = 0; i < AT_ONCE; i++)
		many.workers[i].output = -1;
	while (result == 0 && many.done < count) {
		const size_t before = many.done;

		result = begin_more(&many, error);
		if (result == 0)
			result = wait_for_some(&many, error);
		if (tell != NULL && many.done != before)
			tell(context, many.done);
	}
	for (size_t i = 0; i < AT_ONCE; i++) {
		if (many.workers[i].output < 0)
			continue;
		(void)kill(many.workers[i].pid, SIGKILL);
		(void)wait_for(&many.workers[i]);
		pga_text_free(&many.workers[i].said);
	}
	return result;
}

int pga_check_many(struct pga_checked_service *services, size_t count,
		   const struct pga_policy *policy, const struct pga_pins *pins,
		   void (*tell)(void *context, size_t done), void *context, struct pga_error *error)
{
	const struct pga_check_limits none = {.seconds = 0};

	return pga_check_many_within(&none, services, count, policy, pins, tell, context, error);
}

void pga_checked_services_free(struct pga_checked_service *services, size_t count)
{
	for (size_t i = 0; services != NULL && i < count; i++) {
		free(services[i].host);
		free(services[i].problem);
		free(services[i].anchor);
		free(services[i].root_pin);
		free(services[i].valid_to);
		free(services[i].no_digest);
	}
	free(services);
}
