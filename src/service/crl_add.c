#include "service/crl_add.h"

#include "anchor/crl_source.h"
#include "base/path.h"
#include "service/crl_issuer.h"
#include "tls/crl_trial.h"

#include <stdlib.h>
#include <string.h>

static int add_item(struct pga_crl_adding *adding, struct pga_crl *crl, const char *source,
		    struct pga_error *error)
{
	struct pga_crl_addition_item *grown;

	for (size_t i = 0; i < adding->count; i++)
		if (strcmp(adding->items[i].crl.digest, crl->digest) == 0)
			return 0;
	grown = reallocarray(adding->items, adding->count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	adding->items = grown;
	memset(&grown[adding->count], 0, sizeof *grown);
	grown[adding->count].source = strdup(source);
	if (grown[adding->count].source == NULL)
		return pga_fail_memory(error);
	grown[adding->count++].crl = *crl;
	memset(crl, 0, sizeof *crl);
	return 0;
}

static int fetch(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
		 const char *source, struct pga_error *error)
{
	const char *whose = source[0] != '\0' ? source : "standard input";
	struct pga_crl_list list;
	int result = pga_crl_source_fetch(&addition->http, source, &adding->pins, &list, error);

	for (size_t i = 0; result == 0 && i < list.count; i++) {
		result = pga_crl_check(&list.crls[i], whose, error);
		if (result == 0)
			result = add_item(adding, &list.crls[i], source, error);
	}
	pga_crl_list_free(&list);
	return result;
}

static int fetch_given(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
		       struct pga_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < addition->count; i++) {
		char *source = pga_crl_source_read(addition->sources[i], error);

		result = source != NULL ? fetch(adding, addition, source, error) : -1;
		free(source);
	}
	return result;
}

static bool is_meant(const struct pga_crl_addition *addition, const struct pga_crl_server *server)
{
	if (addition->host.host != NULL)
		return server->service == NULL;
	if (addition->service != NULL &&
	    (server->service == NULL || strcmp(server->service, addition->service) != 0))
		return false;
	return addition->anchor == NULL ||
	       (server->pin != NULL && strcmp(server->pin->name, addition->anchor) == 0);
}

/* One after the other, until one answers: they are places of one CRL. */
static int fetch_one_of(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
			const char *addresses, struct pga_error *error)
{
	const char *line;
	size_t length;
	int result = -1;

	while (result != 0 && pga_next_line(&addresses, &line, &length)) {
		char *typed = strndup(line, length);
		char *source = typed != NULL ? pga_crl_source_read(typed, error) : NULL;

		if (typed == NULL)
			(void)pga_fail_memory(error);
		result = source != NULL ? fetch(adding, addition, source, error) : -1;
		free(typed);
		free(source);
	}
	return result;
}

static bool is_fetched(const struct pga_crl_adding *adding, const char *addresses)
{
	for (size_t i = 0; i < adding->count; i++)
		if (strstr(addresses, adding->items[i].source) != NULL)
			return true;
	return false;
}

static int fetch_of_server(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
			   const struct pga_crl_server *server, struct pga_error *error)
{
	int result = 0;

	for (int i = 0; result == 0 && i + 1 < sk_X509_num(server->verified); i++) {
		struct pga_text addresses = PGA_TEXT_EMPTY;

		pga_crl_points_of(sk_X509_value(server->verified, i), &addresses);
		if (addresses.failed)
			result = pga_fail_memory(error);
		else if (addresses.length > 0 && !is_fetched(adding, pga_text_string(&addresses)))
			result = fetch_one_of(adding, addition, pga_text_string(&addresses), error);
		pga_text_free(&addresses);
	}
	return result;
}

/* What the certificates of the servers name themselves. */
static int fetch_named(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
		       struct pga_error *error)
{
	const struct pga_crl_server *unverified = NULL;
	size_t verified = 0;

	for (size_t i = 0; i < adding->servers.count; i++) {
		const struct pga_crl_server *server = &adding->servers.items[i];

		if (!is_meant(addition, server))
			continue;
		if (server->verified == NULL)
			unverified = server;
		verified += server->verified != NULL;
		if (fetch_of_server(adding, addition, server, error) != 0)
			return -1;
	}
	if (adding->count > 0)
		return 0;
	if (verified > 0)
		return pga_fail(error, "give its address or file: pganchor crl add URL|FILE",
				"the certificates of the servers name no CRL (they have no "
				"distribution point with an address)");
	if (unverified != NULL)
		return pga_fail(
		    error, "start the server, or give the CRL: pganchor crl add URL|FILE",
		    "no server could be asked which CRL there is: %s: %s", unverified->label,
		    unverified->problem != NULL ? unverified->problem : "not verified");
	return pga_fail(error,
			"--host HOST names a server; or give the CRL: pganchor crl add URL|FILE",
			"there is no service with TLS whose server could be asked which CRL there "
			"is");
}

static int check_service(const struct pga_crl_adding *adding,
			 const struct pga_crl_addition *addition, struct pga_error *error)
{
	if (addition->service == NULL)
		return 0;
	for (size_t i = 0; i < adding->servers.count; i++)
		if (adding->servers.items[i].service != NULL &&
		    strcmp(adding->servers.items[i].service, addition->service) == 0)
			return 0;
	return pga_fail(error, "\"pganchor service list\" shows those there are",
			"service %s: there is none of this name, or none that uses TLS",
			addition->service);
}

static int settle_anchor(const struct pga_crl_addition *addition,
			 const struct pga_crl_addition_item *item, const struct pga_pin *pin,
			 struct pga_error *error)
{
	if (addition->anchor == NULL || (pin != NULL && strcmp(pin->name, addition->anchor) == 0))
		return 0;
	return pga_fail(error,
			pin != NULL ? "--anchor names the CA whose CRL it is"
				    : "pin its root first, or leave --anchor out",
			"the CRL of %s is %s%s, and not of the anchor %s", item->crl.issuer,
			pin != NULL ? "of the anchor " : "of a CA that is not pinned",
			pin != NULL ? pin->name : "", addition->anchor);
}

static int put(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
	       struct pga_crl_addition_item *item, struct pga_error *error)
{
	const char *whose = item->source[0] != '\0' ? item->source : "standard input";
	struct pga_crl_entry entry = {.crl = &item->crl, .source = item->source};
	const struct pga_pin *pin;
	char *key = NULL;
	int result = -1;

	if (pga_crl_issuer_find(&item->crl, whose, &adding->servers, &adding->pins,
				addition->anchor, &key, &pin, error) == 0 &&
	    settle_anchor(addition, item, pin, error) == 0) {
		entry.anchor = pin != NULL ? pin->name : "";
		entry.scoped =
		    addition->anchor != NULL || (pin != NULL && (pin->scoped || pin->system));
		entry.key = key;
		result = pga_crl_plan_put(&adding->plan, &entry, &item->record, error);
	}
	free(key);
	return result;
}

/* Whether the entry has libpq read this file already. */
static bool uses(const struct pga_crl_server *server, const char *path)
{
	return server->own_crls && server->crl_file != NULL &&
	       (strcmp(server->crl_file, path) == 0 || pga_path_is_same(server->crl_file, path));
}

static bool is_of_anchor(const struct pga_crl_server *server, const struct pga_pin *pin)
{
	char *own;
	bool is;

	if (server->pin != NULL || server->roots == NULL)
		return server->pin == pin;
	own = pga_pin_own_file(pin);
	is = own != NULL && pga_path_is_same(own, server->roots);
	free(own);
	return is;
}

/* Of the other hosts of the same service, too. */
static int bind_service(struct pga_crl_adding *adding, const struct pga_crl_server *server,
			const char *path, struct pga_error *error)
{
	if (server->bound != NULL)
		return 0;
	if (pga_crl_plan_bind(&adding->plan, server->service, path, error) != 0)
		return -1;
	for (size_t i = 0; i < adding->servers.count; i++) {
		struct pga_crl_server *other = &adding->servers.items[i];

		if (other->place != PGA_SERVICE_USER || other->service == NULL ||
		    strcmp(other->service, server->service) != 0)
			continue;
		other->bound = strdup(path);
		if (other->bound == NULL)
			return pga_fail_memory(error);
	}
	return 0;
}

/* Has the services of a scoped anchor use its file. */
static int bind_services(struct pga_crl_adding *adding, const struct pga_crl_target *target,
			 struct pga_error *error)
{
	const struct pga_pin *pin = pga_pins_named(&adding->pins, target->anchor);
	size_t bound = 0;

	for (size_t i = 0; pin != NULL && i < adding->servers.count; i++) {
		const struct pga_crl_server *server = &adding->servers.items[i];

		if (server->service == NULL || !is_of_anchor(server, pin))
			continue;
		bound++;
		if (uses(server, target->path))
			continue;
		if (server->own_crls)
			pga_text_addf(&adding->notes,
				      "%s: has CRLs of its own (%s), which stay: it does not use "
				      "these\n",
				      server->label,
				      server->crl_file != NULL ? server->crl_file
							       : server->crl_directory);
		else if (server->place == PGA_SERVICE_SYSTEM)
			pga_text_addf(&adding->notes,
				      "%s: is in the machine's file, and does not use these; "
				      "sslcrl=%s in it would\n",
				      server->label, target->path);
		else if (bind_service(adding, server, target->path, error) != 0)
			return -1;
	}
	if (bound == 0)
		pga_text_addf(&adding->notes,
			      "no service is of the anchor %s: connections use these CRLs with "
			      "sslcrl=%s alone\n",
			      target->anchor, target->path);
	return 0;
}

static int describe(const struct pga_crl_adding *adding, struct pga_crl_addition_item *item,
		    struct pga_error *error)
{
	const struct pga_crl_step *step = &adding->plan.steps[item->record];

	item->path = pga_crl_path(&adding->plan.crls.records[item->record], error);
	if (item->path == NULL)
		return -1;
	item->users = step->fate == PGA_CRL_IS_USERS;
	item->replaced = !step->added;
	item->known = !item->users && step->same && !step->lost;
	return 0;
}

static int compose(struct pga_crl_adding *adding, struct pga_error *error)
{
	if (pga_crl_plan_compose(&adding->plan, error) != 0)
		return -1;
	for (size_t i = 0; i < adding->plan.target_count; i++)
		if (adding->plan.targets[i].anchor != NULL &&
		    bind_services(adding, &adding->plan.targets[i], error) != 0)
			return -1;
	for (size_t i = 0; i < adding->count; i++)
		if (describe(adding, &adding->items[i], error) != 0)
			return -1;
	if (adding->notes.failed)
		return pga_fail_memory(error);
	return pga_crl_plan_order(&adding->plan, error);
}

int pga_crl_adding_begin(struct pga_crl_adding *adding, const struct pga_crl_addition *addition,
			 struct pga_error *error)
{
	memset(adding, 0, sizeof *adding);
	if (pga_policy_load(&adding->policy, error) != 0 ||
	    pga_pins_load(&adding->pins, &adding->policy, error) != 0 ||
	    pga_crl_servers_ask(&adding->servers, &addition->host, &adding->policy, &adding->pins,
				error) != 0 ||
	    check_service(adding, addition, error) != 0 ||
	    (addition->count > 0 ? fetch_given(adding, addition, error)
				 : fetch_named(adding, addition, error)) != 0 ||
	    pga_crl_plan_begin(&adding->plan, error) != 0)
		return -1;
	for (size_t i = 0; i < adding->count; i++)
		if (put(adding, addition, &adding->items[i], error) != 0)
			return -1;
	if (compose(adding, error) != 0)
		return -1;
	return pga_crl_plan_try(&adding->plan, &adding->servers, &adding->verdicts, error);
}

int pga_crl_adding_write(struct pga_crl_adding *adding, struct pga_error *error)
{
	return pga_transaction_write(adding->plan.order, adding->plan.order_count, error);
}

void pga_crl_adding_end(struct pga_crl_adding *adding)
{
	pga_crl_plan_end(&adding->plan);
	pga_crl_verdicts_free(&adding->verdicts);
	pga_crl_servers_free(&adding->servers);
	pga_pins_free(&adding->pins);
	pga_policy_free(&adding->policy);
	pga_text_free(&adding->notes);
	for (size_t i = 0; i < adding->count; i++) {
		pga_crl_free(&adding->items[i].crl);
		free(adding->items[i].source);
		free(adding->items[i].path);
	}
	free(adding->items);
	memset(adding, 0, sizeof *adding);
}
