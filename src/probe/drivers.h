/* Which drivers connect to a server with such a certificate, where they verify it as strictly as
 * they can, by the root that it has. */
#ifndef PGA_PROBE_DRIVERS_H
#define PGA_PROBE_DRIVERS_H

#include "probe/probe.h"

#include <stddef.h>

/* What a certificate or server may be, and not every driver takes. */
#define PGA_DRIVER_TRAITS(X)                                           \
	X(NO_TLS, "the server shows no certificate")                   \
	X(WRONG_NAME, "the certificate is not for this host")          \
	X(NOT_IN_DATE, "a certificate of the chain is not in date")    \
	X(NOT_VERIFIED, "the chain does not verify")                   \
	X(CRL, "what the CRLs say")                                    \
	X(OLD_TLS, "TLS older than 1.2")                               \
	X(MISSING_INTERMEDIATE, "an intermediate is missing")          \
	X(WRONG_USE, "the certificate is not for servers")             \
	X(COMMON_NAME, "the host is in the common name alone")         \
	X(ADDRESS_AS_DNS, "the address is written as a DNS name")      \
	X(SHORT_WILDCARD, "a wildcard right below a top-level domain") \
	X(SHA1, "signed with SHA-1")                                   \
	X(SMALL_RSA, "an RSA key of less than 2048 bits")              \
	X(NO_DIGEST, "channel binding of SCRAM has no digest for it")  \
	X(DIRECT_ONLY, "TLS without being asked for it")               \
	X(SETTINGS, "not with these settings")

#define PGA_DRIVER_TRAIT(name, words) PGA_TRAIT_##name,
enum pga_trait { PGA_DRIVER_TRAITS(PGA_DRIVER_TRAIT) PGA_TRAIT_COUNT };

#define PGA_TRAIT_BIT(trait) (1U << PGA_TRAIT_##trait)

/* No driver connects with these. */
#define PGA_TRAITS_OF_ALL                                                                 \
	(PGA_TRAIT_BIT(NO_TLS) | PGA_TRAIT_BIT(WRONG_NAME) | PGA_TRAIT_BIT(NOT_IN_DATE) | \
	 PGA_TRAIT_BIT(MISSING_INTERMEDIATE) | PGA_TRAIT_BIT(WRONG_USE) |                 \
	 PGA_TRAIT_BIT(NOT_VERIFIED))

struct pga_driver {
	const char *name;
	const char *known; /* "tried", "by its source" */
	unsigned refuses;  /* bits of traits */
	unsigned unknown;  /* of those for which nobody has looked */
};

/* All of them; a NULL name is behind the last. */
extern const struct pga_driver pga_drivers[];

/* The traits of the server that was probed, as bits. */
unsigned pga_probe_traits(const struct pga_probe *probe, const struct pga_probe_target *target);

const char *pga_trait_words(enum pga_trait trait);

#endif
