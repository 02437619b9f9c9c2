#include "tls/twins.h"

#include "policy/trust.h"
#include "tls/certificate.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* As the gate does it: with the verified certificates alone, and without a look at dates, which
 * were right for the chain and are why a root is renewed. */
static bool verifies_alone(STACK_OF(X509) * chain, X509 *root)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *verify = X509_STORE_CTX_new();
	bool verifies = false;

	if (store != NULL && verify != NULL && X509_STORE_add_cert(store, root) == 1 &&
	    X509_STORE_CTX_init(verify, store, sk_X509_value(chain, 0), chain) == 1 &&
	    X509_STORE_CTX_set_default(verify, "ssl_server") == 1) {
		X509_STORE_CTX_set_flags(verify, X509_V_FLAG_NO_CHECK_TIME);
		verifies = X509_verify_cert(verify) == 1;
	}
	X509_STORE_CTX_free(verify);
	X509_STORE_free(store);
	return verifies;
}

static int add(struct pga_twins *twins, const X509 *root)
{
	char(*grown)[PGA_PIN_LENGTH + 1] =
	    reallocarray(twins->pins, twins->count + 1, sizeof *grown);

	if (grown == NULL)
		return -1;
	twins->pins = grown;
	return pga_certificate_pin(root, grown[twins->count]) == 0 ? (int)twins->count++ : -1;
}

static int add_named(struct pga_twins *twins, X509_STORE_CTX *look, STACK_OF(X509) * chain,
		     const X509 *certificate)
{
	STACK_OF(X509) *named = X509_STORE_CTX_get1_certs(look, X509_get_subject_name(certificate));
	int result = 0;

	for (int i = 0; result >= 0 && i < sk_X509_num(named); i++)
		if (verifies_alone(chain, sk_X509_value(named, i)))
			result = add(twins, sk_X509_value(named, i));
	sk_X509_pop_free(named, X509_free);
	return result;
}

int pga_twins_find(const SSL *session, struct pga_twins *twins, struct pga_error *error)
{
	return pga_twins_of_chain(SSL_get0_verified_chain(session),
				  SSL_CTX_get_cert_store(SSL_get_SSL_CTX(session)), twins, error);
}

int pga_twins_of_chain(STACK_OF(X509) * chain, X509_STORE *trusted, struct pga_twins *twins,
		       struct pga_error *error)
{
	X509_STORE_CTX *look = X509_STORE_CTX_new();
	int result = look != NULL && X509_STORE_CTX_init(look, trusted, NULL, NULL) == 1 ? 0 : -1;

	/* The server's own certificate, the first, is no root's twin. */
	for (int i = sk_X509_num(chain) - 1; result >= 0 && i > 0; i--)
		result = add_named(twins, look, chain, sk_X509_value(chain, i));
	X509_STORE_CTX_free(look);
	ERR_clear_error();
	return result >= 0 ? 0 : pga_fail_memory(error);
}

static bool is_for_host(const struct pga_pins *pins, const struct pga_pin *pin, const char *host)
{
	return pin != NULL && pga_root_is_valid_for(pins, pin->pin, host);
}

const struct pga_pin *pga_twins_pinned(const struct pga_twins *twins, const char *root_pin,
				       const struct pga_pins *pins, const char *host)
{
	const struct pga_pin *found = pga_pins_find(pins, root_pin);

	for (size_t i = 0; i < twins->count && !is_for_host(pins, found, host); i++) {
		const struct pga_pin *twin = pga_pins_find(pins, twins->pins[i]);

		if (found == NULL || is_for_host(pins, twin, host))
			found = twin;
	}
	return found;
}

const struct pga_pin *pga_session_pinned(const SSL *session, const struct pga_pins *pins,
					 const char *host)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(session);
	struct pga_twins twins = {NULL, 0};
	const struct pga_pin *found;
	struct pga_error ignored;
	char pin[PGA_PIN_LENGTH + 1];

	if (pga_certificate_pin(sk_X509_value(chain, sk_X509_num(chain) - 1), pin) != 0)
		return NULL;
	found = pga_twins_pinned(&twins, pin, pins, host);
	if (!is_for_host(pins, found, host) && pga_twins_find(session, &twins, &ignored) == 0)
		found = pga_twins_pinned(&twins, pin, pins, host);
	pga_twins_free(&twins);
	return found;
}

void pga_twins_free(struct pga_twins *twins)
{
	free(twins->pins);
	memset(twins, 0, sizeof *twins);
}
