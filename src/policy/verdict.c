#include "policy/verdict.h"

#include "base/printable.h"
#include "base/text.h"
#include "policy/hostlist.h"
#include "policy/secrets.h"

#include <string.h>
#include <strings.h>

static const char *value_of(const struct pga_effective *effective, const char *keyword)
{
	const char *value = pga_effective_value(effective, keyword);

	return value != NULL ? value : "";
}

static struct pga_hostlist hosts_of(const struct pga_effective *effective)
{
	return pga_hostlist_begin(pga_effective_value(effective, "host"),
				  pga_effective_value(effective, "hostaddr"), NULL);
}

/* A message calls the host, and policies match, what is connected to: the address where one is
 * given. */
static bool is_exempt(const struct pga_policy *policy, const struct pga_host_part *host)
{
	const struct pga_part said = host->address.length > 0 ? host->address : host->name;
	char name[256]; /* the longest host name has 253 characters (RFC 1035); a longer one is not
			   exempt */

	if (host->local || said.length >= sizeof name)
		return false;
	memcpy(name, said.bytes, said.length);
	name[said.length] = '\0';
	return pga_policy_exempts(policy, name);
}

bool pga_host_is_exempt(const struct pga_effective *effective, const struct pga_policy *policy,
			const char *name)
{
	struct pga_hostlist hosts = hosts_of(effective);
	struct pga_host_part host;
	bool found = false;

	while (pga_hostlist_next(&hosts, &host)) {
		const struct pga_part label = pga_host_part_label(&host);

		if (strlen(name) != label.length || memcmp(label.bytes, name, label.length) != 0)
			continue;
		if (!is_exempt(policy, &host))
			return false;
		found = true;
	}
	return found;
}

/* Adds "=prefer (libpq's default)", or of the variable, which is judged where it is UNSAFE alone,
 * "=UNSAFE (environment)". */
static void add_value(struct pga_text *why, const struct pga_effective *effective,
		      const char *setting)
{
	const PQconninfoOption *option = pga_option_find(effective->options, setting);
	struct pga_text value = PGA_TEXT_EMPTY;

	if (strcmp(setting, PGA_OAUTH_DEBUG) == 0) {
		pga_text_add(why, "=UNSAFE (environment)");
		return;
	}
	/* A setting that this libpq does not have has no value. */
	if (option == NULL)
		return;
	pga_text_add(why, "=");
	pga_text_add_setting(&value, option, pga_may_hold_a_password(effective));
	pga_text_add_printable(why, pga_text_string(&value), "");
	pga_text_free(&value);
	pga_text_add(why, " (");
	pga_effective_origin(effective, setting, why);
	pga_text_add(why, ")");
}

/* what: what is wrong with the setting; NULL for nothing. */
static void add_reason(struct pga_verdict *verdict, const struct pga_effective *effective,
		       const char *setting, const char *what)
{
	if (what == NULL)
		return;
	if (verdict->reasons > 0)
		pga_text_add(&verdict->why, "\n");
	verdict->allowed = false;
	verdict->weak[verdict->reasons++] = setting;
	pga_text_add(&verdict->why, setting);
	add_value(&verdict->why, effective, setting);
	pga_text_addf(&verdict->why, " %s", what);
}

/* What a judge looks at. Each returns what is wrong with its setting, behind "sslmode=prefer
 * (libpq's default) "; NULL for nothing. It may have a lock make it good. */
struct judged {
	const struct pga_effective *effective;
	const struct pga_policy *policy;
	struct pga_verdict *verdict;
};

static const char *judge_host(const struct judged *judged)
{
	return judged->verdict->local && judged->policy->unix_socket != PGA_ALLOW
		   ? "is a Unix-domain socket, which the policy refuses"
		   : NULL;
}

/* Which hosts are sockets is told by both settings together (policy/hostlist.h). */
static const char *judge_hostaddr(const struct judged *judged)
{
	(void)judged;
	return NULL;
}

/* libpq compares the value to the letter, and so does this. */
static const char *judge_sslmode(const struct judged *judged)
{
	return strcmp(value_of(judged->effective, "sslmode"), "verify-full") != 0
		   ? "is weaker than verify-full"
		   : NULL;
}

static const char *judge_gss(const struct judged *judged)
{
	const char *mode = pga_effective_value(judged->effective, "gssencmode");

	/* A libpq older than 12 does not know gssencmode, nor GSSAPI encryption. */
	if (mode == NULL || judged->policy->gss_encryption == PGA_ALLOW ||
	    strcmp(mode, "disable") == 0)
		return NULL;
	if (strcmp(mode, "prefer") != 0)
		return "takes GSSAPI encryption instead of TLS";
	judged->verdict->lock_gss = true;
	return NULL;
}

/* libpq's spellings, which it compares without regard to case (ssl_protocol_version_to_openssl()).
 */
static bool is_strong(const char *version, const struct pga_policy *policy)
{
	if (strcasecmp(version, "TLSv1.3") == 0)
		return true;
	return policy->min_tls == PGA_TLS_1_2 && strcasecmp(version, "TLSv1.2") == 0;
}

/* A libpq older than 13 has no such setting; there, the session itself is looked at. */
static const char *judge_min_tls(const struct judged *judged)
{
	const char *minimum = pga_effective_value(judged->effective, "ssl_min_protocol_version");

	if (minimum != NULL && !is_strong(minimum, judged->policy))
		judged->verdict->lock_min_tls = true;
	return NULL;
}

static const char *judge_max_tls(const struct judged *judged)
{
	const char *maximum = value_of(judged->effective, "ssl_max_protocol_version");

	if (maximum[0] == '\0' || is_strong(maximum, judged->policy))
		return NULL;
	return judged->policy->min_tls == PGA_TLS_1_3
		   ? "is older than TLSv1.3, the least that the policy takes"
		   : "is older than TLSv1.2, the least that the policy takes";
}

/* libpq compares the value to the letter, as connectOptions2() has checked it. */
static const char *judge_binding(const struct judged *judged)
{
	const char *binding = pga_effective_value(judged->effective, "channel_binding");

	if (judged->policy->channel_binding == PGA_BINDING_PREFER)
		return NULL;
	if (binding == NULL)
		return "is unknown to this libpq, which is older than 13, and the policy requires "
		       "it";
	if (strcmp(binding, "disable") == 0)
		return "goes without channel binding, which the policy requires";
	judged->verdict->lock_binding = strcmp(binding, "require") != 0;
	return NULL;
}

/* libpq 18 brought OAuth, and the word for it with it: to an older one it is an error. */
static unsigned known_methods(const struct pga_effective *effective)
{
	return pga_effective_value(effective, "oauth_issuer") != NULL
		   ? PGA_AUTH_NAMED
		   : PGA_AUTH_NAMED & ~PGA_AUTH_OAUTH;
}

/* What the program names is what it asks for. What it only leaves out, or does not speak of, leaves
 * the choice to the policy. */
static const char *judge_auth(const struct judged *judged)
{
	const unsigned refused = judged->policy->auth_refused;
	const char *given = pga_effective_value(judged->effective, "require_auth");
	unsigned admitted;
	unsigned kept;

	if (refused == 0)
		return NULL;
	if ((PGA_AUTH_NAMED & ~refused) == 0)
		return "cannot be set: the lists of auth in the policy's files have no method in "
		       "common";
	if (given == NULL)
		return "is unknown to this libpq, which is older than 16, and cannot be held to "
		       "the policy's auth";
	admitted = pga_auth_admitted(given);
	if (pga_auth_names(given) && (admitted & refused) != 0)
		return "names a method of authentication that the policy's auth does not";
	kept = admitted & ~refused & known_methods(judged->effective);
	if (kept == 0)
		return "leaves no method of the policy's auth that this libpq has";
	judged->verdict->lock_auth = kept != admitted;
	pga_auth_text(kept, judged->verdict->auth);
	return NULL;
}

/* The word is the system's roots from libpq 16 on, which came with sslcertmode. To one before, it
 * is a file in the directory that the program happens to run in, and whoever can write there would
 * be believed. */
static const char *judge_roots(const struct judged *judged)
{
	if (strcmp(value_of(judged->effective, "sslrootcert"), "system") != 0)
		return NULL;
	if (pga_effective_value(judged->effective, "sslcertmode") == NULL)
		return "is a file in the current directory to this libpq, which is older than 16";
	return judged->policy->public_ca == PGA_REFUSE
		   ? "trusts every public CA, which the policy refuses"
		   : NULL;
}

/* Settings by which libpq gives secrets away, of whatever value. */
static const char *judge_key_log(const struct judged *judged)
{
	return value_of(judged->effective, "sslkeylogfile")[0] != '\0'
		   ? "writes the session's keys to a file"
		   : NULL;
}

/* A server that is reached by a socket can ask for OAuth as well as any. */
static const char *judge_oauth_roots(const struct judged *judged)
{
	return value_of(judged->effective, "oauth_ca_file")[0] != '\0'
		   ? "names the roots of the OAuth issuer, whom libpq sends secrets to"
		   : NULL;
}

static const char *judge_oauth_debug(const struct judged *judged)
{
	return judged->effective->oauth_unsafe
		   ? "lets OAuth's secrets go over plain HTTP, and prints them"
		   : NULL;
}

const char *pga_verdict_min_tls(const struct pga_policy *policy)
{
	return policy->min_tls == PGA_TLS_1_3 ? "TLSv1.3" : "TLSv1.2";
}

void pga_judge(const struct pga_effective *effective, const struct pga_policy *policy,
	       struct pga_verdict *verdict)
{
	struct pga_hostlist hosts = hosts_of(effective);
	struct pga_host_part host;
	const struct judged judged = {effective, policy, verdict};

	memset(verdict, 0, sizeof *verdict);
	verdict->allowed = true;
	while (pga_hostlist_next(&hosts, &host)) {
		if (host.local)
			verdict->local = true;
		else if (is_exempt(policy, &host))
			verdict->exempt = true;
		else
			verdict->needs_tls = true;
	}
#define JUDGE(setting, judge, strong, suspect, logged, flags)                          \
	if (verdict->needs_tls || (verdict->local && ((flags)&PGA_RULE_SOCKETS) != 0)) \
		add_reason(verdict, effective, #setting, judge(&judged));
	PGA_SETTING_RULES(JUDGE)
#undef JUDGE
}

void pga_verdict_without_login_locks(struct pga_verdict *verdict,
				     const struct pga_effective *effective)
{
	add_reason(verdict, effective, "channel_binding",
		   verdict->lock_binding ? "can do without channel binding, which the policy "
					   "requires"
					 : NULL);
	add_reason(verdict, effective, "require_auth",
		   verdict->lock_auth ? "lets in methods of authentication that the policy's auth "
					"does not"
				      : NULL);
	verdict->lock_binding = false;
	verdict->lock_auth = false;
}

void pga_verdict_without_locks(struct pga_verdict *verdict, const struct pga_effective *effective)
{
	add_reason(verdict, effective, "gssencmode",
		   verdict->lock_gss ? "can take GSSAPI encryption instead of TLS" : NULL);
	verdict->lock_gss = false;
	pga_verdict_without_login_locks(verdict, effective);
}

static bool is_said(const struct pga_effective *effective, const char *keyword)
{
	const PQconninfoOption *option = pga_option_find(effective->options, keyword);

	return effective->origins != NULL && option != NULL &&
	       effective->origins[option - effective->options] == PGA_FROM_CONNINFO;
}

/* Whether the value cannot stand as it is in a command, or would not look like what it is; or is
 * none, but what libpq takes of a password in a URI for a host. */
static bool is_awkward(const char *value)
{
	for (; *value != '\0'; value++)
		if (*value <= ' ' || *value > '~' || strchr("'\"\\@", *value) != NULL)
			return true;
	return false;
}

/* A service of a file that the program names is found there alone. */
static void add_service_hint(const struct pga_effective *effective, struct pga_text *text)
{
	const char *file = value_of(effective, "servicefile");

	pga_text_addf(text, "\n    write sslmode=verify-full into service %s", effective->service);
	if (is_said(effective, "servicefile") && !is_awkward(file))
		pga_text_addf(text, " of %s; \"pganchor explain 'service=%s servicefile=%s'\" ",
			      file, effective->service, file);
	else
		pga_text_addf(text, "; \"pganchor explain service=%s\" ", effective->service);
}

/* What to do about it. The conninfo in the hint is made of settings that are no secret. */
static void add_hint(const struct pga_effective *effective, struct pga_text *text)
{
	const char *service = effective->service != NULL ? effective->service : "";
	const char *host = value_of(effective, "host");
	const char *sslmode = value_of(effective, "sslmode");

	if (service[0] != '\0' && !is_awkward(service)) {
		add_service_hint(effective, text);
	} else {
		pga_text_add(text, "\n    ");
		/* It may be another setting that is weak. */
		if (strcmp(sslmode, "verify-full") != 0)
			pga_text_add(text, "use a service of \"pganchor service list\", or "
					   "sslmode=verify-full; ");
		pga_text_add(text, "\"pganchor explain");
		if (host[0] != '\0' && !is_awkward(host) && !is_awkward(sslmode))
			pga_text_addf(text, " 'host=%s%s%s'", host,
				      is_said(effective, "sslmode") ? " sslmode=" : "",
				      is_said(effective, "sslmode") ? sslmode : "");
		pga_text_add(text, "\" ");
	}
	pga_text_add(text, "says what to change");
}

void pga_verdict_message(const struct pga_verdict *verdict, const struct pga_effective *effective,
			 struct pga_text *text)
{
	const char *reasons = pga_text_string(&verdict->why);

	pga_text_add(text, "pganchor refused this connection: ");
	if (verdict->reasons > 1)
		pga_text_add(text, "\n    ");
	for (const char *at = reasons; *at != '\0'; at++) {
		pga_text_add_bytes(text, at, 1);
		if (*at == '\n')
			pga_text_add(text, "    ");
	}
	add_hint(effective, text);
}

void pga_verdict_free(struct pga_verdict *verdict)
{
	pga_text_free(&verdict->why);
}
