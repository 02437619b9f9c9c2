#include "tls/server_chain.h"

#include "tls/dial.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As much as is read of a server: no handshake comes near it. */
#define LIMIT ((size_t)256 * 1024)

/* What was tried, and what came of it. */
enum outcome {
	STANDS,     /* TLS does */
	NO_TLS,     /* the server says that it uses none */
	ERROR_SENT, /* an error, where TLS was asked for */
	INJECTED,   /* bytes behind its answer, before TLS */
	OTHER,      /* no PostgreSQL server would answer so */
	CLOSED,     /* instead of an answer */
	NO_ALPN,    /* TLS, but not PostgreSQL's */
	FAILED,     /* the error says why */
};

struct asking {
	const struct pga_server *server;
	char where[300]; /* HOST:PORT, for messages */
	long long deadline;
	int connection; /* -1: none */
	size_t received;
	bool answered; /* as a PostgreSQL server does */
	SSL_CTX *context;
	SSL *tls;
	BIO *from_server; /* the TLS session's own */
	BIO *to_server;
};

static void begin(struct asking *asking, const struct pga_server *server)
{
	const bool bare = strchr(server->host, ':') == NULL;

	memset(asking, 0, sizeof *asking);
	asking->server = server;
	asking->connection = -1;
	asking->deadline = pga_dial_now() + server->max_time;
	(void)snprintf(asking->where, sizeof asking->where, bare ? "%s:%u" : "[%s]:%u",
		       server->host, server->port);
}

/* Leaves the server, which may be asked again in what is left of the time. */
static void leave(struct asking *asking)
{
	SSL_free(asking->tls);
	SSL_CTX_free(asking->context);
	asking->tls = NULL;
	asking->context = NULL;
	asking->received = 0;
	if (asking->connection >= 0)
		(void)close(asking->connection);
	asking->connection = -1;
	ERR_clear_error();
}

static int dial(struct asking *asking, struct pga_error *error)
{
	const struct pga_server *server = asking->server;

	asking->connection =
	    pga_dial(server->address != NULL ? server->address : server->host, server->port,
		     server->connect_timeout, asking->deadline, asking->where, error);
	return asking->connection >= 0 ? 0 : -1;
}

/* SSLRequest, and the one byte that answers it. Behind that no byte may come before this end has
 * begun TLS: whoever injects one wants it to be read as a part of the session (CVE-2021-23222). */
static enum outcome request(struct asking *asking, struct pga_error *error)
{
	static const unsigned char ssl_request[8] = {0, 0, 0, 8, 4, 210, 22, 47};
	char answer = '\0';
	bool closed;
	ssize_t got;

	if (pga_dial_write(asking->connection, ssl_request, sizeof ssl_request, asking->deadline,
			   asking->where, &closed, error) != 0)
		return FAILED;
	got = closed ? 0
		     : pga_dial_read(asking->connection, &answer, 1, asking->deadline,
				     asking->where, error);
	if (got <= 0)
		return got == 0 ? CLOSED : FAILED;
	switch (answer) {
	case 'S':
		asking->answered = true;
		return pga_dial_has_more(asking->connection) ? INJECTED : STANDS;
	case 'N':
		asking->answered = true;
		return NO_TLS;
	case 'E':
		asking->answered = true;
		return ERROR_SENT;
	default:
		return OTHER;
	}
}

/* libpq sends no SNI for an address (initialize_SSL() of fe-secure-openssl.c). */
static bool is_name(const char *host)
{
	return strspn(host, "0123456789.") != strlen(host) && strchr(host, ':') == NULL;
}

/* A name of ALPN is its length and its bytes. */
static const unsigned char postgresql[] = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

/* What it is given OpenSSL copies, but does not call const. */
static int name_host(const struct asking *asking, struct pga_error *error)
{
	char *name = strdup(asking->server->host);
	const bool named = name != NULL && SSL_set_tlsext_host_name(asking->tls, name) == 1;

	free(name);
	return named ? 0 : pga_fail_memory(error);
}

static int make_session(struct asking *asking, struct pga_error *error)
{
	asking->context = SSL_CTX_new(TLS_client_method());
	if (asking->context == NULL)
		return pga_fail_memory(error);
	SSL_CTX_set_verify(asking->context, SSL_VERIFY_NONE, NULL);
	asking->tls = SSL_new(asking->context);
	asking->from_server = BIO_new(BIO_s_mem());
	asking->to_server = BIO_new(BIO_s_mem());
	if (asking->tls == NULL || asking->from_server == NULL || asking->to_server == NULL) {
		BIO_free(asking->from_server);
		BIO_free(asking->to_server);
		return pga_fail_memory(error);
	}
	SSL_set_bio(asking->tls, asking->from_server, asking->to_server);
	/* That there is nothing yet is no end. */
	BIO_set_mem_eof_return(asking->from_server, -1);
	if (SSL_set_alpn_protos(asking->tls, postgresql, sizeof postgresql) != 0)
		return pga_fail_memory(error);
	return is_name(asking->server->host) ? name_host(asking, error) : 0;
}

static enum outcome send_pending(const struct asking *asking, struct pga_error *error)
{
	char *bytes;
	const long length = BIO_get_mem_data(asking->to_server, &bytes);
	bool closed = false;

	if (length > 0 && pga_dial_write(asking->connection, bytes, (size_t)length,
					 asking->deadline, asking->where, &closed, error) != 0)
		return FAILED;
	(void)BIO_reset(asking->to_server);
	return closed ? CLOSED : STANDS;
}

static enum outcome receive_more(struct asking *asking, struct pga_error *error)
{
	char bytes[4096];
	const ssize_t got = pga_dial_read(asking->connection, bytes, sizeof bytes, asking->deadline,
					  asking->where, error);

	if (got <= 0)
		return got == 0 ? CLOSED : FAILED;
	asking->received += (size_t)got;
	if (asking->received > LIMIT) {
		(void)pga_fail(error, NULL, "%s: more than %zu bytes, and TLS does not stand",
			       asking->where, LIMIT);
		return FAILED;
	}
	if (BIO_write(asking->from_server, bytes, (int)got) != (int)got) {
		(void)pga_fail_memory(error);
		return FAILED;
	}
	return STANDS;
}

/* The handshake. What it failed of is in the words of OpenSSL, which has none of the server's. */
static enum outcome shake_hands(struct asking *asking, struct pga_error *error)
{
	for (;;) {
		enum outcome outcome;
		const char *reason;
		int done;
		int fault;

		ERR_clear_error();
		done = SSL_connect(asking->tls);
		fault = SSL_get_error(asking->tls, done);
		reason = ERR_reason_error_string(ERR_peek_error());
		outcome = send_pending(asking, error);
		if (done == 1)
			return STANDS;
		if (fault != SSL_ERROR_WANT_READ) {
			(void)pga_fail(error, NULL, "%s: no TLS: %s", asking->where,
				       reason != NULL ? reason : "the handshake failed");
			return OTHER;
		}
		if (outcome == STANDS)
			outcome = receive_more(asking, error);
		if (outcome != STANDS)
			return outcome;
	}
}

static bool chose_postgresql(const struct asking *asking)
{
	const unsigned char *chosen;
	unsigned length;

	SSL_get0_alpn_selected(asking->tls, &chosen, &length);
	return length == postgresql[0] && memcmp(chosen, postgresql + 1, length) == 0;
}

static int fail(const struct asking *asking, enum outcome outcome, struct pga_error *error)
{
	const char *where = asking->where;

	switch (outcome) {
	case NO_TLS:
		return pga_fail(error,
				"who runs it switches TLS on with a certificate and ssl = on; "
				"without TLS nothing proves a server",
				"%s: the server does not use TLS", where);
	case ERROR_SENT:
		return pga_fail(error, "its log says why",
				"%s: the server answered with an error where it was asked for TLS "
				"(what it says is not shown: nothing proves who says it)",
				where);
	case INJECTED:
		return pga_fail(error, "somebody may be between you and the server",
				"%s: bytes came behind the server's answer, before TLS, as whoever "
				"injects them would send them (CVE-2021-23222)",
				where);
	case OTHER:
		return pga_fail(error, NULL, "%s: what listens there is no PostgreSQL server",
				where);
	case NO_ALPN:
		return pga_fail(
		    error, NULL,
		    "%s: TLS, but not PostgreSQL's (it does not answer to the ALPN name "
		    "postgresql)",
		    where);
	case CLOSED:
		return pga_fail(error, NULL,
				"%s: the server closed the connection where it was asked for TLS",
				where);
	case STANDS:
	case FAILED:
		break;
	}
	return -1;
}

static int take_chain(const struct asking *asking, STACK_OF(X509) * *chain, struct pga_error *error)
{
	STACK_OF(X509) *shown = SSL_get_peer_cert_chain(asking->tls);

	if (sk_X509_num(shown) <= 0)
		return pga_fail(error, NULL, "%s: TLS, and no certificate", asking->where);
	*chain = X509_chain_up_ref(shown);
	return *chain != NULL ? 0 : pga_fail_memory(error);
}

/* As far as TLS that stands. said: of a handshake that failed, the error says why. */
static enum outcome ask_requested(struct asking *asking, bool *said, struct pga_error *error)
{
	enum outcome outcome;

	*said = false;
	if (dial(asking, error) != 0)
		return FAILED;
	outcome = request(asking, error);
	if (outcome != STANDS)
		return outcome;
	if (make_session(asking, error) != 0)
		return FAILED;
	outcome = shake_hands(asking, error);
	*said = outcome == OTHER;
	return outcome;
}

static enum outcome ask_directly(struct asking *asking, bool *said, struct pga_error *error)
{
	enum outcome outcome;

	*said = false;
	if (dial(asking, error) != 0 || make_session(asking, error) != 0)
		return FAILED;
	outcome = shake_hands(asking, error);
	*said = outcome == OTHER;
	return outcome == STANDS && !chose_postgresql(asking) ? NO_ALPN : outcome;
}

/* Of both ways, what the first one came to is told, unless the second one's TLS stands. */
static enum outcome ask(struct asking *asking, bool *direct, bool *said, struct pga_error *error)
{
	const enum pga_server_way way = asking->server->way;
	struct pga_error other;
	enum outcome outcome;
	bool ignored;

	*direct = way == PGA_SERVER_DIRECT;
	if (*direct)
		return ask_directly(asking, said, error);
	outcome = ask_requested(asking, said, error);
	if (way == PGA_SERVER_REQUESTED || *said || (outcome != CLOSED && outcome != OTHER))
		return outcome;
	leave(asking);
	*direct = ask_directly(asking, &ignored, &other) == STANDS;
	return *direct ? STANDS : outcome;
}

int pga_server_chain(const struct pga_server *server, STACK_OF(X509) * *chain,
		     struct pga_server_said *said, struct pga_error *error)
{
	struct asking asking;
	enum outcome outcome;
	bool direct;
	bool explained;
	int result;

	*chain = NULL;
	begin(&asking, server);
	outcome = ask(&asking, &direct, &explained, error);
	if (outcome == STANDS)
		result = take_chain(&asking, chain, error);
	else
		result = explained ? -1 : fail(&asking, outcome, error);
	if (said != NULL)
		*said = (struct pga_server_said){
		    .direct = direct, .postgresql = asking.answered || outcome == STANDS};
	leave(&asking);
	return result;
}
