/* The policy of the gate: what the system's files and the user's say, the stricter value of each
 * key. */
#ifndef PGA_POLICY_POLICY_H
#define PGA_POLICY_POLICY_H

#include "base/error.h"
#include "base/host.h"
#include "base/userfile.h"
#include "policy/auth.h"
#include "policy/system_files.h"

#include <stdbool.h>
#include <stddef.h>

/* The values of each key, the stricter first: the lower number wins where several files set a key.
 */
enum pga_mode { PGA_MODE_ENFORCE, PGA_MODE_AUDIT };
enum pga_trust { PGA_TRUST_PINNED, PGA_TRUST_VERIFIED };
enum pga_consent { PGA_REFUSE, PGA_ALLOW };
enum pga_min_tls { PGA_TLS_1_3, PGA_TLS_1_2 };
enum pga_binding { PGA_BINDING_REQUIRE, PGA_BINDING_PREFER };
enum pga_continuity { PGA_CONTINUITY_REQUIRE, PGA_CONTINUITY_WARN, PGA_CONTINUITY_OFF };
enum pga_continuity_key { PGA_CONTINUITY_SERVER, PGA_CONTINUITY_ISSUER };
enum pga_log { PGA_LOG_SYSLOG, PGA_LOG_OFF };

struct pga_policy {
	enum pga_mode mode;
	enum pga_trust trust;
	enum pga_consent unix_socket;
	enum pga_consent gss_encryption;
	enum pga_consent public_ca;
	enum pga_consent cancel;
	enum pga_consent user_anchors;
	enum pga_min_tls min_tls;
	enum pga_binding channel_binding;
	enum pga_continuity continuity;
	enum pga_continuity_key continuity_key; /* of what the continuity is */
	enum pga_log log;
	unsigned auth_refused;    /* the methods of authentication (policy/auth.h) that some file's
				     list leaves out; 0 where every file takes any */
	char auth[PGA_AUTH_TEXT]; /* the others, as status shows them: "any", "no method in
				     common", or libpq's words */
	struct pga_host_set
	    *allow_weak; /* one for each file that has the key: a host is exempt where every one has
			    it, so that no file can exempt more than another does */
	size_t allow_weak_count;
	struct pga_system_files systems; /* the system's files, there or not */
	struct pga_user_file user;       /* the user's own */
};

/* Reads the system's files (policy.conf in SYSCONFDIR/pganchor, then every NAME.conf in its
 * policy.d, by name) and the user's. A file that is not there says nothing, and a key that no file
 * sets has its default. Returns -1, with the file and the line, for a file that cannot be read or
 * has a line that is no setting, and for a file or directory of the system's that others than the
 * administrator can write (pga_check_ownership()): a policy that cannot be known refuses. */
int pga_policy_load(struct pga_policy *policy, struct pga_error *error);

/* The same in a process that has loaded its policy before, whether or not that was successful: a
 * user's file that is out of its reach by now (base/userfile.h) says what it said then. */
int pga_policy_reload(struct pga_policy *policy, const struct pga_policy *before,
		      struct pga_error *error);

/* Whether no file that the policy came from has changed since. */
bool pga_policy_is_fresh(const struct pga_policy *policy);

/* The policy's keys and what it has for each, as they are written; *value belongs to the policy.
 * index counts from 0; NULL behind the last. allow_weak is not among them. */
const char *pga_policy_key(const struct pga_policy *policy, size_t index, const char **value);

void pga_policy_free(struct pga_policy *policy);

/* Whether the policy exempts this host: see allow_weak. */
bool pga_policy_exempts(const struct pga_policy *policy, const char *host);

#endif
