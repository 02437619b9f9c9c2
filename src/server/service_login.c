#include "server/service_login.h"

#include "base/shell_word.h"
#include "base/text.h"
#include "policy/linked.h"
#include "service/ask.h"
#include "service/check_many.h"
#include "service/pinned_login.h"
#include "tls/dial.h"
#include "tls/pg_answer.h"

#include <stdlib.h>
#include <string.h>

#define LOGIN_MILLISECONDS 10000

static const char pooler_hint[] = "name a service that leads to the server itself";

static void ignore_progress(void *context, size_t done)
{
	(void)context;
	(void)done;
}

static int check_handshake(const char *service, const struct pga_policy *policy,
			   const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_checked_service *checked = calloc(1, sizeof *checked);
	int result;

	if (checked == NULL)
		return pga_fail_memory(error);
	checked->name = service;
	if (pga_check_many(checked, 1, policy, pins, ignore_progress, NULL, error) != 0) {
		result = -1;
	} else if (checked->problem != NULL || !checked->trusted) {
		(void)pga_fail(error, "pganchor probe says more",
			       "the server of %s is not verified: %s", service,
			       checked->problem != NULL ? checked->problem
							: "its root is not pinned for it");
		result = PGA_SERVICE_UNVERIFIED;
	} else {
		result = 0;
	}
	pga_checked_services_free(checked, 1);
	return result;
}

static int fail_weak(const char *service, struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint, service[0] == '-' ? "pganchor service harden -- "
					      : "pganchor service harden ");
	pga_text_add_shell_word(&hint, service);
	pga_text_add(&hint, " makes it verify-full");
	(void)pga_fail(error, hint.failed ? NULL : pga_text_string(&hint),
		       "service %s is weaker than verify-full", service);
	pga_text_free(&hint);
	return PGA_SERVICE_TOO_WEAK;
}

static int verify(struct pga_service_login *login, const struct pga_policy *policy,
		  const struct pga_pins *pins, bool local, struct pga_error *error)
{
	const char *service = login->service;
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {service, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective = {0};
	struct pga_verdict verdict;
	int result = -1;

	if (pga_ask(&parameters, &effective, error) != 0)
		return -1;
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	pga_judge(&effective, policy, &verdict);
	login->needs_tls = verdict.needs_tls;
	if (!verdict.allowed || (!verdict.needs_tls && !local))
		result = fail_weak(service, error);
	else
		result = verdict.needs_tls ? check_handshake(service, policy, pins, error) : 0;
	pga_verdict_free(&verdict);
	pga_effective_free(&pga_linked_libpq, &effective);
	return result;
}

PGconn *pga_service_connect(const struct pga_service_login *login, struct pga_error *error)
{
	const char *const keywords[] = {"service",    "application_name", "client_encoding",
					"gssencmode", "connect_timeout",  NULL};
	const char *const values[] = {login->service, "pganchor", "UTF8", "disable", "10", NULL};
	PGconn *connection = PQconnectStartParams(keywords, values, 0);

	if (connection == NULL)
		(void)pga_fail_memory(error);
	else if (pga_pinned_login(connection, pga_dial_now() + LOGIN_MILLISECONDS, login->policy,
				  login->pins, error) == 0)
		return connection;
	PQfinish(connection);
	return NULL;
}

static char *copy(const char *text)
{
	return strdup(text != NULL ? text : "");
}

static int enter(struct pga_service_login *login, bool local, struct pga_error *error)
{
	struct pga_error why;
	PGconn *connection = pga_service_connect(login, &why);
	const char *superuser;

	if (connection == NULL)
		return pga_fail(error, NULL, "could not log in by service %s: %s", login->service,
				why.message);
	login->encrypted = PQsslInUse(connection) == 1;
	login->process = PQbackendPID(connection);
	if (!login->encrypted && !local) {
		PQfinish(connection);
		return pga_fail(error, NULL, "could not log in by service %s: it has no TLS",
				login->service);
	}
	superuser = PQparameterStatus(connection, "is_superuser");
	login->superuser = superuser != NULL && strcmp(superuser, "on") == 0;
	login->host = copy(PQhost(connection));
	login->address = copy(PQhostaddr(connection));
	login->user = copy(PQuser(connection));
	login->database = copy(PQdb(connection));
	login->port = (unsigned)strtoul(PQport(connection), NULL, 10);
	login->session = pga_cluster_session_of(connection, error);
	if (login->session == NULL)
		return -1;
	return login->host != NULL && login->address != NULL && login->user != NULL &&
		       login->database != NULL
		   ? 0
		   : pga_fail_memory(error);
}

/* A pooler has files and settings of its own, and hands out connections that were made long ago.
 * TLS that ends before the server is one's; and it tells each client a process of its own making
 * (BackendKeyData), where a server tells that which answers. */
static int check_direct(const struct pga_service_login *login, struct pga_error *error)
{
	PGresult *row = pga_cluster_ask(login->session,
					"SELECT ssl, pid FROM pg_catalog.pg_stat_ssl WHERE pid "
					"OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()",
					error);
	const bool encrypted = strcmp(pga_pg_value(row, 0, 0), "t") == 0;
	const bool same = strtol(pga_pg_value(row, 0, 1), NULL, 10) == login->process;

	PQclear(row);
	if (row == NULL)
		return -1;
	if (login->encrypted && !encrypted)
		return pga_fail(error, pooler_hint,
				"service %s leads to a pooler: its TLS ends there, and is not the "
				"server's",
				login->service);
	return same ? 0
		    : pga_fail(error, pooler_hint,
			       "service %s leads to a pooler: not the server itself answers",
			       login->service);
}

int pga_service_login(struct pga_service_login *login, const char *service,
		      const struct pga_policy *policy, const struct pga_pins *pins, bool local,
		      struct pga_error *error)
{
	int result;

	memset(login, 0, sizeof *login);
	login->service = service;
	login->policy = policy;
	login->pins = pins;
	result = verify(login, policy, pins, local, error);
	if (result == 0)
		result = enter(login, local, error);
	if (result == 0)
		result = check_direct(login, error);
	/* Not before: what is set at a pooler's session, others get. */
	return result == 0 ? pga_cluster_steady(login->session, error) : result;
}

void pga_service_leave(struct pga_service_login *login)
{
	pga_cluster_leave(login->session);
	free(login->host);
	free(login->address);
	free(login->user);
	free(login->database);
	memset(login, 0, sizeof *login);
}
