/* Whether a server will take a certificate and its key, by PostgreSQL's own rules: what it would
 * refuse at a reload, it says in its log alone. */
#ifndef PGA_SERVER_PAIR_RULE_H
#define PGA_SERVER_PAIR_RULE_H

#include "base/error.h"
#include "cert/cluster.h"
#include "server/plan.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* What a change will have the server use. */
struct pga_server_pair {
	const char *certificate; /* as the settings name them: relative to the data directory, or
				    not */
	const char *key;
	bool copied;     /* a copy of them will be used, of the server's owner and mode 0600 */
	bool passphrase; /* ssl_passphrase_command gives one: the key cannot be tried here */
	const char *ciphers;
	const char *tls13; /* ciphers of TLS 1.3; "" or NULL: OpenSSL's own; so with the groups */
	const char *groups;
	const char *min; /* "TLSv1.2" or ""; the same of max */
	const char *max;
	const char *const *hosts; /* how clients call the server */
	size_t host_count;
};

/* Whether the server's user could use these very files, by mode and owner; why not is in error. */
bool pga_server_pair_is_usable(const struct pga_cluster *cluster, const char *certificate,
			       const char *key, struct pga_error *error);

/* Whether the server could load these two again, as it does when it starts: what it has loaded, it
 * goes on with, whatever becomes of the files. */
int pga_server_pair_check_start(const struct pga_cluster *cluster,
				const struct pga_server_pair *pair, struct pga_error *error);

/* Checks mode and owner (be-secure-common.c), that the server's user can read both, that OpenSSL
 * loads them and they belong together, dates and purpose, the order of the chain, the names, the
 * ciphers and versions. What is right or only to be known is added to the plan. *chain (the
 * caller frees it) is what the file has, of which the server has to show the first. Returns -1 with
 * the first reason why it would not. */
int pga_server_pair_check(const struct pga_cluster *cluster, const struct pga_server_pair *pair,
			  struct pga_server_plan *plan, STACK_OF(X509) * *chain,
			  struct pga_error *error);

#endif
