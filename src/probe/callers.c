#include "probe/callers.h"

#include "base/many.h"
#include "probe/chain.h"
#include "service/addresses.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- where they lead ---- */

struct looking {
	const struct pga_callers *callers;
	unsigned port;
};

/* In a thread. A name that leads nowhere is as good as none. */
static void *look_up(void *context, size_t index, bool *failed)
{
	const struct looking *looking = context;
	const struct pga_probe_target *target = looking->callers->fleet.list[index].target;
	const bool numeric = target->address[0] != '\0';

	*failed = false;
	if (looking->port != 0 && looking->port != target->port)
		return NULL;
	return pga_addresses_find(numeric ? target->address : target->host, numeric);
}

static int take(void *context, size_t index, void *found, struct pga_error *error)
{
	const struct looking *looking = context;

	(void)error;
	looking->callers->addresses[index] = found;
	return 0;
}

static void drop(void *found)
{
	if (found != NULL)
		freeaddrinfo(found);
}

static int look_up_all(struct pga_callers *callers, unsigned port, struct pga_error *error)
{
	struct looking looking = {callers, port};
	const struct pga_many many = {.count = callers->fleet.count,
				      .work = look_up,
				      .take = take,
				      .drop = drop,
				      .context = &looking};

	callers->addresses = calloc(many.count + 1, sizeof(struct addrinfo *));
	return callers->addresses != NULL ? pga_many_run(&many, error) : pga_fail_memory(error);
}

int pga_callers_find(struct pga_callers *callers, unsigned port, const struct pga_policy *policy,
		     const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_probe_trusts *trusts = &callers->trusts;

	memset(callers, 0, sizeof *callers);
	trusts->policy = policy;
	trusts->pins = pins;
	if (pga_service_file_read(&trusts->user, PGA_SERVICE_USER, error) != 0 ||
	    pga_service_file_read(&trusts->system, PGA_SERVICE_SYSTEM, error) != 0)
		return -1;
	trusts->files_read = true;
	if (pga_fleet_add_services(&callers->fleet, &trusts->user, &trusts->system, trusts,
				   error) != 0 ||
	    pga_fleet_make(&callers->fleet, NULL, error) != 0)
		return -1;
	return look_up_all(callers, port, error);
}

void pga_callers_free(struct pga_callers *callers)
{
	for (size_t i = 0; callers->addresses != NULL && i < callers->fleet.count; i++)
		drop(callers->addresses[i]);
	free(callers->addresses);
	pga_fleet_free(&callers->fleet);
	pga_probe_trusts_free(&callers->trusts);
	memset(callers, 0, sizeof *callers);
}

bool pga_caller_leads(const struct pga_callers *callers, size_t index,
		      const struct addrinfo *addresses, unsigned port)
{
	return callers->fleet.list[index].target->port == port &&
	       pga_addresses_meet(callers->addresses[index], addresses);
}

/* ---- what they make of a chain ---- */

static int take_over(struct pga_chain_view *view, struct pga_probe *probe, struct pga_error *error)
{
	const struct pga_probe_certificate *last =
	    probe->length > 0 ? &probe->chain[probe->length - 1] : NULL;

	view->verified = probe->verified;
	view->no_roots = probe->fault == PGA_FAULT_NO_ROOTS;
	if (last != NULL && last->anchor != NULL) {
		view->anchor = strdup(last->anchor->name);
		if (view->anchor == NULL)
			return pga_fail_memory(error);
	}
	if (view->verified)
		return 0;
	view->why = probe->why;
	view->hint = probe->hint;
	probe->why = NULL;
	probe->hint = NULL;
	return view->why != NULL ? 0 : pga_fail_memory(error);
}

int pga_chain_view_of(const struct pga_probe_target *target, STACK_OF(X509) * chain,
		      struct pga_chain_view *view, struct pga_error *error)
{
	struct pga_probe probe = {.now = time(NULL)};
	int result;

	memset(view, 0, sizeof *view);
	result = pga_probe_chain(target, chain, &probe, error);
	if (result == 0 && !probe.verified)
		result = pga_probe_explain(target, &probe, error);
	if (result == 0)
		result = take_over(view, &probe, error);
	pga_probe_free(&probe);
	return result;
}

void pga_chain_view_free(struct pga_chain_view *view)
{
	free(view->anchor);
	free(view->why);
	free(view->hint);
	memset(view, 0, sizeof *view);
}
