#include "service/pinned_login.h"

#include "policy/trust.h"
#include "tls/dial.h"
#include "tls/twins.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>

int pga_login_fail(const PGconn *connection, const char *otherwise, struct pga_error *error)
{
	const char *said = PQerrorMessage(connection);
	const int length = (int)strcspn(said, "\n");

	/* "connection to server at …, port …, failed: " stands there before there is a reason. */
	if (length == 0 || said[length - 1] == ' ')
		return pga_fail(error, NULL, "%.*s%s", length, said, otherwise);
	return pga_fail(error, NULL, "%.*s", length, said);
}

/* Until its socket has one of these events; -1 where the time is over. */
static int wait_for(const PGconn *connection, long long deadline, short events)
{
	struct pollfd polled = {.fd = PQsocket(connection), .events = events};
	const long long left = deadline - pga_dial_now();

	return left > 0 && polled.fd >= 0 && poll(&polled, 1, (int)left) >= 0 ? 0 : -1;
}

static bool is_verified(const SSL *ssl)
{
	return SSL_get_verify_result(ssl) == X509_V_OK &&
	       sk_X509_num(SSL_get0_verified_chain(ssl)) > 0;
}

/* By the root of the chain, or by a twin of it, as the gate takes it (gate/twin.c). */
static bool is_pinned(const SSL *ssl, const char *host, const struct pga_pins *pins)
{
	const struct pga_pin *pin = pga_session_pinned(ssl, pins, host);

	return pin != NULL && pga_root_is_valid_for(pins, pin->pin, host);
}

static int judge(PGconn *connection, const struct pga_policy *policy, const struct pga_pins *pins,
		 struct pga_error *error)
{
	const SSL *ssl = PQsslStruct(connection, "OpenSSL");
	const char *host = PQhost(connection);

	if (ssl == NULL || (host != NULL && pga_policy_exempts(policy, host)))
		return 0;
	if (!is_verified(ssl))
		return pga_fail(error, NULL, "the session is not verified");
	if (!pga_trust_by_pins(policy, pins) || is_pinned(ssl, host != NULL ? host : "", pins))
		return 0;
	return pga_fail(error, NULL, "the root that its chain ends in is not pinned for it");
}

/* A server's notices are not for the terminal. */
static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

int pga_pinned_login(PGconn *connection, long long deadline, const struct pga_policy *policy,
		     const struct pga_pins *pins, struct pga_error *error)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	(void)PQsetNoticeReceiver(connection, ignore_notice, NULL);
	if (PQstatus(connection) == CONNECTION_BAD)
		return pga_login_fail(connection, "no connection could be begun", error);
	while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		if (wait_for(connection, deadline,
			     status == PGRES_POLLING_READING ? POLLIN : POLLOUT) != 0)
			return pga_login_fail(connection, "the time for it was over", error);
		status = PQconnectPoll(connection);
		if (PQstatus(connection) == CONNECTION_MADE &&
		    judge(connection, policy, pins, error) != 0)
			return -1;
	}
	/* Once more, should a later libpq not come by that state. */
	return status == PGRES_POLLING_OK
		   ? judge(connection, policy, pins, error)
		   : pga_login_fail(connection, "the server does not answer", error);
}
