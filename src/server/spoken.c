#include "server/spoken.h"

#include "base/text.h"
#include "tls/dial.h"
#include "tls/exchange.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string.h>

/* Milliseconds for a connection, and for all of a handshake. */
#define CONNECT_TIME 10000
#define MOST_TIME    30000

/* TLS 1.2's place among the versions. */
#define TLS_1_2 2

const char *const pga_tls_versions[PGA_TLS_VERSIONS] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};

static const int numbers[PGA_TLS_VERSIONS] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
					      TLS1_3_VERSION};

int pga_tls_version_of(const char *name)
{
	for (int i = 0; i < PGA_TLS_VERSIONS; i++)
		if (strcmp(name, pga_tls_versions[i]) == 0)
			return i;
	return -1;
}

/* Of whatever OpenSSL has at all: it is the server that is asked what it takes. */
static SSL_CTX *make_context(int version, struct pga_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(context, 0);
	(void)SSL_CTX_set_min_proto_version(context, version);
	(void)SSL_CTX_set_max_proto_version(context, version);
	return context;
}

static enum pga_exchanged shake_hands(const struct pga_server_target *target, SSL_CTX *context,
				      struct pga_exchange *exchange, struct pga_error *error)
{
	enum pga_exchanged outcome;

	exchange->connection = pga_dial(pga_server_target_address(target), target->cluster.port,
					CONNECT_TIME, exchange->deadline, exchange->where, error);
	if (exchange->connection < 0)
		return PGA_EXCHANGE_FAILED;
	outcome = pga_exchange_ask(exchange, PGA_SSL_REQUEST, error);
	if (outcome == PGA_EXCHANGED)
		outcome = pga_exchange_answer(exchange, error);
	if (outcome != PGA_EXCHANGED)
		return outcome;
	return pga_exchange_session(exchange, context, target->host, error) == 0
		   ? pga_exchange_shake_hands(exchange, error)
		   : PGA_EXCHANGE_FAILED;
}

/* One handshake. Returns 1 where it stands, with its cipher, and 0 where the server will not have
 * it. */
static int offer(const struct pga_server_target *target, SSL_CTX *context,
		 const SSL_CIPHER **cipher, struct pga_error *error)
{
	struct pga_exchange exchange;
	enum pga_exchanged outcome;
	int result;

	pga_exchange_begin(&exchange, target->host, target->cluster.port,
			   pga_dial_now() + MOST_TIME);
	outcome = shake_hands(target, context, &exchange, error);
	if (outcome == PGA_EXCHANGED) {
		*cipher = SSL_get_current_cipher(exchange.tls);
		result = 1;
	} else if (outcome == PGA_EXCHANGE_NO_TLS ||
		   (outcome == PGA_EXCHANGE_CLOSED && exchange.tls != NULL)) {
		result = 0;
	} else {
		result = pga_exchange_fail(&exchange, outcome, error);
	}
	pga_exchange_leave(&exchange);
	ERR_clear_error();
	return result;
}

/* Each that the server chooses is not offered again, until it takes none, or none is left. */
static int ask_ciphers(const struct pga_server_target *target, struct pga_server_spoken *spoken,
		       struct pga_error *error)
{
	struct pga_text list = PGA_TEXT_EMPTY;
	SSL_CTX *context = make_context(TLS1_2_VERSION, error);
	int result = context != NULL ? 1 : -1;

	pga_text_add(&list, "ALL");
	while (result == 1 && spoken->count < PGA_SPOKEN_CIPHERS) {
		const SSL_CIPHER **cipher = &spoken->ciphers[spoken->count];

		if (SSL_CTX_set_cipher_list(context, pga_text_string(&list)) != 1)
			break;
		result = offer(target, context, cipher, error);
		if (result == 1) {
			spoken->count++;
			pga_text_addf(&list, ":!%s", SSL_CIPHER_get_name(*cipher));
			if (list.failed)
				result = pga_fail_memory(error);
		}
	}
	ERR_clear_error();
	SSL_CTX_free(context);
	pga_text_free(&list);
	return result < 0 ? -1 : 0;
}

int pga_server_spoken_ask(const struct pga_server_target *target, struct pga_server_spoken *spoken,
			  struct pga_error *error)
{
	memset(spoken, 0, sizeof *spoken);
	for (int i = 0; i < PGA_TLS_VERSIONS; i++) {
		SSL_CTX *context = make_context(numbers[i], error);
		const SSL_CIPHER *cipher;
		const int result = context != NULL ? offer(target, context, &cipher, error) : -1;

		SSL_CTX_free(context);
		if (result < 0)
			return -1;
		spoken->versions[i] = result == 1;
	}
	return spoken->versions[TLS_1_2] ? ask_ciphers(target, spoken, error) : 0;
}

bool pga_server_spoken_is_same(const struct pga_server_spoken *one,
			       const struct pga_server_spoken *other)
{
	if (memcmp(one->versions, other->versions, sizeof one->versions) != 0 ||
	    one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (one->ciphers[i] != other->ciphers[i])
			return false;
	return true;
}

int pga_server_spoken_check_versions(const struct pga_server_spoken *spoken, const char *min,
				     const char *max, struct pga_error *error)
{
	const int lowest = pga_tls_version_of(min);
	const int highest = pga_tls_version_of(max);

	for (int i = 0; i < PGA_TLS_VERSIONS; i++)
		if ((i < lowest || (highest >= 0 && i > highest)) && spoken->versions[i])
			return pga_fail(
			    error, NULL, "it goes on with %s, though %s is %s", pga_tls_versions[i],
			    i < lowest ? "ssl_min_protocol_version" : "ssl_max_protocol_version",
			    i < lowest ? min : max);
	return 0;
}

int pga_server_spoken_check_ciphers(const struct pga_server_spoken *spoken, const char *ciphers,
				    struct pga_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int result = 0;

	if (context == NULL)
		return pga_fail_memory(error);
	if (SSL_CTX_set_cipher_list(context, ciphers) == 1)
		for (size_t i = 0; result == 0 && i < spoken->count; i++)
			if (sk_SSL_CIPHER_find(SSL_CTX_get_ciphers(context), spoken->ciphers[i]) <
			    0)
				result = pga_fail(error, NULL,
						  "it goes on with the cipher %s, which "
						  "ssl_ciphers does not have",
						  SSL_CIPHER_get_name(spoken->ciphers[i]));
	ERR_clear_error();
	SSL_CTX_free(context);
	return result;
}
