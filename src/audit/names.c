#include "audit/names.h"

#include "audit/collect.h"
#include "base/many.h"
#include "policy/hostlist.h"
#include "policy/linked.h"
#include "service/addresses.h"
#include "service/list.h"
#include "tls/dial.h"
#include "tls/host_name.h"
#include "tls/server_chain.h"

#include <stdlib.h>
#include <string.h>

/* Of more nobody waits for the lookups. */
#define MOST_NAMES 2000

#define MOST_TIME 5000 /* milliseconds, for one handshake */

static int add(struct pga_audit_names *names, const char *service, const struct pga_host *host,
	       struct pga_error *error)
{
	struct pga_audit_name *list = reallocarray(names->list, names->count + 1, sizeof *list);
	struct pga_audit_name *name;

	if (list == NULL)
		return pga_fail_memory(error);
	names->list = list;
	name = &list[names->count];
	*name = (struct pga_audit_name){
	    .service = strdup(service),
	    .host = strdup(pga_host_label(host)),
	    .port = strdup(host->port[0] != '\0' ? host->port : "5432"),
	    .look_up = strdup(host->address[0] != '\0' ? host->address : host->name),
	    .like = names->count,
	};
	names->count++;
	if (name->service == NULL || name->host == NULL || name->port == NULL ||
	    name->look_up == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i + 1 < names->count && name->like + 1 == names->count; i++)
		if (strcmp(list[i].look_up, name->look_up) == 0)
			name->like = list[i].like;
	return 0;
}

static int add_entry(struct pga_audit_names *names, const struct pga_listed *listed,
		     struct pga_error *error)
{
	struct pga_hosts hosts;
	int result;

	if (listed->hidden || listed->entry->name == NULL || listed->entry->shadowed != 0 ||
	    !listed->evaluation.needs_tls || names->count >= MOST_NAMES)
		return 0;
	result =
	    pga_hosts_split(listed->settings[PGA_TOLD_HOST], listed->settings[PGA_TOLD_HOSTADDR],
			    listed->settings[PGA_TOLD_PORT], &hosts, error);
	if (result != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < hosts.count; i++)
		if (!hosts.items[i].local)
			result = add(names, listed->entry->name, &hosts.items[i], error);
	pga_hosts_free(&hosts);
	return result;
}

static int read_files(struct pga_audit_names *names, const struct pga_policy *policy,
		      const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_service_file user = {0};
	struct pga_service_file system = {0};
	struct pga_service_list list = {0};
	struct pga_error ignored;
	int result = 0;

	/* What libpq itself cannot read has been told of each service. */
	if (pga_service_file_read(&user, PGA_SERVICE_USER, &ignored) == 0 &&
	    pga_service_file_read(&system, PGA_SERVICE_SYSTEM, &ignored) == 0)
		result = pga_service_list_make(&list, &user, &system, policy, pins, error);
	for (size_t i = 0; result == 0 && i < list.count; i++)
		result = add_entry(names, &list.entries[i], error);
	pga_service_list_free(&list);
	pga_service_file_free(&user);
	pga_service_file_free(&system);
	return result;
}

static void *look_up(void *context, size_t index, bool *failed)
{
	const struct pga_audit_names *names = context;
	const struct pga_audit_name *name = &names->list[index];

	(void)failed;
	return name->like == index ? pga_addresses_find(name->look_up, false) : NULL;
}

static int take(void *context, size_t index, void *result, struct pga_error *error)
{
	const struct pga_audit_names *names = context;

	(void)error;
	names->list[index].addresses = result;
	return 0;
}

static void drop(void *result)
{
	if (result != NULL)
		freeaddrinfo(result);
}

int pga_audit_names_find(struct pga_audit_names *names, const struct pga_policy *policy,
			 const struct pga_pins *pins, struct pga_error *error)
{
	const struct pga_many many = {
	    .work = look_up, .take = take, .drop = drop, .context = names};
	struct pga_many looking = many;
	struct pga_hidden_environment hidden;
	int result;

	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = read_files(names, policy, pins, error);
	pga_restore_environment(&hidden);
	looking.count = names->count;
	return result == 0 && names->count > 0 ? pga_many_run(&looking, error) : result;
}

static bool leads_here(const struct pga_audit_names *names, const struct pga_audit_name *name,
		       const char *address)
{
	const struct addrinfo *addresses = names->list[name->like].addresses;

	return addresses != NULL && pga_address_leads(address, addresses);
}

/* Whether what the server shows by this name is for it, or cannot be seen. */
static bool is_named(const struct pga_audit_name *name, const char *address, long time_left)
{
	const struct pga_server server = {.host = name->host,
					  .port = (unsigned)strtoul(name->port, NULL, 10),
					  .address = address,
					  .connect_timeout = MOST_TIME,
					  .max_time =
					      time_left < MOST_TIME ? time_left : MOST_TIME};
	STACK_OF(X509) *chain = NULL;
	struct pga_error ignored;
	bool named = true;

	if (pga_server_chain(&server, &chain, NULL, &ignored) == 0 && sk_X509_num(chain) > 0)
		named = pga_certificate_names_host(sk_X509_value(chain, 0), name->host) !=
			PGA_NAMED_NOT;
	sk_X509_pop_free(chain, X509_free);
	return named;
}

void pga_audit_names_check(struct pga_audit *audit, const struct pga_audit_connection *connection,
			   const struct pga_audit_names *names)
{
	const char *address = PQhostaddr(connection->connection);
	const char *port = PQport(connection->connection);

	if (address == NULL || address[0] == '\0' || port == NULL || audit->chain_length == 0)
		return;
	for (size_t i = 0; i < names->count; i++) {
		const struct pga_audit_name *name = &names->list[i];
		const long left = (long)(connection->deadline - pga_dial_now());
		struct pga_audit_unnamed *unnamed;

		/* That one is what has been verified. */
		if (left <= 0 || strcmp(name->port, port) != 0 ||
		    strcmp(name->host, audit->host) == 0 || !leads_here(names, name, address) ||
		    is_named(name, address, left))
			continue;
		unnamed =
		    pga_audit_grow(audit, &audit->unnamed, &audit->unnamed_count, sizeof *unnamed);
		if (unnamed == NULL)
			return;
		unnamed->service = pga_audit_copy(audit, name->service);
		unnamed->host = pga_audit_copy(audit, name->host);
	}
}

void pga_audit_names_free(struct pga_audit_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		free(names->list[i].service);
		free(names->list[i].host);
		free(names->list[i].port);
		free(names->list[i].look_up);
		drop(names->list[i].addresses);
	}
	free(names->list);
}
