#include "service/crl_refresh.h"

#include "anchor/crl_source.h"
#include "service/crl_plan.h"
#include "service/crl_servers.h"
#include "service/crl_try.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One of the records, while it is looked at. */
struct looking {
	struct pga_crl_record record; /* shares its texts with those that were read */
	struct pga_crl_list fetched;
	const struct pga_crl *crl; /* of those: the one that is for the same; NULL: none */
	bool put;
};

struct refreshing {
	struct pga_policy policy;
	struct pga_pins pins;
	struct pga_crls crls;
	struct looking *looked; /* one for each of the report's items */
	struct pga_crl_servers servers;
	struct pga_crls_report *report;
	bool dry_run;
};

static int fail_item(struct pga_crls_report *report, size_t item, const struct pga_error *why,
		     struct pga_error *error)
{
	struct pga_crl_refreshed *refreshed = &report->items[item];

	if (refreshed->outcome != PGA_CRL_FAILED)
		report->failed++;
	refreshed->outcome = PGA_CRL_FAILED;
	free(refreshed->why);
	free(refreshed->hint);
	refreshed->why = strdup(why->message);
	refreshed->hint = why->hint[0] != '\0' ? strdup(why->hint) : NULL;
	return refreshed->why != NULL && (why->hint[0] == '\0' || refreshed->hint != NULL)
		   ? 0
		   : pga_fail_memory(error);
}

/* The one that is for the same, and is good. Returns -1 with the reason. */
static int choose(struct looking *looking, struct pga_error *error)
{
	const struct pga_crl_record *record = &looking->record;
	const struct pga_crl *crl = NULL;

	for (size_t i = 0; i < looking->fetched.count && crl == NULL; i++)
		if (strcmp(looking->fetched.crls[i].scope, record->scope) == 0)
			crl = &looking->fetched.crls[i];
	if (crl == NULL)
		return pga_fail(error,
				"the CA may have another key, or its CRL another distribution "
				"point: pganchor crl add puts that one in place",
				"%s: has no CRL any more that is for what this one is for (%s)",
				record->source, record->issuer);
	if (!pga_crl_is_signed_by_key(crl, record->key))
		return pga_fail(error, "it may be damaged, or forged; the one in place stays",
				"%s: the CRL is not signed by the key of %s", record->source,
				record->issuer);
	if (strcmp(crl->digest, record->digest) == 0) {
		looking->crl = crl;
		return 0;
	}
	if (pga_crl_check(crl, record->source, error) != 0)
		return -1;
	if (pga_crl_is_older(record, crl, error))
		return pga_fail(error, "the one in place stays; who runs the CA should know of it",
				"%s: not taken: %s", record->source,
				strcmp(crl->this_update, record->this_update) < 0
				    ? "it is an earlier CRL than the one in place, which has what "
				      "was revoked since"
				    : "its number is not above that of the one in place, which has "
				      "what was revoked since");
	looking->crl = crl;
	looking->put = true;
	return 0;
}

static int look(struct refreshing *refreshing, size_t item, struct pga_error *error)
{
	const struct pga_http http = {.connect_timeout = PGA_HTTP_CONNECT_TIMEOUT,
				      .max_time = PGA_HTTP_MAX_TIME};
	struct looking *looking = &refreshing->looked[item];
	struct pga_crl_refreshed *refreshed = &refreshing->report->items[item];
	struct pga_error why;
	bool there = false;

	if (pga_crl_is_there(&looking->record, &there, &why) != 0)
		return fail_item(refreshing->report, item, &why, error);
	if (!there)
		(void)pga_fail(&why,
			       "pganchor crl add puts it there again, and pganchor crl remove "
			       "forgets it",
			       "the file has not the CRL that was put there: it was taken out or "
			       "changed by another hand");
	else if (looking->record.source[0] == '\0')
		(void)pga_fail(&why, "give it again: pganchor crl add",
			       "it came by standard input, and cannot be fetched anew");
	else if (pga_crl_source_fetch(&http, looking->record.source, &refreshing->pins,
				      &looking->fetched, &why) == 0 &&
		 choose(looking, &why) == 0) {
		refreshed->outcome = looking->put ? PGA_CRL_REPLACED : PGA_CRL_SAME;
		return 0;
	}
	return fail_item(refreshing->report, item, &why, error);
}

static size_t index_of(const struct pga_crls *crls, const char *name)
{
	size_t i = 0;

	while (i < crls->count && strcmp(crls->records[i].name, name) != 0)
		i++;
	return i;
}

static int put(const struct refreshing *refreshing, struct pga_crl_plan *plan, size_t item,
	       struct pga_error *error)
{
	const struct looking *looking = &refreshing->looked[item];
	const size_t at = index_of(&plan->crls, looking->record.name);
	const struct pga_crl_entry entry = {looking->crl, looking->record.source,
					    looking->record.anchor, looking->record.scoped,
					    looking->record.key};
	size_t record;

	/* Another pganchor may have been here meanwhile. */
	if (at == plan->crls.count)
		return 0;
	if (looking->put)
		return pga_crl_plan_put(plan, &entry, &record, error);
	pga_crl_plan_checked(plan, at);
	return 0;
}

/* Tries what was put there on the servers; 1 with the reason where one would be refused. */
static int try_plan(struct refreshing *refreshing, const struct pga_crl_plan *plan,
		    struct pga_error *error)
{
	struct pga_crl_verdicts verdicts;
	int result = pga_crl_plan_try(plan, &refreshing->servers, &verdicts, error);

	if (result == 0 && verdicts.refused.length > 0) {
		const char *refused = pga_text_string(&verdicts.refused);

		(void)pga_fail(error, "the one in place stays",
			       "not taken: with it, libpq would refuse a server: %.*s",
			       (int)strcspn(refused, "\n"), refused);
		result = 1;
	} else if (result == 0) {
		pga_text_add(&refreshing->report->notes, pga_text_string(&verdicts.revoked));
		/* Before anything is written. */
		if (refreshing->report->notes.failed) {
			pga_text_free(&refreshing->report->notes);
			result = pga_fail_memory(error);
		}
	}
	pga_crl_verdicts_free(&verdicts);
	return result;
}

/* Writes what is new of the items from the first up to the last. Returns 1 with the reason where it
 * would be refused, -1 where it cannot be. */
static int write_items(struct refreshing *refreshing, size_t first, size_t last,
		       struct pga_error *error)
{
	struct pga_crl_plan plan;
	bool any = false;
	bool puts = false;
	int result = pga_crl_plan_begin(&plan, error);

	for (size_t i = first; result == 0 && i < last; i++) {
		if (refreshing->looked[i].crl == NULL)
			continue;
		any = true;
		puts = puts || refreshing->looked[i].put;
		result = put(refreshing, &plan, i, error);
	}
	if (result == 0 && any) {
		result = pga_crl_plan_compose(&plan, error);
		if (result == 0 && puts)
			result = try_plan(refreshing, &plan, error);
		if (result == 0 && !refreshing->dry_run)
			result = pga_crl_plan_order(&plan, error) == 0
				     ? pga_transaction_write(plan.order, plan.order_count, error)
				     : -1;
	}
	pga_crl_plan_end(&plan);
	return result;
}

/* All at once, since CRLs may need each other; and one at a time where that does not do, so that
 * one CA's fault does not let the others' expire. */
static int write_all(struct refreshing *refreshing, struct pga_error *error)
{
	const size_t count = refreshing->report->count;
	struct pga_error why;
	int result = write_items(refreshing, 0, count, &why);

	for (size_t i = 0; result != 0 && i < count; i++) {
		if (refreshing->looked[i].crl == NULL)
			continue;
		if (write_items(refreshing, i, i + 1, &why) != 0 &&
		    fail_item(refreshing->report, i, &why, error) != 0)
			return -1;
	}
	return 0;
}

static bool is_wanted(const char *const *names, const char *name)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return names == NULL;
}

static char *copy(const char *text, bool *failed)
{
	char *made = strdup(text);

	*failed = *failed || made == NULL;
	return made;
}

static int add_item(struct refreshing *refreshing, struct pga_crl_record *record,
		    struct pga_error *error)
{
	struct pga_crls_report *report = refreshing->report;
	struct pga_crl_refreshed *item = &report->items[report->count];
	bool failed = false;

	item->name = copy(record->name, &failed);
	item->issuer = copy(record->issuer, &failed);
	item->anchor = copy(record->anchor, &failed);
	item->source = copy(record->source, &failed);
	item->revoked = record->revoked;
	memcpy(item->next_update, record->next_update, sizeof item->next_update);
	refreshing->looked[report->count++].record = *record;
	return failed ? pga_fail_memory(error) : 0;
}

static int choose_items(struct refreshing *refreshing, const char *const *names,
			struct pga_error *error)
{
	const struct pga_crls *crls = &refreshing->crls;
	int result = 0;

	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		if (pga_crls_named(crls, names[i]) == NULL)
			return pga_fail(error, "\"pganchor crl list\" shows those there are",
					"crl %s: there is none of this name that pganchor has put "
					"in place",
					names[i]);
	refreshing->report->items = calloc(crls->count + 1, sizeof *refreshing->report->items);
	refreshing->looked = calloc(crls->count + 1, sizeof *refreshing->looked);
	if (refreshing->report->items == NULL || refreshing->looked == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < crls->count && result == 0; i++)
		if (is_wanted(names, crls->records[i].name))
			result = add_item(refreshing, &crls->records[i], error);
	return result;
}

static void tell_new(const struct refreshing *refreshing)
{
	for (size_t i = 0; i < refreshing->report->count; i++) {
		struct pga_crl_refreshed *item = &refreshing->report->items[i];
		const struct pga_crl *crl = refreshing->looked[i].crl;

		if (item->outcome != PGA_CRL_REPLACED || crl == NULL)
			continue;
		item->revoked = crl->revoked;
		memcpy(item->next_update, crl->next_update, sizeof item->next_update);
	}
}

static int refresh(struct refreshing *refreshing, bool due_only, struct pga_error *error)
{
	bool any = false;
	bool puts = false;

	for (size_t i = 0; i < refreshing->report->count; i++) {
		if (due_only && time(NULL) < pga_crl_due(&refreshing->looked[i].record))
			continue;
		if (look(refreshing, i, error) != 0)
			return -1;
		any = any || refreshing->looked[i].crl != NULL;
		puts = puts || refreshing->looked[i].put;
	}
	if (!any)
		return 0;
	if (puts && pga_crl_servers_ask(&refreshing->servers, NULL, &refreshing->policy,
					&refreshing->pins, error) != 0)
		return -1;
	if (write_all(refreshing, error) != 0)
		return -1;
	tell_new(refreshing);
	return 0;
}

int pga_crls_refresh(const char *const *names, bool due_only, bool dry_run,
		     struct pga_crls_report *report, struct pga_error *error)
{
	struct refreshing refreshing = {.report = report, .dry_run = dry_run};
	int result = -1;

	memset(report, 0, sizeof *report);
	if (pga_crls_read(&refreshing.crls, error) == 0 &&
	    choose_items(&refreshing, names, error) == 0 &&
	    (report->count == 0 ||
	     (pga_policy_load(&refreshing.policy, error) == 0 &&
	      pga_pins_load(&refreshing.pins, &refreshing.policy, error) == 0 &&
	      refresh(&refreshing, due_only, error) == 0)))
		result = 0;
	for (size_t i = 0; refreshing.looked != NULL && i < report->count; i++)
		pga_crl_list_free(&refreshing.looked[i].fetched);
	free(refreshing.looked);
	pga_crl_servers_free(&refreshing.servers);
	pga_crls_free(&refreshing.crls);
	pga_pins_free(&refreshing.pins);
	pga_policy_free(&refreshing.policy);
	return result;
}

void pga_crls_report_free(struct pga_crls_report *report)
{
	for (size_t i = 0; report->items != NULL && i < report->count; i++) {
		free(report->items[i].name);
		free(report->items[i].issuer);
		free(report->items[i].anchor);
		free(report->items[i].source);
		free(report->items[i].why);
		free(report->items[i].hint);
	}
	free(report->items);
	pga_text_free(&report->notes);
	memset(report, 0, sizeof *report);
}
