/* Effective settings x policy -> verdict. Pure: opens nothing, reads no environment, keeps no
 * state. */
#ifndef PGA_POLICY_VERDICT_H
#define PGA_POLICY_VERDICT_H

#include "base/text.h"
#include "policy/auth.h"
#include "policy/effective.h"
#include "policy/policy.h"
#include "policy/setting_rules.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_OAUTH_DEBUG "PGOAUTHDEBUG"

struct pga_verdict {
	bool allowed;
	bool needs_tls; /* some host is reached by TCP and not exempt: TLS has to stand before the
			   startup packet */
	bool local;     /* some host is a Unix-domain socket */
	bool exempt;    /* some host is exempt (allow-weak) */
	bool lock_gss;  /* allowed once gssencmode=disable is locked */
	bool lock_min_tls;        /* allowed once ssl_min_protocol_version is locked to
				     pga_verdict_min_tls() */
	bool lock_binding;        /* allowed once channel_binding=require is locked */
	bool lock_auth;           /* allowed once require_auth is locked to auth */
	char auth[PGA_AUTH_TEXT]; /* the methods that the policy takes, of those that the program
				     lets in and this libpq knows; "" where any is good */
	size_t reasons;
	const char *
	    weak[PGA_SETTING_RULE_COUNT]; /* the setting that each is about, or the variable
					     PGA_OAUTH_DEBUG: a rule gives one reason at the most */
	struct pga_text why; /* the reasons, one a line, each with setting, value and origin; no
				newline at the end */
};

/* Judges every host of the connection. The caller frees the verdict. Running out of memory loses
 * the reasons' words, never the verdict. */
void pga_judge(const struct pga_effective *effective, const struct pga_policy *policy,
	       struct pga_verdict *verdict);

/* For a connection whose settings cannot be locked any more: turns the locks into reasons to
 * refuse, but for the version of TLS, which is seen when the session stands. */
void pga_verdict_without_locks(struct pga_verdict *verdict, const struct pga_effective *effective);

/* The same of those alone that the session does not show, once it stands: how the two sides will
 * prove who they are. */
void pga_verdict_without_login_locks(struct pga_verdict *verdict,
				     const struct pga_effective *effective);

/* The policy's minimum as libpq spells it: "TLSv1.2" or "TLSv1.3". */
const char *pga_verdict_min_tls(const struct pga_policy *policy);

/* Whether the policy exempts every host of the connection that libpq calls by this name. PQhost()
 * tells the host that a connection has come to, but not which of several with that name; an address
 * (hostaddr) counts before the name. */
bool pga_host_is_exempt(const struct pga_effective *effective, const struct pga_policy *policy,
			const char *name);

/* Adds the whole refusal to text: "pganchor refused this connection: " with every reason, and a
 * line that says what to do. No newline at the end. No password is in it. */
void pga_verdict_message(const struct pga_verdict *verdict, const struct pga_effective *effective,
			 struct pga_text *text);

void pga_verdict_free(struct pga_verdict *verdict);

#endif
