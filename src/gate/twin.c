/* Chains that end in a twin: another certificate of the name and key of a pinned root, a renewed
 * one or one that another CA has signed. Which of the two OpenSSL takes depends on their order and
 * dates. The chain is as good as one that ends in the pinned root where it verifies with that root
 * alone, as if libpq trusted no other; so a root of the same name with another key does not count,
 * and what the pinned root allows holds. */
#include "gate/twin.h"

#include "gate/libpq.h"
#include "gate/rules.h"
#include "gate/session.h"

#include "policy/trust.h"

#include <stddef.h>

#define NO_CHECK_TIME 0x200000UL /* X509_V_FLAG_NO_CHECK_TIME of openssl/x509_vfy.h */

static bool can_look(const struct gate_libpq *libpq)
{
	return libpq->SSL_get_SSL_CTX != NULL && libpq->SSL_CTX_get_cert_store != NULL &&
	       libpq->X509_STORE_CTX_new != NULL && libpq->X509_STORE_CTX_free != NULL &&
	       libpq->X509_STORE_CTX_init != NULL && libpq->X509_STORE_CTX_set_default != NULL &&
	       libpq->X509_STORE_CTX_set_flags != NULL && libpq->X509_verify_cert != NULL &&
	       libpq->X509_STORE_CTX_get1_certs != NULL && libpq->X509_STORE_new != NULL &&
	       libpq->X509_STORE_free != NULL && libpq->X509_STORE_add_cert != NULL &&
	       libpq->X509_get_subject_name != NULL && libpq->X509_free != NULL &&
	       libpq->OPENSSL_sk_pop_free != NULL && libpq->ERR_set_mark != NULL &&
	       libpq->ERR_pop_to_mark != NULL;
}

/* With the certificates of the chain that libpq's OpenSSL has verified, and no others that the
 * server has sent: among those can be what has expired or was revoked. The dates do not count: of
 * these they were right, and the root's are why it is renewed. The chain has a second certificate:
 * gate_twin() has looked at it. */
static bool verifies_alone(const struct gate_libpq *libpq, const void *ssl, void *root)
{
	void *chain = libpq->SSL_get0_verified_chain(ssl);
	void *store = libpq->X509_STORE_new();
	void *verify = libpq->X509_STORE_CTX_new();
	bool verifies = false;

	if (store != NULL && verify != NULL && libpq->X509_STORE_add_cert(store, root) == 1 &&
	    libpq->X509_STORE_CTX_init(verify, store, libpq->OPENSSL_sk_value(chain, 0), chain) ==
		1 &&
	    libpq->X509_STORE_CTX_set_default(verify, "ssl_server") == 1) {
		libpq->X509_STORE_CTX_set_flags(verify, NO_CHECK_TIME);
		verifies = libpq->X509_verify_cert(verify) == 1;
	}
	libpq->X509_STORE_CTX_free(verify);
	libpq->X509_STORE_free(store);
	return verifies;
}

/* Among the trusted certificates of one name. */
static const struct pga_pin *find_pinned(const struct gate_libpq *libpq,
					 const struct gate_rules *rules, const void *ssl,
					 const char *host, const void *named)
{
	const int count = named != NULL ? libpq->OPENSSL_sk_num(named) : 0;
	char pin[PGA_PIN_LENGTH + 1];

	for (int i = 0; i < count; i++) {
		void *root = libpq->OPENSSL_sk_value(named, i);

		if (gate_certificate_pin(libpq, root, pin) &&
		    pga_root_is_valid_for(&rules->pins, pin, host) &&
		    verifies_alone(libpq, ssl, root))
			return pga_pins_find(&rules->pins, pin);
	}
	return NULL;
}

const struct pga_pin *gate_twin(const struct gate_libpq *libpq, const struct gate_rules *rules,
				const void *ssl, const char *host)
{
	const struct pga_pin *anchor = NULL;
	const void *verified;
	void *trusted;
	void *look;

	if (!can_look(libpq))
		return NULL;
	verified = libpq->SSL_get0_verified_chain(ssl);
	trusted = libpq->SSL_CTX_get_cert_store(libpq->SSL_get_SSL_CTX(ssl));
	look = libpq->X509_STORE_CTX_new();
	/* What fails here must not be in OpenSSL's queue when libpq asks about its SSL_write(). */
	(void)libpq->ERR_set_mark();
	if (look != NULL && libpq->X509_STORE_CTX_init(look, trusted, NULL, NULL) == 1)
		/* The server's own certificate, the first, is no root's twin. */
		for (int i = libpq->OPENSSL_sk_num(verified); anchor == NULL && --i > 0;) {
			void *named = libpq->X509_STORE_CTX_get1_certs(
			    look,
			    libpq->X509_get_subject_name(libpq->OPENSSL_sk_value(verified, i)));

			anchor = find_pinned(libpq, rules, ssl, host, named);
			libpq->OPENSSL_sk_pop_free(named, libpq->X509_free);
		}
	(void)libpq->ERR_pop_to_mark();
	libpq->X509_STORE_CTX_free(look);
	return anchor;
}
