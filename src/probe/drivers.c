#include "probe/drivers.h"

#include "tls/host_name.h"

#include <openssl/evp.h>
#include <openssl/objects.h>

#include <string.h>

#define BIT(trait) PGA_TRAIT_BIT(trait)

#define NOBODY (PGA_TRAITS_OF_ALL | BIT(OLD_TLS))

/* What nobody has looked at, but for libpq's. */
#define UNTRIED (BIT(CRL) | BIT(SHORT_WILDCARD) | BIT(DIRECT_ONLY))

/* With Debian 12's builds, where they were tried; test_probe_drivers.py tries them again. */
const struct pga_driver pga_drivers[] = {
    {"libpq", "tried",
     NOBODY | BIT(CRL) | BIT(SHA1) | BIT(SMALL_RSA) | BIT(NO_DIGEST) | BIT(SETTINGS),
     BIT(DIRECT_ONLY)},
    {"asyncpg", "tried", NOBODY | BIT(ADDRESS_AS_DNS) | BIT(SHA1) | BIT(SMALL_RSA), UNTRIED},
    {"lib/pq, pgx", "tried", NOBODY | BIT(COMMON_NAME) | BIT(ADDRESS_AS_DNS) | BIT(SHA1), UNTRIED},
    {"pgjdbc", "tried", NOBODY, UNTRIED},
    {"node-postgres", "by its source", NOBODY | BIT(ADDRESS_AS_DNS),
     UNTRIED | BIT(SHA1) | BIT(SMALL_RSA)},
    {"rustls", "by its source",
     NOBODY | BIT(COMMON_NAME) | BIT(ADDRESS_AS_DNS) | BIT(SHA1) | BIT(SMALL_RSA), UNTRIED},
    {NULL, NULL, 0, 0},
};

const char *pga_trait_words(enum pga_trait trait)
{
#define WORDS(name, words) words,
	static const char *const all[] = {PGA_DRIVER_TRAITS(WORDS)};

	return all[trait];
}

static bool is_signed_with_sha1(const X509 *certificate)
{
	int digest = NID_undef;

	return OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, NULL) == 1 &&
	       digest == NID_sha1;
}

static bool is_small_rsa(const X509 *certificate)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	       EVP_PKEY_get_bits(key) < 2048;
}

static unsigned traits_of_chain(const struct pga_probe *probe)
{
	unsigned traits = 0;

	for (size_t i = 0; i < probe->length; i++) {
		const struct pga_probe_certificate *item = &probe->chain[i];

		if (!item->is_root && is_signed_with_sha1(item->certificate.x509))
			traits |= BIT(SHA1);
		if (is_small_rsa(item->certificate.x509))
			traits |= BIT(SMALL_RSA);
	}
	return traits;
}

/* "*.test" for db.test. */
static bool is_short_wildcard(const char *host)
{
	const char *dot = strchr(host, '.');

	return dot != NULL && strchr(dot + 1, '.') == NULL;
}

static unsigned traits_of_name(const struct pga_probe *probe, const char *host)
{
	switch (pga_certificate_names_host(probe->chain[0].certificate.x509, host)) {
	case PGA_NAMED_NOT:
		return BIT(WRONG_NAME);
	case PGA_NAMED_BY_COMMON:
		return BIT(COMMON_NAME);
	case PGA_NAMED_AS_DNS:
		return BIT(ADDRESS_AS_DNS);
	case PGA_NAMED_BY_WILDCARD:
		return is_short_wildcard(host) ? BIT(SHORT_WILDCARD) : 0;
	default:
		return 0;
	}
}

static unsigned traits_of_fault(enum pga_probe_fault fault)
{
	switch (fault) {
	case PGA_FAULT_NONE:
	case PGA_FAULT_NOT_PINNED:
	case PGA_FAULT_NOT_FOR_HOST:
	case PGA_FAULT_WEAK:         /* has a trait of its own */
	case PGA_FAULT_UNKNOWN_ROOT: /* its root may be trusted by whoever asks */
	case PGA_FAULT_SELF_SIGNED:
	case PGA_FAULT_NO_ROOTS:
		return 0;
	case PGA_FAULT_SETTINGS:
		return BIT(SETTINGS);
	case PGA_FAULT_REVOKED:
	case PGA_FAULT_CRL:
		return BIT(CRL);
	case PGA_FAULT_EXPIRED:
	case PGA_FAULT_NOT_YET_VALID:
		return BIT(NOT_IN_DATE);
	case PGA_FAULT_WRONG_NAME:
		return BIT(WRONG_NAME);
	case PGA_FAULT_MISSING_INTERMEDIATE:
		return BIT(MISSING_INTERMEDIATE);
	case PGA_FAULT_WRONG_USE:
		return BIT(WRONG_USE);
	case PGA_FAULT_NAME_CONSTRAINTS:
	case PGA_FAULT_OTHER:
		break;
	}
	return BIT(NOT_VERIFIED);
}

unsigned pga_probe_traits(const struct pga_probe *probe, const struct pga_probe_target *target)
{
	unsigned traits = 0;

	if (probe->answer != PGA_PROBE_TLS || probe->length == 0)
		return BIT(NO_TLS);
	traits = traits_of_fault(probe->fault) | traits_of_chain(probe) |
		 traits_of_name(probe, target->host);
	if (probe->libpq_refuses_tls)
		traits |= probe->settings_refuse_tls ? BIT(SETTINGS) : BIT(OLD_TLS);
	if (probe->no_digest != NULL && probe->tls_startup.auth == PGA_ASKS_SCRAM &&
	    probe->tls_startup.plus)
		traits |= BIT(NO_DIGEST);
	if (probe->was_direct && !target->direct)
		traits |= BIT(DIRECT_ONLY);
	return traits;
}
