#include "anchor/proof.h"

#include "policy/linked.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <stdlib.h>
#include <string.h>

/* A certificate's place in a chain, below which nobody looks for a root. */
#define FIRST_ISSUER 1

struct trying {
	const struct pga_proof *proof;
	SSL_CTX *tls;         /* with the file loaded, as libpq has it */
	X509_STORE_CTX *view; /* of its store, to look certificates and CRLs up in */
	bool has_crls;
	struct pga_text *fault;
	bool *by_crl;
};

static int copy_variable(char **to, const char *name, struct pga_error *error)
{
	const char *value = getenv(name);

	if (value == NULL || value[0] == '\0')
		return 0;
	*to = strdup(value);
	return *to != NULL ? 0 : pga_fail_memory(error);
}

int pga_crl_places_find(struct pga_crl_places *places, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	memset(places, 0, sizeof *places);
	if (copy_variable(&places->file, "PGSSLCRL", error) != 0 ||
	    copy_variable(&places->directory, "PGSSLCRLDIR", error) != 0)
		return -1;
	if (places->file != NULL || places->directory != NULL)
		return 0;
	home = pga_libpq_home(error);
	if (home == NULL)
		return -1;
	pga_text_addf(&path, "%s/.postgresql/root.crl", home);
	free(home);
	places->file = pga_text_take(&path);
	return places->file != NULL ? 0 : pga_fail_memory(error);
}

void pga_crl_places_free(struct pga_crl_places *places)
{
	free(places->file);
	free(places->directory);
	memset(places, 0, sizeof *places);
}

/* As initialize_SSL() of libpq's fe-secure-openssl.c. Without a CRL that can be read, it asks for
 * none; with one, for those of every CA of a chain. */
static int load(struct trying *trying, const char *path, const struct pga_crl_places *crls)
{
	X509_STORE *store = SSL_CTX_get_cert_store(trying->tls);

	if (SSL_CTX_load_verify_locations(trying->tls, path, NULL) != 1) {
		const char *reason = ERR_reason_error_string(ERR_peek_error());

		pga_text_addf(trying->fault, "OpenSSL could not read it: %s",
			      reason != NULL ? reason : "no reason given");
		return -1;
	}
	/* It says no where there are neither. */
	trying->has_crls = X509_STORE_load_locations(store, crls->file, crls->directory) == 1;
	if (trying->has_crls)
		(void)X509_STORE_set_flags(store,
					   X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

/* Verifies as libssl does in a client's handshake (ssl_verify_cert_chain() of ssl_cert.c). NULL for
 * want of memory; else X509_STORE_CTX_free() frees it. */
static X509_STORE_CTX *verify(SSL_CTX *tls, X509_STORE *store, STACK_OF(X509) * chain)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *parameters;

	if (context == NULL ||
	    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) != 1) {
		X509_STORE_CTX_free(context);
		return NULL;
	}
	parameters = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_auth_level(parameters, SSL_CTX_get_security_level(tls));
	(void)X509_STORE_CTX_set_default(context, "ssl_server");
	(void)X509_VERIFY_PARAM_set1(parameters, SSL_CTX_get0_param(tls));
	(void)X509_verify_cert(context);
	return context;
}

/* The one with this pin among the certificates of the store with its name; NULL where it is not
 * there. X509_free() frees it. */
static X509 *find_root(const struct trying *trying, const struct pga_certificate *root)
{
	STACK_OF(X509) *named =
	    X509_STORE_CTX_get1_certs(trying->view, X509_get_subject_name(root->x509));
	X509 *found = NULL;

	for (int i = 0; found == NULL && i < sk_X509_num(named); i++)
		if (X509_cmp(sk_X509_value(named, i), root->x509) == 0)
			found = sk_X509_value(named, i);
	if (found != NULL)
		(void)X509_up_ref(found);
	sk_X509_pop_free(named, X509_free);
	return found;
}

/* A "TRUSTED CERTIFICATE" may say that it is none for servers, and the first of two copies counts.
 */
static void root_is_trusted(const struct trying *trying, const struct pga_certificate *root)
{
	X509 *found = find_root(trying, root);
	STACK_OF(X509_CRL) *crls = NULL;

	if (found == NULL)
		pga_text_add(trying->fault, "OpenSSL does not find the root in it");
	else if (X509_check_trust(found, X509_TRUST_SSL_SERVER, 0) != X509_TRUST_TRUSTED)
		pga_text_add(trying->fault, "it says itself that the root is not to be trusted for "
					    "servers (TRUSTED CERTIFICATE)");
	else if (trying->has_crls) {
		crls = X509_STORE_CTX_get1_crls(trying->view, X509_get_subject_name(root->x509));
		*trying->by_crl = sk_X509_CRL_num(crls) <= 0;
		if (*trying->by_crl)
			pga_text_add(trying->fault,
				     X509_verify_cert_error_string(X509_V_ERR_UNABLE_TO_GET_CRL));
	}
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	X509_free(found);
}

bool pga_proof_ends_in(STACK_OF(X509) * chain, const struct pga_certificate *root)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = NULL;
	bool verifies;

	if (tls != NULL && store != NULL && X509_STORE_add_cert(store, root->x509) == 1)
		context = verify(tls, store, chain);
	verifies = context != NULL && X509_STORE_CTX_get_error(context) == X509_V_OK;
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	SSL_CTX_free(tls);
	ERR_clear_error();
	return verifies;
}

/* Whether the gate takes a chain that ends in another root: one of its certificates has the right
 * root's name, and what the server showed verifies with the right root alone. */
static bool verifies_alone(const struct trying *trying, const STACK_OF(X509) * verified,
			   const struct pga_certificate *root)
{
	bool named = false;

	for (int i = FIRST_ISSUER; i < sk_X509_num(verified); i++)
		named = named || X509_NAME_cmp(X509_get_subject_name(sk_X509_value(verified, i)),
					       X509_get_subject_name(root->x509)) == 0;
	return named && pga_proof_ends_in(trying->proof->chain, root);
}

static void say_other_root(const struct trying *trying, const X509 *end)
{
	char pin[PGA_PIN_LENGTH + 1] = "";

	(void)pga_certificate_pin(end, pin);
	pga_text_addf(trying->fault,
		      "the chain ends in another root of the file (SHA-256 %s), as OpenSSL "
		      "builds it",
		      pin);
}

/* Leaves the store without its request for CRLs. */
static bool verifies_without_crls(const struct trying *trying)
{
	X509_STORE *store = SSL_CTX_get_cert_store(trying->tls);
	X509_STORE_CTX *context;
	bool verifies;

	(void)X509_VERIFY_PARAM_clear_flags(X509_STORE_get0_param(store),
					    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	context = verify(trying->tls, store, trying->proof->chain);
	verifies = context != NULL && X509_STORE_CTX_get_error(context) == X509_V_OK;
	X509_STORE_CTX_free(context);
	return verifies;
}

static int chain_verifies(const struct trying *trying, const struct pga_certificate *root)
{
	X509_STORE_CTX *context =
	    verify(trying->tls, SSL_CTX_get_cert_store(trying->tls), trying->proof->chain);
	const STACK_OF(X509) * verified;
	X509 *end;
	int error;

	if (context == NULL)
		return -1;
	error = X509_STORE_CTX_get_error(context);
	verified = X509_STORE_CTX_get0_chain(context);
	end = sk_X509_value(verified, sk_X509_num(verified) - 1);
	if (error != X509_V_OK) {
		*trying->by_crl = trying->has_crls && error != X509_V_ERR_CERT_REVOKED &&
				  verifies_without_crls(trying);
		pga_text_add(trying->fault, X509_verify_cert_error_string(error));
	} else if (X509_cmp(end, root->x509) != 0 && !verifies_alone(trying, verified, root)) {
		say_other_root(trying, end);
	}
	X509_STORE_CTX_free(context);
	return 0;
}

/* A chain of another root says something of the file only where it holds that one. */
static int try_loaded(const struct trying *trying)
{
	const struct pga_proof *proof = trying->proof;
	const struct pga_certificate *chain_root =
	    proof->chain_root != NULL ? proof->chain_root : proof->root;
	X509 *found;

	root_is_trusted(trying, proof->root);
	if (trying->fault->length > 0 || proof->chain == NULL)
		return 0;
	found = find_root(trying, chain_root);
	X509_free(found);
	return found != NULL ? chain_verifies(trying, chain_root) : 0;
}

int pga_proof_try(const struct pga_proof *proof, const struct pga_crl_places *crls,
		  const char *path, struct pga_text *fault, bool *by_crl, struct pga_error *error)
{
	struct trying trying = {.proof = proof, .fault = fault, .by_crl = by_crl};
	bool tried;
	int result;

	*by_crl = false;
	/* What is in the queue now is none of the file's. */
	ERR_clear_error();
	trying.tls = SSL_CTX_new(TLS_client_method());
	trying.view = X509_STORE_CTX_new();
	/* Where the file cannot be loaded, that is all there is to say of it. */
	tried = trying.tls != NULL && trying.view != NULL &&
		(load(&trying, path, crls) != 0 ||
		 (X509_STORE_CTX_init(trying.view, SSL_CTX_get_cert_store(trying.tls), NULL,
				      NULL) == 1 &&
		  try_loaded(&trying) == 0));
	result = tried && !fault->failed ? 0 : pga_fail_memory(error);
	X509_STORE_CTX_free(trying.view);
	SSL_CTX_free(trying.tls);
	ERR_clear_error();
	return result;
}

int pga_proof_find_all(const char *path, const struct pga_certificate *roots, size_t count,
		       struct pga_text *fault, struct pga_error *error)
{
	static const struct pga_crl_places no_crls;
	bool by_crl = false;
	struct trying trying = {.fault = fault, .by_crl = &by_crl};
	bool tried = false;

	ERR_clear_error();
	trying.tls = SSL_CTX_new(TLS_client_method());
	trying.view = X509_STORE_CTX_new();
	if (trying.tls != NULL && trying.view != NULL) {
		tried = load(&trying, path, &no_crls) != 0 ||
			X509_STORE_CTX_init(trying.view, SSL_CTX_get_cert_store(trying.tls), NULL,
					    NULL) == 1;
		for (size_t i = 0; tried && fault->length == 0 && i < count; i++)
			root_is_trusted(&trying, &roots[i]);
	}
	X509_STORE_CTX_free(trying.view);
	SSL_CTX_free(trying.tls);
	ERR_clear_error();
	return tried && !fault->failed ? 0 : pga_fail_memory(error);
}
