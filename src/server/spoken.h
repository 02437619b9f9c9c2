/* What a server speaks: the versions of TLS, and the ciphers of TLS 1.2, that a handshake with it
 * comes to. Where it shows the same certificate before a reload and behind it, that alone tells
 * whether it has loaded its other settings of TLS: it loads all of them, or none. */
#ifndef PGA_SERVER_SPOKEN_H
#define PGA_SERVER_SPOKEN_H

#include "base/error.h"
#include "server/target.h"

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>

/* TLS 1.0, 1.1, 1.2 and 1.3, as the settings name them. */
#define PGA_TLS_VERSIONS 4
extern const char *const pga_tls_versions[PGA_TLS_VERSIONS];

/* Its place among them; -1 for "", which is no bound, and for what is none. */
int pga_tls_version_of(const char *name);

#define PGA_SPOKEN_CIPHERS 64

struct pga_server_spoken {
	bool versions[PGA_TLS_VERSIONS];
	const SSL_CIPHER *ciphers[PGA_SPOKEN_CIPHERS]; /* of TLS 1.2, as it prefers them */
	size_t count;
};

/* Asks by handshakes, some dozens of them; no startup packet goes out. Returns -1 with the reason
 * where the server does not answer. */
int pga_server_spoken_ask(const struct pga_server_target *target, struct pga_server_spoken *spoken,
			  struct pga_error *error);

bool pga_server_spoken_is_same(const struct pga_server_spoken *one,
			       const struct pga_server_spoken *other);

/* Returns -1 where something of it is outside of these bounds ("": none). */
int pga_server_spoken_check_versions(const struct pga_server_spoken *spoken, const char *min,
				     const char *max, struct pga_error *error);

/* And where a cipher is none of this list, as OpenSSL reads it here. */
int pga_server_spoken_check_ciphers(const struct pga_server_spoken *spoken, const char *ciphers,
				    struct pga_error *error);

#endif
