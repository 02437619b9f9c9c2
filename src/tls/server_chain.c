#include "tls/server_chain.h"

#include "tls/dial.h"
#include "tls/exchange.h"

#include <string.h>

struct asking {
	const struct pga_server *server;
	SSL_CTX *context;
	struct pga_exchange exchange;
};

static int begin(struct asking *asking, const struct pga_server *server, struct pga_error *error)
{
	asking->server = server;
	pga_exchange_begin(&asking->exchange, server->host, server->port,
			   pga_dial_now() + server->max_time);
	asking->context = SSL_CTX_new(TLS_client_method());
	if (asking->context == NULL)
		return pga_fail_memory(error);
	SSL_CTX_set_verify(asking->context, SSL_VERIFY_NONE, NULL);
	return 0;
}

static int dial(struct asking *asking, struct pga_error *error)
{
	const struct pga_server *server = asking->server;

	asking->exchange.connection = pga_dial(
	    server->address != NULL ? server->address : server->host, server->port,
	    server->connect_timeout, asking->exchange.deadline, asking->exchange.where, error);
	return asking->exchange.connection >= 0 ? 0 : -1;
}

static int take_chain(const struct asking *asking, STACK_OF(X509) * *chain, struct pga_error *error)
{
	STACK_OF(X509) *shown = SSL_get_peer_cert_chain(asking->exchange.tls);

	if (sk_X509_num(shown) <= 0)
		return pga_fail(error, NULL, "%s: TLS, and no certificate", asking->exchange.where);
	*chain = X509_chain_up_ref(shown);
	return *chain != NULL ? 0 : pga_fail_memory(error);
}

static enum pga_exchanged shake_hands(struct asking *asking, struct pga_error *error)
{
	return pga_exchange_session(&asking->exchange, asking->context, asking->server->host,
				    error) == 0
		   ? pga_exchange_shake_hands(&asking->exchange, error)
		   : PGA_EXCHANGE_FAILED;
}

static enum pga_exchanged ask_requested(struct asking *asking, struct pga_error *error)
{
	enum pga_exchanged outcome;

	if (dial(asking, error) != 0)
		return PGA_EXCHANGE_FAILED;
	outcome = pga_exchange_ask(&asking->exchange, PGA_SSL_REQUEST, error);
	if (outcome == PGA_EXCHANGED)
		outcome = pga_exchange_answer(&asking->exchange, error);
	return outcome == PGA_EXCHANGED ? shake_hands(asking, error) : outcome;
}

static enum pga_exchanged ask_directly(struct asking *asking, struct pga_error *error)
{
	enum pga_exchanged outcome;

	if (dial(asking, error) != 0)
		return PGA_EXCHANGE_FAILED;
	outcome = shake_hands(asking, error);
	return outcome == PGA_EXCHANGED && !pga_exchange_chose_postgresql(&asking->exchange)
		   ? PGA_EXCHANGE_NO_ALPN
		   : outcome;
}

/* Of both ways, what the first one came to is told, unless the second one's TLS stands. */
static enum pga_exchanged ask(struct asking *asking, bool *direct, struct pga_error *error)
{
	const enum pga_server_way way = asking->server->way;
	struct pga_error other;
	enum pga_exchanged outcome;

	*direct = way == PGA_SERVER_DIRECT;
	if (*direct)
		return ask_directly(asking, error);
	outcome = ask_requested(asking, error);
	if (way == PGA_SERVER_REQUESTED ||
	    (outcome != PGA_EXCHANGE_CLOSED && outcome != PGA_EXCHANGE_OTHER))
		return outcome;
	pga_exchange_leave(&asking->exchange);
	*direct = ask_directly(asking, &other) == PGA_EXCHANGED;
	return *direct ? PGA_EXCHANGED : outcome;
}

int pga_server_chain(const struct pga_server *server, STACK_OF(X509) * *chain,
		     struct pga_server_said *said, struct pga_error *error)
{
	struct asking asking;
	enum pga_exchanged outcome = PGA_EXCHANGE_FAILED;
	bool direct = false;
	int result;

	*chain = NULL;
	if (begin(&asking, server, error) == 0)
		outcome = ask(&asking, &direct, error);
	if (outcome == PGA_EXCHANGED)
		result = take_chain(&asking, chain, error);
	else
		result = pga_exchange_fail(&asking.exchange, outcome, error);
	if (said != NULL)
		*said = (struct pga_server_said){.direct = direct,
						 .without = outcome == PGA_EXCHANGE_NO,
						 .postgresql = asking.exchange.answered ||
							       outcome == PGA_EXCHANGED};
	pga_exchange_leave(&asking.exchange);
	SSL_CTX_free(asking.context);
	return result;
}
