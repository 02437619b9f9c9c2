/* What the entries of this machine's pg_service.conf that lead to the same server make of the chain
 * that it shows them. */
#include "audit/collect.h"

#include "service/addresses.h"
#include "tls/dial.h"
#include "tls/server_chain.h"

#include <openssl/ssl.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* From 19 on, each name may have a certificate of its own: ssl_sni, which not everybody sees. */
static bool shows_by_name(const struct pga_audit *audit)
{
	const char *setting = pga_audit_setting(audit, "ssl_sni");

	return setting != NULL ? strcmp(setting, "on") == 0 : audit->version >= 190000;
}

/* The one of the audit's own session, where the server has no other; the caller frees it. NULL with
 * the reason. */
static STACK_OF(X509) * shown_to(const struct pga_audit *audit,
				 const struct pga_audit_connection *connection,
				 const struct pga_probe_target *target, struct pga_error *error)
{
	const SSL *ssl = PQsslStruct(connection->connection, "OpenSSL");
	const long long left = connection->deadline - pga_dial_now();
	const struct pga_server server = {.host = target->host,
					  .port = target->port,
					  .address = PQhostaddr(connection->connection),
					  .way = PGA_SERVER_REQUESTED,
					  .connect_timeout = (long)left,
					  .max_time = (long)left};
	STACK_OF(X509) *chain = NULL;

	if (!shows_by_name(audit) || strcmp(target->host, audit->host) == 0) {
		chain = X509_chain_up_ref(SSL_get_peer_cert_chain(ssl));
		if (chain == NULL)
			(void)pga_fail_memory(error);
	} else if (left <= 0) {
		(void)pga_fail(error, NULL, "the time is over");
	} else {
		(void)pga_server_chain(&server, &chain, NULL, error);
	}
	return chain;
}

/* chain NULL: it is shown none, and so the caller's error says why. */
static int add(struct pga_audit *audit, const struct pga_fleet_server *server,
	       STACK_OF(X509) * chain, struct pga_error *error)
{
	struct pga_audit_caller *caller =
	    pga_audit_grow(audit, &audit->callers, &audit->caller_count, sizeof *caller);
	struct pga_chain_view view = {.verified = false};
	const char *why;
	int result = 0;

	if (caller == NULL)
		return pga_fail_memory(error);
	if (chain != NULL)
		result = pga_chain_view_of(server->target, chain, &view, error);
	why = chain != NULL ? view.why : error->message;
	caller->services = pga_audit_copy(audit, server->services);
	caller->host = pga_audit_copy(audit, server->target->host);
	caller->weak = chain != NULL && server->target->unverified;
	caller->verified = view.verified;
	caller->anchor = pga_audit_copy(audit, view.anchor != NULL ? view.anchor : "");
	caller->why = pga_audit_copy(audit, why != NULL ? why : "");
	caller->hint = pga_audit_copy(audit, view.hint != NULL ? view.hint : "");
	pga_chain_view_free(&view);
	return result;
}

static int collect(struct pga_audit *audit, const struct pga_audit_connection *connection,
		   const struct pga_callers *callers, const struct addrinfo *addresses,
		   struct pga_error *error)
{
	const unsigned port = (unsigned)strtoul(audit->port, NULL, 10);
	int result = 0;

	for (size_t i = 0; result == 0 && i < callers->fleet.count; i++) {
		const struct pga_fleet_server *server = &callers->fleet.list[i];
		STACK_OF(X509) * chain;

		if (!pga_caller_leads(callers, i, addresses, port))
			continue;
		chain = shown_to(audit, connection, server->target, error);
		result = add(audit, server, chain, error);
		sk_X509_pop_free(chain, X509_free);
	}
	return result;
}

int pga_audit_collect_callers(struct pga_audit *audit, struct pga_audit_connection *connection,
			      const struct pga_callers *callers, struct pga_error *error)
{
	const char *address = PQhostaddr(connection->connection);
	struct addrinfo *addresses;
	int result;

	if (audit->chain_length == 0 || address == NULL || address[0] == '\0')
		return 0;
	addresses = pga_addresses_find(address, true);
	if (addresses == NULL)
		return 0;
	result = collect(audit, connection, callers, addresses, error);
	freeaddrinfo(addresses);
	return result;
}
