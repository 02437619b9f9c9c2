/* The policy of the gate: what the system's files and the user's say, the stricter value of each
 * key. */
#ifndef PGA_POLICY_POLICY_H
#define PGA_POLICY_POLICY_H

#include "base/error.h"

#include <stdbool.h>

enum pga_mode { PGA_MODE_ENFORCE, PGA_MODE_AUDIT };
enum pga_trust { PGA_TRUST_PINNED, PGA_TRUST_VERIFIED };
enum pga_consent { PGA_REFUSE, PGA_ALLOW };

struct pga_policy {
	enum pga_mode mode;
	enum pga_trust trust;
	enum pga_consent unix_socket;
	enum pga_consent gss_encryption;
	enum pga_consent public_ca;
	enum pga_consent cancel;
	int min_tls;         /* 12 for TLS 1.2, 13 for TLS 1.3 */
	bool log;            /* to syslog */
	char *allow_weak[2]; /* host patterns, of the system's files and of the user's: a host is
				exempt where every list that is there names it; NULL: not there */
};

/* Reads the system's files (/etc/pganchor/policy.conf, /etc/pganchor/policy.d/ *.conf) and the
 * user's, in that order. A file that is not there says nothing. Returns -1, with the file and the
 * line, for one that cannot be read or has a line that is no setting: a policy that cannot be known
 * refuses. */
int pga_policy_load(struct pga_policy *policy, struct pga_error *error);

void pga_policy_free(struct pga_policy *policy);

/* Whether the policy exempts this host: see allow_weak. */
bool pga_policy_exempts(const struct pga_policy *policy, const char *host);

#endif
