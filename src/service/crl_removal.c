#include "service/crl_removal.h"

#include "service/crl_removal_try.h"

#include "service/crl_plan.h"
#include "service/crl_servers.h"

#include <stdlib.h>
#include <string.h>

struct pga_crl_removal {
	struct pga_crl_plan plan;
	struct pga_text names;
	struct pga_text left;
};

static bool is_among(const char *const *names, const char *name)
{
	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool is_chosen(const struct pga_crl_choice *choice, const struct pga_crl_record *record)
{
	return (choice->anchors == NULL || is_among(choice->anchors, record->anchor)) &&
	       (choice->names == NULL || is_among(choice->names, record->name)) &&
	       (choice->all || choice->anchors != NULL || choice->names != NULL);
}

static int check_names(const struct pga_crl_choice *choice, const struct pga_crls *crls,
		       struct pga_error *error)
{
	for (size_t i = 0; choice->names != NULL && choice->names[i] != NULL; i++)
		if (pga_crls_named(crls, choice->names[i]) == NULL)
			return pga_fail(error, "\"pganchor crl list\" shows those there are",
					"crl %s: there is none of this name that pganchor has put "
					"in place",
					choice->names[i]);
	return 0;
}

static int note(struct pga_crl_removal *removal, struct pga_error *error)
{
	const struct pga_crl_plan *plan = &removal->plan;

	for (size_t i = 0; i < plan->crls.count; i++) {
		const struct pga_crl_record *record = &plan->crls.records[i];
		char *path;

		if (plan->steps[i].fate != PGA_CRL_DROPPED)
			continue;
		pga_text_addf(&removal->names, "%s\n", record->name);
		if (!plan->steps[i].lost)
			continue;
		path = pga_crl_path(record, error);
		if (path == NULL)
			return -1;
		pga_text_addf(&removal->left, "%s: the CRL of %s\n", path, record->issuer);
		free(path);
	}
	return removal->names.failed || removal->left.failed ? pga_fail_memory(error) : 0;
}

static int begin(struct pga_crl_removal *removal, const struct pga_crl_choice *choice,
		 bool with_services, struct pga_error *error)
{
	struct pga_crl_plan *plan = &removal->plan;
	size_t chosen = 0;

	if (pga_crl_plan_begin(plan, error) != 0 || check_names(choice, &plan->crls, error) != 0)
		return -1;
	for (size_t i = 0; i < plan->crls.count; i++) {
		if (!is_chosen(choice, &plan->crls.records[i]))
			continue;
		pga_crl_plan_drop(plan, i);
		chosen++;
	}
	/* A file is not written anew for its form's sake. */
	if (chosen == 0)
		return 0;
	if (pga_crl_plan_compose(plan, error) != 0 ||
	    (with_services && pga_crl_plan_unbind_all(plan, error) != 0) ||
	    note(removal, error) != 0)
		return -1;
	return pga_crl_plan_order(plan, error);
}

struct pga_crl_removal *pga_crl_removal_begin(const struct pga_crl_choice *choice,
					      bool with_services, struct pga_error *error)
{
	struct pga_crl_removal *removal = calloc(1, sizeof *removal);

	if (removal == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	if (begin(removal, choice, with_services, error) == 0)
		return removal;
	pga_crl_removal_end(removal);
	return NULL;
}

struct pga_transaction_file *const *pga_crl_removal_files(const struct pga_crl_removal *removal,
							  size_t *count)
{
	*count = removal->plan.order_count;
	return removal->plan.order;
}

const char *pga_crl_removal_names(const struct pga_crl_removal *removal)
{
	return pga_text_string(&removal->names);
}

const char *pga_crl_removal_left(const struct pga_crl_removal *removal)
{
	return pga_text_string(&removal->left);
}

const char *pga_crl_removal_services(const struct pga_crl_removal *removal)
{
	return pga_text_string(&removal->plan.unbound);
}

int pga_crl_removal_try(const struct pga_crl_removal *removal, struct pga_crl_verdicts *verdicts,
			struct pga_error *error)
{
	struct pga_crl_servers servers = {0};
	struct pga_policy policy = {0};
	struct pga_pins pins = {0};
	int result = -1;

	memset(verdicts, 0, sizeof *verdicts);
	if (pga_policy_load(&policy, error) == 0 && pga_pins_load(&pins, &policy, error) == 0 &&
	    pga_crl_servers_ask(&servers, NULL, &policy, &pins, error) == 0)
		result = pga_crl_plan_try(&removal->plan, &servers, verdicts, error);
	pga_crl_servers_free(&servers);
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return result;
}

void pga_crl_removal_end(struct pga_crl_removal *removal)
{
	if (removal == NULL)
		return;
	pga_crl_plan_end(&removal->plan);
	pga_text_free(&removal->names);
	pga_text_free(&removal->left);
	free(removal);
}
