#include "password/log_in.h"

#include "policy/linked.h"
#include "service/ask.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* libpq 14 and later tells it by its code, which PQconnectdb() does not hand out. */
static enum pga_login judge(const PGconn *connection, bool given, struct pga_error *error)
{
	const char *said = PQerrorMessage(connection);
	const size_t length = strcspn(said, "\n");

	if (PQstatus(connection) == CONNECTION_OK)
		return PGA_LOGIN_DONE;
	(void)pga_fail(error, NULL, "%.*s", (int)length, said);
	if (!given && PQconnectionNeedsPassword(connection) != 0)
		return PGA_LOGIN_WANTED;
	/* It has used one, and failed: whatever the reason is, that password is not to be kept. */
	return given && PQconnectionUsedPassword(connection) != 0 ? PGA_LOGIN_WRONG
								  : PGA_LOGIN_FAILED;
}

/* Where the service has no limit of its own. */
#define SECONDS "10"

/* The limit that the service has; the caller frees it. NULL for want of memory. */
static char *limit_of(const char *service)
{
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {service, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective = {0};
	struct pga_error ignored;
	const char *given = NULL;
	char *limit;

	if (pga_ask(&parameters, &effective, &ignored) == 0)
		given = pga_effective_value(&effective, "connect_timeout");
	limit = strdup(given != NULL && strtol(given, NULL, 10) > 0 ? given : SECONDS);
	pga_effective_free(&pga_linked_libpq, &effective);
	return limit;
}

enum pga_login pga_log_in(const char *service, const struct pga_secret *secret,
			  struct pga_error *error)
{
	const char *const keywords[] = {"service", "fallback_application_name", "connect_timeout",
					"password", NULL};
	char *limit = limit_of(service);
	const char *const values[] = {service, "pganchor", limit,
				      secret != NULL ? secret->bytes : NULL, NULL};
	PGconn *connection = limit != NULL ? PQconnectdbParams(keywords, values, 0) : NULL;
	enum pga_login result;

	free(limit);
	if (connection == NULL) {
		(void)pga_fail_memory(error);
		return PGA_LOGIN_FAILED;
	}
	result = judge(connection, secret != NULL, error);
	PQfinish(connection);
	return result;
}
