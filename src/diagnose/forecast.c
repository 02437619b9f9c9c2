#include "diagnose/forecast.h"

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

static int look_at_settings(struct pga_forecasting *making, struct pga_error *error)
{
	const struct pga_root_changes *changes = making->question->changes;
	const bool strict = needs_tls(&making->effective);
	int result =
	    pga_trusted_load(&making->trusted, &making->roots, &making->effective, changes, error);

	for (size_t i = 0; result == 0 && i < changes->without_count; i++)
		making->forecast->present[i] =
		    making->forecast->present[i] || making->trusted.present[i];
	if (result != 0 || making->trusted.why.length == 0 || (strict && changes->with != NULL))
		result = result == 0 ? pga_forecast_servers(making, error) : -1;
	else if (strict)
		result = tell_no_roots(making, error);
	else
		result = leave_out(making, "nothing is verified: there are no roots", error);
	pga_trusted_free(&making->trusted);
	return result;
}

/* libpq finds the entry as it does for psql. */
static int look_at_entry(struct pga_forecasting *making, const struct pga_entry *entry,
			 struct pga_error *error)
{
	const char *keywords[] = {"service", NULL};
	const char *values[] = {entry->name, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	int asked;
	int result;

	making->service = entry->name;
	if (entry->ldap)
		return leave_out(making, "only an LDAP server could tell", error);
	memset(&making->effective, 0, sizeof making->effective);
	asked = pga_ask(&parameters, &making->effective, error);
	if (asked < 0)
		return -1;
	if (asked > 0) {
		char *why = strdup(error->message);

		result = why != NULL ? leave_out(making, why, error) : pga_fail_memory(error);
		free(why);
		return result;
	}
	result = look_at_settings(making, error);
	pga_effective_free(&pga_linked_libpq, &making->effective);
	return result;
}

static bool is_asked(const struct pga_forecast_question *question, const char *name)
{
	for (size_t i = 0; i < question->service_count; i++)
		if (strcmp(question->services[i], name) == 0)
			return true;
	return question->service_count == 0;
}

/* before: the file that libpq looks into first; NULL: none. */
static int look_at_file(struct pga_forecasting *making, const struct pga_service_file *file,
			const struct pga_service_file *before, struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < file->count; i++) {
		const struct pga_entry *entry = &file->entries[i];

		if (entry->name == NULL || entry->shadowed != 0 ||
		    !is_asked(making->question, entry->name) ||
		    (before != NULL && pga_service_file_find(before, entry->name) != NULL))
			continue;
		result = look_at_entry(making, entry, error);
	}
	return result;
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
	int result;

	memset(forecast, 0, sizeof *forecast);
	forecast->now = question->now;
	forecast->last = question->last;
	if (check_names(question, error) != 0)
		return -1;
	forecast->present = calloc(question->changes->without_count + 1, sizeof(bool));
	if (forecast->present == NULL)
		return pga_fail_memory(error);
	result = look_at_file(&making, question->user, NULL, error);
	if (result == 0)
		result = look_at_file(&making, question->system, question->user, error);
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
