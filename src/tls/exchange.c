#include "tls/exchange.h"

#include "tls/dial.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As much as is read of a server: no handshake comes near it. */
#define LIMIT ((size_t)256 * 1024)

void pga_exchange_begin(struct pga_exchange *exchange, const char *host, unsigned port,
			long long deadline)
{
	const bool bare = strchr(host, ':') == NULL;

	memset(exchange, 0, sizeof *exchange);
	exchange->connection = -1;
	exchange->deadline = deadline;
	(void)snprintf(exchange->where, sizeof exchange->where, bare ? "%s:%u" : "[%s]:%u", host,
		       port);
}

void pga_exchange_leave(struct pga_exchange *exchange)
{
	SSL_free(exchange->tls);
	exchange->tls = NULL;
	exchange->received = 0;
	if (exchange->connection >= 0)
		(void)close(exchange->connection);
	exchange->connection = -1;
	ERR_clear_error();
}

enum pga_exchanged pga_exchange_ask(struct pga_exchange *exchange, uint32_t request,
				    struct pga_error *error)
{
	const unsigned char bytes[8] = {0,
					0,
					0,
					8,
					(unsigned char)(request >> 24),
					(unsigned char)(request >> 16),
					(unsigned char)(request >> 8),
					(unsigned char)request};
	bool closed;

	exchange->yes = request == PGA_GSS_REQUEST ? 'G' : 'S';
	if (pga_dial_write(exchange->connection, bytes, sizeof bytes, exchange->deadline,
			   exchange->where, &closed, error) != 0)
		return PGA_EXCHANGE_FAILED;
	return closed ? PGA_EXCHANGE_CLOSED : PGA_EXCHANGED;
}

/* It begins with the letter that grants TLS: "SSH-2.0". */
static bool is_ssh(int connection)
{
	char bytes[3];

	return recv(connection, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) ==
		   (ssize_t)sizeof bytes &&
	       memcmp(bytes, "SH-", sizeof bytes) == 0;
}

enum pga_exchanged pga_exchange_answer(struct pga_exchange *exchange, struct pga_error *error)
{
	char answer = '\0';
	const ssize_t got = pga_dial_read(exchange->connection, &answer, 1, exchange->deadline,
					  exchange->where, error);

	if (got <= 0)
		return got == 0 ? PGA_EXCHANGE_CLOSED : PGA_EXCHANGE_FAILED;
	if (answer != exchange->yes && answer != 'N' && answer != 'E')
		return PGA_EXCHANGE_OTHER;
	if (answer == 'S' && is_ssh(exchange->connection))
		return PGA_EXCHANGE_OTHER;
	exchange->answered = true;
	if (answer == exchange->yes)
		return pga_dial_has_more(exchange->connection) ? PGA_EXCHANGE_INJECTED
							       : PGA_EXCHANGED;
	return answer == 'N' ? PGA_EXCHANGE_NO : PGA_EXCHANGE_ERROR;
}

/* libpq sends no SNI for an address (initialize_SSL() of fe-secure-openssl.c). */
static bool is_name(const char *host)
{
	return strspn(host, "0123456789.") != strlen(host) && strchr(host, ':') == NULL;
}

/* A name of ALPN is its length and its bytes. */
static const unsigned char postgresql[] = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

/* What it is given OpenSSL copies, but does not call const. */
static int name_host(const struct pga_exchange *exchange, const char *host, struct pga_error *error)
{
	char *name = strdup(host);
	const bool named = name != NULL && SSL_set_tlsext_host_name(exchange->tls, name) == 1;

	free(name);
	return named ? 0 : pga_fail_memory(error);
}

int pga_exchange_session(struct pga_exchange *exchange, SSL_CTX *context, const char *host,
			 struct pga_error *error)
{
	exchange->tls = SSL_new(context);
	exchange->from_server = BIO_new(BIO_s_mem());
	exchange->to_server = BIO_new(BIO_s_mem());
	if (exchange->tls == NULL || exchange->from_server == NULL || exchange->to_server == NULL) {
		BIO_free(exchange->from_server);
		BIO_free(exchange->to_server);
		return pga_fail_memory(error);
	}
	SSL_set_bio(exchange->tls, exchange->from_server, exchange->to_server);
	/* That there is nothing yet is no end. */
	BIO_set_mem_eof_return(exchange->from_server, -1);
	if (SSL_set_alpn_protos(exchange->tls, postgresql, sizeof postgresql) != 0)
		return pga_fail_memory(error);
	return host != NULL && is_name(host) ? name_host(exchange, host, error) : 0;
}

static enum pga_exchanged send_pending(const struct pga_exchange *exchange, struct pga_error *error)
{
	char *bytes;
	const long length = BIO_get_mem_data(exchange->to_server, &bytes);
	bool closed = false;

	if (length > 0 && pga_dial_write(exchange->connection, bytes, (size_t)length,
					 exchange->deadline, exchange->where, &closed, error) != 0)
		return PGA_EXCHANGE_FAILED;
	(void)BIO_reset(exchange->to_server);
	return closed ? PGA_EXCHANGE_CLOSED : PGA_EXCHANGED;
}

static enum pga_exchanged receive_more(struct pga_exchange *exchange, struct pga_error *error)
{
	char bytes[4096];
	const ssize_t got = pga_dial_read(exchange->connection, bytes, sizeof bytes,
					  exchange->deadline, exchange->where, error);

	if (got <= 0)
		return got == 0 ? PGA_EXCHANGE_CLOSED : PGA_EXCHANGE_FAILED;
	exchange->received += (size_t)got;
	if (exchange->received > LIMIT) {
		(void)pga_fail(error, NULL, "%s: more than %zu bytes, and TLS does not stand",
			       exchange->where, LIMIT);
		return PGA_EXCHANGE_FAILED;
	}
	if (BIO_write(exchange->from_server, bytes, (int)got) != (int)got) {
		(void)pga_fail_memory(error);
		return PGA_EXCHANGE_FAILED;
	}
	return PGA_EXCHANGED;
}

/* What the session failed of is in the words of OpenSSL, which has none of the server's. */
static enum pga_exchanged fail_session(struct pga_exchange *exchange, unsigned long fault,
				       struct pga_error *error)
{
	const char *words = ERR_reason_error_string(fault);
	const int reason = ERR_GET_REASON(fault);

	exchange->alert = reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256
			      ? reason - SSL_AD_REASON_OFFSET
			      : 0;
	(void)pga_fail(error, NULL, "%s: no TLS: %s", exchange->where,
		       words != NULL ? words : "the handshake failed");
	return PGA_EXCHANGE_NO_TLS;
}

/* One step of the handshake: PGA_EXCHANGED, and *done where it stands. */
static enum pga_exchanged step(struct pga_exchange *exchange, bool *done, struct pga_error *error)
{
	enum pga_exchanged outcome;
	unsigned long reason;
	int result;
	int fault;

	ERR_clear_error();
	result = SSL_connect(exchange->tls);
	fault = SSL_get_error(exchange->tls, result);
	reason = ERR_peek_error();
	*done = result == 1;
	outcome = send_pending(exchange, error);
	if (*done)
		return PGA_EXCHANGED;
	return fault != SSL_ERROR_WANT_READ ? fail_session(exchange, reason, error) : outcome;
}

enum pga_exchanged pga_exchange_hello(struct pga_exchange *exchange, struct pga_error *error)
{
	bool done;

	return step(exchange, &done, error);
}

enum pga_exchanged pga_exchange_shake_hands(struct pga_exchange *exchange, struct pga_error *error)
{
	for (;;) {
		bool done;
		enum pga_exchanged outcome = step(exchange, &done, error);

		if (outcome == PGA_EXCHANGED && done)
			return PGA_EXCHANGED;
		if (outcome == PGA_EXCHANGED)
			outcome = receive_more(exchange, error);
		if (outcome != PGA_EXCHANGED)
			return outcome;
	}
}

bool pga_exchange_chose_postgresql(const struct pga_exchange *exchange)
{
	const unsigned char *chosen;
	unsigned length;

	SSL_get0_alpn_selected(exchange->tls, &chosen, &length);
	return length == postgresql[0] && memcmp(chosen, postgresql + 1, length) == 0;
}

enum pga_exchanged pga_exchange_write(struct pga_exchange *exchange, const void *bytes,
				      size_t length, struct pga_error *error)
{
	bool closed;

	if (exchange->tls == NULL) {
		if (pga_dial_write(exchange->connection, bytes, length, exchange->deadline,
				   exchange->where, &closed, error) != 0)
			return PGA_EXCHANGE_FAILED;
		return closed ? PGA_EXCHANGE_CLOSED : PGA_EXCHANGED;
	}
	ERR_clear_error();
	if (SSL_write(exchange->tls, bytes, (int)length) != (int)length)
		return fail_session(exchange, ERR_peek_error(), error);
	return send_pending(exchange, error);
}

/* Through TLS. */
static enum pga_exchanged read_session(struct pga_exchange *exchange, void *bytes, size_t length,
				       size_t *got, struct pga_error *error)
{
	for (;;) {
		enum pga_exchanged outcome;
		int fault;

		ERR_clear_error();
		if (SSL_read_ex(exchange->tls, bytes, length, got) == 1)
			return PGA_EXCHANGED;
		fault = SSL_get_error(exchange->tls, 0);
		if (fault == SSL_ERROR_ZERO_RETURN)
			return PGA_EXCHANGE_CLOSED;
		if (fault != SSL_ERROR_WANT_READ)
			return fail_session(exchange, ERR_peek_error(), error);
		outcome = send_pending(exchange, error);
		if (outcome == PGA_EXCHANGED)
			outcome = receive_more(exchange, error);
		if (outcome != PGA_EXCHANGED)
			return outcome;
	}
}

enum pga_exchanged pga_exchange_read(struct pga_exchange *exchange, void *bytes, size_t length,
				     size_t *got, struct pga_error *error)
{
	ssize_t read;

	*got = 0;
	if (exchange->tls != NULL)
		return read_session(exchange, bytes, length, got, error);
	read = pga_dial_read(exchange->connection, bytes, length, exchange->deadline,
			     exchange->where, error);
	if (read <= 0)
		return read == 0 ? PGA_EXCHANGE_CLOSED : PGA_EXCHANGE_FAILED;
	*got = (size_t)read;
	return PGA_EXCHANGED;
}

int pga_exchange_fail(const struct pga_exchange *exchange, enum pga_exchanged outcome,
		      struct pga_error *error)
{
	const char *where = exchange->where;

	switch (outcome) {
	case PGA_EXCHANGE_NO:
		return pga_fail(error,
				"who runs it switches TLS on with a certificate and ssl = on; "
				"without TLS nothing proves a server",
				"%s: the server does not use TLS", where);
	case PGA_EXCHANGE_ERROR:
		return pga_fail(error, "its log says why",
				"%s: the server answered with an error where it was asked for TLS "
				"(what it says is not shown: nothing proves who says it)",
				where);
	case PGA_EXCHANGE_INJECTED:
		return pga_fail(error, "somebody may be between you and the server",
				"%s: bytes came behind the server's answer, before TLS, as whoever "
				"injects them would send them (CVE-2021-23222)",
				where);
	case PGA_EXCHANGE_OTHER:
		return pga_fail(error, NULL, "%s: what listens there is no PostgreSQL server",
				where);
	case PGA_EXCHANGE_NO_ALPN:
		return pga_fail(
		    error, NULL,
		    "%s: TLS, but not PostgreSQL's (it does not answer to the ALPN name "
		    "postgresql)",
		    where);
	case PGA_EXCHANGE_CLOSED:
		return pga_fail(error, NULL,
				"%s: the server closed the connection where it was asked for TLS",
				where);
	case PGA_EXCHANGED:
	case PGA_EXCHANGE_NO_TLS:
	case PGA_EXCHANGE_FAILED:
		break;
	}
	return -1;
}
