#include "diagnose/forecast.h"

#include "base/many.h"
#include "diagnose/forecast_server.h"
#include "policy/hostlist.h"
#include "policy/linked.h"
#include "service/ask.h"

#include <stdlib.h>
#include <string.h>

static bool needs_tls(const struct pga_effective *effective)
{
	struct pga_hostlist list = pga_hostlist_begin(pga_effective_value(effective, "host"),
						      pga_effective_value(effective, "hostaddr"),
						      pga_effective_value(effective, "port"));
	const char *mode = pga_effective_value(effective, "sslmode");
	struct pga_host_part host;

	if (mode == NULL || strncmp(mode, "verify-", strlen("verify-")) != 0)
		return false;
	while (pga_hostlist_next(&list, &host))
		if (!host.local)
			return true;
	return false;
}

/* An entry whose servers are looked at. */
struct entry {
	const char *service;
	char *why; /* it is left out; NULL: it is not */
	struct pga_effective effective;
	bool connects; /* there is something to verify a server with */
};

struct entries {
	struct entry *list;
	size_t count;
	/* Whether there are roots by the setting that was looked at last: most entries have the
	 * same. */
	char *setting;
	bool roots;
};

/* What a thread hands over: the handshakes of an entry. */
struct shaken {
	bool failed; /* memory ran out */
	struct pga_check check;
};

struct shaking {
	struct pga_forecasting *making;
	struct entries *entries;
};

static int leave_out(const struct pga_forecasting *making, const char *why, struct pga_error *error)
{
	return pga_forecast_add(making, "", "", PGA_LEFT_OUT, why) != NULL ? 0
									   : pga_fail_memory(error);
}

/* libpq refuses every server where it has no roots. */
static int tell_no_roots(const struct pga_forecasting *making, struct pga_error *error)
{
	const char *host = pga_effective_value(&making->effective, "host");
	const char *port = pga_effective_value(&making->effective, "port");

	if (pga_forecast_add(making, host != NULL ? host : "", port != NULL ? port : "", PGA_SEEN,
			     NULL) == NULL ||
	    pga_ends_add(&making->forecast->ends, making->forecast->count - 1, PGA_END_NO_ROOT,
			 making->question->now, "", pga_text_string(&making->trusted.why)) == NULL)
		return pga_fail_memory(error);
	return 0;
}

/* Whether there are roots for these settings. Returns -1 for want of memory. */
static int find_roots(struct pga_forecasting *making, struct entries *entries,
		      const struct pga_effective *effective, struct pga_error *error)
{
	const char *setting = pga_effective_value(effective, "sslrootcert");
	struct pga_trusted trusted;
	int result;

	setting = setting != NULL ? setting : "";
	if (entries->setting != NULL && strcmp(entries->setting, setting) == 0)
		return 0;
	result =
	    pga_trusted_load(&trusted, &making->roots, effective, making->question->changes, error);
	entries->roots = trusted.why.length == 0;
	pga_trusted_free(&trusted);
	free(entries->setting);
	entries->setting = strdup(setting);
	if (result == 0 && entries->setting == NULL)
		result = pga_fail_memory(error);
	return result;
}

/* libpq finds the entry as it does for psql. */
static int ask(struct pga_forecasting *making, struct entries *entries, struct entry *entry,
	       struct pga_error *error)
{
	const char *keywords[] = {"service", NULL};
	const char *values[] = {entry->service, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	const int asked = pga_ask(&parameters, &entry->effective, error);

	if (asked < 0)
		return -1;
	if (asked > 0) {
		entry->why = strdup(error->message);
		return entry->why != NULL ? 0 : pga_fail_memory(error);
	}
	if (find_roots(making, entries, &entry->effective, error) != 0)
		return -1;
	entry->connects = entries->roots ||
			  (making->question->changes->with != NULL && needs_tls(&entry->effective));
	return 0;
}

static int add_entry(struct pga_forecasting *making, struct entries *entries,
		     const struct pga_entry *found, struct pga_error *error)
{
	struct entry *grown = reallocarray(entries->list, entries->count + 1, sizeof *grown);
	struct entry *added;

	if (grown == NULL)
		return pga_fail_memory(error);
	entries->list = grown;
	added = memset(&grown[entries->count++], 0, sizeof *grown);
	added->service = found->name;
	if (!found->ldap)
		return ask(making, entries, added, error);
	added->why = strdup("only an LDAP server could tell");
	return added->why != NULL ? 0 : pga_fail_memory(error);
}

static void free_entries(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].why);
		pga_effective_free(&pga_linked_libpq, &entries->list[i].effective);
	}
	free(entries->list);
	free(entries->setting);
}

static bool is_asked(const struct pga_forecast_question *question, const char *name)
{
	for (size_t i = 0; i < question->service_count; i++)
		if (strcmp(question->services[i], name) == 0)
			return true;
	return question->service_count == 0;
}

/* before: the file that libpq looks into first; NULL: none. */
static int add_entries(struct pga_forecasting *making, struct entries *entries,
		       const struct pga_service_file *file, const struct pga_service_file *before,
		       struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < file->count; i++) {
		const struct pga_entry *entry = &file->entries[i];

		if (entry->name == NULL || entry->shadowed != 0 ||
		    !is_asked(making->question, entry->name) ||
		    (before != NULL && pga_service_file_find(before, entry->name) != NULL))
			continue;
		result = add_entry(making, entries, entry, error);
	}
	return result;
}

/* In a thread. */
static void *shake(void *context, size_t index, bool *failed)
{
	const struct shaking *shaking = context;
	const struct pga_forecast_question *question = shaking->making->question;
	const struct entry *entry = &shaking->entries->list[index];
	struct shaken *shaken;
	struct pga_error ignored;

	if (!entry->connects)
		return NULL;
	shaken = calloc(1, sizeof *shaken);
	if (shaken == NULL)
		return NULL;
	shaken->failed = pga_check_hosts(&entry->effective, question->policy, question->pins, NULL,
					 &shaken->check, &ignored) != 0;
	*failed = shaken->failed || shaken->check.problem != NULL;
	return shaken;
}

static void drop(void *result)
{
	struct shaken *shaken = result;

	if (shaken != NULL && !shaken->failed)
		pga_check_free(&shaken->check);
	free(shaken);
}

static int look_at_settings(struct pga_forecasting *making, const struct entry *entry,
			    const struct shaken *shaken, struct pga_error *error)
{
	for (size_t i = 0; i < making->question->changes->without_count; i++)
		making->forecast->present[i] =
		    making->forecast->present[i] || making->trusted.present[i];
	if (entry->connects)
		return shaken != NULL && !shaken->failed
			   ? pga_forecast_servers(making, &shaken->check, error)
			   : pga_fail_memory(error);
	if (needs_tls(&making->effective))
		return tell_no_roots(making, error);
	return leave_out(making, "nothing is verified: there are no roots", error);
}

/* What came of the handshakes of an entry, one entry after the other. */
static int take(void *context, size_t index, void *result, struct pga_error *error)
{
	const struct shaking *shaking = context;
	const struct entry *entry = &shaking->entries->list[index];
	struct pga_forecasting *making = shaking->making;
	int taken;

	making->service = entry->service;
	making->effective = entry->effective;
	if (entry->why != NULL)
		return leave_out(making, entry->why, error);
	taken = pga_trusted_load(&making->trusted, &making->roots, &making->effective,
				 making->question->changes, error);
	if (taken == 0)
		taken = look_at_settings(making, entry, result, error);
	pga_trusted_free(&making->trusted);
	drop(result);
	return taken;
}

static int look_at_entries(struct pga_forecasting *making, struct entries *entries,
			   struct pga_error *error)
{
	struct shaking shaking = {making, entries};
	const struct pga_many many = {.count = entries->count,
				      .work = shake,
				      .take = take,
				      .drop = drop,
				      .context = &shaking,
				      .progress = "connecting to"};

	return pga_many_run(&many, error);
}

static int check_names(const struct pga_forecast_question *question, struct pga_error *error)
{
	for (size_t i = 0; i < question->service_count; i++)
		if (pga_service_file_find(question->user, question->services[i]) == NULL &&
		    pga_service_file_find(question->system, question->services[i]) == NULL)
			return pga_fail(error, "\"pganchor service list\" shows those there are",
					"service %s: there is none of this name in %s or %s",
					question->services[i], question->user->path,
					question->system->path);
	return 0;
}

static int earlier_first(const void *one, const void *other)
{
	const struct pga_end *a = one;
	const struct pga_end *b = other;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

int pga_forecast_make(const struct pga_forecast_question *question, struct pga_forecast *forecast,
		      struct pga_error *error)
{
	struct pga_forecasting making = {.question = question, .forecast = forecast};
	struct entries entries = {.count = 0};
	int result;

	memset(forecast, 0, sizeof *forecast);
	forecast->now = question->now;
	forecast->last = question->last;
	if (check_names(question, error) != 0)
		return -1;
	forecast->present = calloc(question->changes->without_count + 1, sizeof(bool));
	if (forecast->present == NULL)
		return pga_fail_memory(error);
	result = add_entries(&making, &entries, question->user, NULL, error);
	if (result == 0)
		result = add_entries(&making, &entries, question->system, question->user, error);
	if (result == 0)
		result = look_at_entries(&making, &entries, error);
	if (result > 0)
		pga_many_end(result);
	free_entries(&entries);
	pga_roots_free(&making.roots);
	if (forecast->ends.count > 1)
		qsort(forecast->ends.list, forecast->ends.count, sizeof *forecast->ends.list,
		      earlier_first);
	if (result == 0 && forecast->findings.failed)
		result = pga_fail_memory(error);
	return result;
}

void pga_forecast_free(struct pga_forecast *forecast)
{
	for (size_t i = 0; i < forecast->count; i++) {
		free(forecast->servers[i].service);
		free(forecast->servers[i].host);
		free(forecast->servers[i].port);
		free(forecast->servers[i].why);
	}
	free(forecast->servers);
	free(forecast->present);
	pga_ends_free(&forecast->ends);
	pga_findings_free(&forecast->findings);
	memset(forecast, 0, sizeof *forecast);
}
