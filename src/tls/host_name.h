/* For which host a certificate is. */
#ifndef PGA_TLS_HOST_NAME_H
#define PGA_TLS_HOST_NAME_H

#include <openssl/x509.h>

#include <stdbool.h>

/* How a certificate names a host. */
enum pga_named {
	PGA_NAMED_NOT,
	PGA_NAMED_BY_ALTERNATIVE, /* by a subject alternative name of its kind */
	PGA_NAMED_BY_WILDCARD,    /* by one that begins with "*." */
	PGA_NAMED_AS_DNS,         /* an address, by a dNSName that is written alike */
	PGA_NAMED_BY_COMMON,      /* by the subject's common name alone */
};

/* As libpq's pq_verify_peer_name_matches_certificate() (15 and later) compares: letters' case does
 * not count, "*." stands for one label, an address is compared with addresses by its bytes, and the
 * common name counts where there is no alternative name of the host's kind. A malformed name ends
 * it: whatever stands behind that one does not count. The strongest way is told. */
enum pga_named pga_certificate_names_host(X509 *certificate, const char *host);

/* Whether a subject alternative name is one that libpq gives up at: a dNSName with a NUL byte, or
 * an iPAddress of neither 4 nor 16 bytes. */
bool pga_certificate_has_malformed_name(X509 *certificate);

/* Whether the host is written as an address. */
bool pga_host_is_address(const char *host);

#endif
