#include "cert/local_proof.h"

#include "policy/linked.h"
#include "tls/handshake.h"
#include "tls/server_chain.h"
#include "tls/x509_text.h"

#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* Once more, where the machine is too busy, say. */
#define TRIES 2

/* Nowhere: no file of the user's is to have a say in it. */
#define NO_FILE "/dev/null/none"

const char *const pga_served_addresses[PGA_SERVED_ADDRESSES] = {"127.0.0.1", "::1"};

/* A verify-full handshake as any client's. Returns -1 unless it was shown this certificate: for
 * another that verifies, too. */
static int shake_hands(const struct pga_local_ca *ca, const struct pga_serving *serving,
		       const char *host, struct pga_error *error)
{
	char port[16];
	const char *const keywords[] = {"host",    "port",   "sslmode", "sslrootcert",
					"sslcert", "sslcrl", NULL};
	const char *const values[] = {host,    port,    "verify-full", ca->crt_path,
				      NO_FILE, NO_FILE, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_hidden_environment hidden;
	struct pga_handshake handshake;
	int result;

	(void)snprintf(port, sizeof port, "%u", serving->cluster.port);
	if (pga_hide_environment(&hidden) != 0)
		return pga_fail_memory(error);
	result = pga_handshake(&parameters, 5, &handshake, error);
	pga_restore_environment(&hidden);
	if (result == 0 && (sk_X509_num(handshake.chain) < 1 ||
			    X509_cmp(sk_X509_value(handshake.chain, 0), serving->pair.leaf) != 0))
		result = pga_fail(error, NULL, "it shows another certificate");
	pga_handshake_free(&handshake);
	return result;
}

/* The first of its chain, which the caller frees; NULL: it shows none. */
static X509 *shown(const char *host, unsigned port)
{
	const struct pga_server server = {.host = host,
					  .port = port,
					  .way = PGA_SERVER_REQUESTED,
					  .connect_timeout = 5000,
					  .max_time = 10000};
	STACK_OF(X509) *chain = NULL;
	struct pga_error ignored;
	X509 *leaf = NULL;

	if (pga_server_chain(&server, &chain, NULL, &ignored) == 0)
		leaf = sk_X509_shift(chain);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return leaf;
}

/* localhost may be one of both addresses alone, and on the other there may be another server. */
static enum pga_served_at look_at(const struct pga_local_ca *ca, const struct pga_serving *serving,
				  const char *address)
{
	struct pga_error ignored;
	X509 *leaf;

	if (shake_hands(ca, serving, address, &ignored) == 0)
		return PGA_SERVED_PROVED;
	leaf = shown(address, serving->cluster.port);
	X509_free(leaf);
	return leaf != NULL ? PGA_SERVED_BY_OTHER : PGA_SERVED_NOT;
}

int pga_local_prove(const struct pga_local_ca *ca, struct pga_serving *serving,
		    struct pga_error *error)
{
	for (unsigned tries = 0; shake_hands(ca, serving, "localhost", error) != 0; tries++) {
		if (tries == TRIES)
			return -1;
		(void)poll(NULL, 0, 100);
	}
	serving->proved = true;
	for (size_t i = 0; i < PGA_SERVED_ADDRESSES; i++)
		serving->at[i] = look_at(ca, serving, pga_served_addresses[i]);
	return 0;
}

int pga_local_is_shown(unsigned port, X509 *certificate)
{
	X509 *leaf = shown("localhost", port);
	const int same = leaf == NULL ? -1 : X509_cmp(leaf, certificate) == 0;

	X509_free(leaf);
	return same;
}

int pga_local_check_other(const struct pga_local_ca *ca, X509 *leaf, struct pga_error *error)
{
	const X509_NAME *issuer = X509_get_issuer_name(leaf);
	char *name;

	if (X509_NAME_cmp(issuer, X509_get_subject_name(leaf)) == 0 ||
	    X509_verify(leaf, ca->key) == 1) {
		ERR_clear_error();
		return 0;
	}
	ERR_clear_error();
	name = pga_x509_name(issuer);
	(void)pga_fail(error,
		       "pganchor bootstrap pins that CA; or --replace, if nobody verifies the "
		       "server by it",
		       "the server shows a certificate already, of the CA %s: whoever verifies it "
		       "would refuse another",
		       name != NULL ? name : "");
	free(name);
	return -1;
}

int pga_local_check_shown(const struct pga_local_ca *ca, unsigned port, struct pga_error *error)
{
	X509 *leaf = shown("localhost", port);
	const int result = leaf != NULL ? pga_local_check_other(ca, leaf, error) : 0;

	X509_free(leaf);
	return result;
}

int pga_local_fail_other_clients(const char *file, struct pga_error *error)
{
	return pga_fail(error,
			"add the local CA to that file; or --replace, if no client has a "
			"certificate of these CAs",
			"the server takes certificates of clients by the CAs in %s already "
			"(ssl_ca_file)",
			file);
}
