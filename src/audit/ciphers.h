/* Which weak ciphers, and groups, a list in OpenSSL's language lets in. */
#ifndef PGA_AUDIT_CIPHERS_H
#define PGA_AUDIT_CIPHERS_H

#include "base/text.h"

#include <stdbool.h>

/* Adds the names of the weak ones, with ", " between: those without encryption, with fewer than 128
 * bits, anonymous ones, and those of RC4, DES, 3DES and MD5. What of it this machine's OpenSSL
 * does not have, or would refuse, and the server's may not, is taken at its word. */
void pga_audit_weak_ciphers(const char *ciphers, struct pga_text *named);

/* Whether it has any cipher that this machine's OpenSSL knows: without one TLS cannot be set up. */
bool pga_audit_has_cipher(const char *ciphers);

/* Whether the cipher of a session, as OpenSSL names it, is one of those; bits as pg_stat_ssl has
 * them, of a session that has TLS. */
bool pga_audit_is_weak_cipher(const char *cipher, long bits);

/* Adds the weak ones of ssl_tls13_ciphers; and of ssl_groups, or ssl_ecdh_curve. */
void pga_audit_weak_tls13_ciphers(const char *ciphers, struct pga_text *named);
void pga_audit_weak_groups(const char *groups, struct pga_text *named);

#endif
