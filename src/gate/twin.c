/* Chains that end in a twin: another certificate of the name and key of a pinned root, a renewed
 * one or one that another CA has signed. Which of the two OpenSSL takes depends on their order and
 * dates. The chain is as good as one that ends in the pinned root where it verifies with that root
 * alone, as if libpq trusted no other; so a root of the same name with another key does not count,
 * and what the pinned root allows holds. */
#include "gate/gate.h"

#include "base/host.h"

#include <stddef.h>

#define NO_CHECK_TIME 0x200000UL /* X509_V_FLAG_NO_CHECK_TIME of openssl/x509_vfy.h */

static bool can_look(const struct gate_libpq *libpq)
{
	return libpq->tlsContext != NULL && libpq->trustStore != NULL && libpq->newVerify != NULL &&
	       libpq->freeVerify != NULL && libpq->beginVerify != NULL &&
	       libpq->verifyPurpose != NULL && libpq->verifyFlags != NULL &&
	       libpq->verifyNow != NULL && libpq->trustedNamed != NULL && libpq->newStore != NULL &&
	       libpq->freeStore != NULL && libpq->addToStore != NULL &&
	       libpq->subjectName != NULL && libpq->freeCertificate != NULL &&
	       libpq->freeChain != NULL && libpq->markErrors != NULL && libpq->dropErrors != NULL;
}

/* With the certificates of the chain that libpq's OpenSSL has verified, and no others that the
 * server has sent: among those can be what has expired or was revoked. The dates do not count: of
 * these they were right, and the root's are why it is renewed. The chain has a second certificate:
 * gate_twin() has looked at it. */
static bool verifies_alone(const struct gate_libpq *libpq, const void *ssl, void *root)
{
	void *chain = libpq->verifiedChain(ssl);
	void *store = libpq->newStore();
	void *verify = libpq->newVerify();
	bool verifies = false;

	if (store != NULL && verify != NULL && libpq->addToStore(store, root) == 1 &&
	    libpq->beginVerify(verify, store, libpq->chainElement(chain, 0), chain) == 1 &&
	    libpq->verifyPurpose(verify, "ssl_server") == 1) {
		libpq->verifyFlags(verify, NO_CHECK_TIME);
		verifies = libpq->verifyNow(verify) == 1;
	}
	libpq->freeVerify(verify);
	libpq->freeStore(store);
	return verifies;
}

/* Among the trusted certificates of one name. */
static const struct pga_pin *find_pinned(const struct gate_libpq *libpq,
					 const struct gate_rules *rules, const void *ssl,
					 const char *host, const void *named)
{
	const int count = named != NULL ? libpq->chainLength(named) : 0;
	char pin[PGA_PIN_LENGTH + 1];

	for (int i = 0; i < count; i++) {
		void *root = libpq->chainElement(named, i);
		const struct pga_pin *anchor = NULL;

		if (gate_certificate_pin(libpq, root, pin))
			anchor = pga_pins_find(&rules->pins, pin);
		if (anchor != NULL && pga_host_matches_any(anchor->hosts, host) &&
		    verifies_alone(libpq, ssl, root))
			return anchor;
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
	verified = libpq->verifiedChain(ssl);
	trusted = libpq->trustStore(libpq->tlsContext(ssl));
	look = libpq->newVerify();
	/* What fails here must not be in OpenSSL's queue when libpq asks about its SSL_write(). */
	(void)libpq->markErrors();
	if (look != NULL && libpq->beginVerify(look, trusted, NULL, NULL) == 1)
		/* The server's own certificate, the first, is no root's twin. */
		for (int i = libpq->chainLength(verified); anchor == NULL && --i > 0;) {
			void *named = libpq->trustedNamed(
			    look, libpq->subjectName(libpq->chainElement(verified, i)));

			anchor = find_pinned(libpq, rules, ssl, host, named);
			libpq->freeChain(named, libpq->freeCertificate);
		}
	(void)libpq->dropErrors();
	libpq->freeVerify(look);
	return anchor;
}
