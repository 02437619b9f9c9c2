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

static void count_reason(struct pga_verdict *verdict, const char *keyword)
{
	if (verdict->reasons++ > 0)
		pga_text_add(&verdict->why, "\n");
	verdict->allowed = false;
	verdict->weak[verdict->reasons - 1] = keyword;
}

/* Starts a reason: "sslmode=prefer (libpq's default) ". */
static void begin_reason(struct pga_verdict *verdict, const struct pga_effective *effective,
			 const char *keyword)
{
	const PQconninfoOption *option = pga_option_find(effective->options, keyword);
	struct pga_text value = PGA_TEXT_EMPTY;

	count_reason(verdict, keyword);
	pga_text_addf(&verdict->why, "%s=", keyword);
	if (option != NULL)
		pga_text_add_setting(&value, option, pga_may_hold_a_password(effective));
	pga_text_add_printable(&verdict->why, pga_text_string(&value), "");
	pga_text_free(&value);
	pga_text_add(&verdict->why, " (");
	pga_effective_origin(effective, keyword, &verdict->why);
	pga_text_add(&verdict->why, ") ");
}

static void judge_sslmode(const struct pga_effective *effective, struct pga_verdict *verdict)
{
	/* libpq compares the value to the letter, and so does this. */
	if (strcmp(value_of(effective, "sslmode"), "verify-full") == 0)
		return;
	begin_reason(verdict, effective, "sslmode");
	pga_text_add(&verdict->why, "is weaker than verify-full");
}

static void judge_gss(const struct pga_effective *effective, const struct pga_policy *policy,
		      struct pga_verdict *verdict)
{
	const char *mode = pga_effective_value(effective, "gssencmode");

	/* A libpq older than 12 does not know gssencmode, nor GSSAPI encryption. */
	if (mode == NULL || policy->gss_encryption == PGA_ALLOW || strcmp(mode, "disable") == 0)
		return;
	if (strcmp(mode, "prefer") == 0) {
		verdict->lock_gss = true;
		return;
	}
	begin_reason(verdict, effective, "gssencmode");
	pga_text_add(&verdict->why, "takes GSSAPI encryption instead of TLS");
}

/* libpq's spellings, which it compares without regard to case (ssl_protocol_version_to_openssl()).
 */
static bool is_strong(const char *version, const struct pga_policy *policy)
{
	if (strcasecmp(version, "TLSv1.3") == 0)
		return true;
	return policy->min_tls == PGA_TLS_1_2 && strcasecmp(version, "TLSv1.2") == 0;
}

static void judge_tls_version(const struct pga_effective *effective,
			      const struct pga_policy *policy, struct pga_verdict *verdict)
{
	const char *minimum = pga_effective_value(effective, "ssl_min_protocol_version");
	const char *maximum = value_of(effective, "ssl_max_protocol_version");

	/* A libpq older than 13 has no such setting; there, the session itself is looked at. */
	if (minimum != NULL && !is_strong(minimum, policy))
		verdict->lock_min_tls = true;
	if (maximum[0] != '\0' && !is_strong(maximum, policy)) {
		begin_reason(verdict, effective, "ssl_max_protocol_version");
		pga_text_addf(&verdict->why, "is older than %s, the least that the policy takes",
			      pga_verdict_min_tls(policy));
	}
}

/* The word is the system's roots from libpq 16 on, which came with sslcertmode. To one before, it
 * is a file in the directory that the program happens to run in, and whoever can write there would
 * be believed. */
static void judge_roots(const struct pga_effective *effective, const struct pga_policy *policy,
			struct pga_verdict *verdict)
{
	if (strcmp(value_of(effective, "sslrootcert"), "system") != 0)
		return;
	if (pga_effective_value(effective, "sslcertmode") == NULL) {
		begin_reason(verdict, effective, "sslrootcert");
		pga_text_add(&verdict->why, "is a file in the current directory to this libpq, "
					    "which is older than 16");
	} else if (policy->public_ca == PGA_REFUSE) {
		begin_reason(verdict, effective, "sslrootcert");
		pga_text_add(&verdict->why, "trusts every public CA, which the policy refuses");
	}
}

static void judge_tls(const struct pga_effective *effective, const struct pga_policy *policy,
		      struct pga_verdict *verdict)
{
	judge_sslmode(effective, verdict);
	judge_gss(effective, policy, verdict);
	judge_tls_version(effective, policy, verdict);
	judge_roots(effective, policy, verdict);
}

/* Settings by which libpq gives secrets away, of whatever value. */
static const struct giving_away {
	const char *keyword;
	bool sockets_too; /* it is not the server's session that they are about */
	const char *how;
} giving_away[] = {
    {"sslkeylogfile", false, "writes the session's keys to a file"},
    {"oauth_ca_file", true, "names the roots of the OAuth issuer, whom libpq sends secrets to"},
};

#define GIVING_AWAY (sizeof giving_away / sizeof giving_away[0])

bool pga_setting_gives_away(const char *keyword)
{
	for (size_t i = 0; i < GIVING_AWAY; i++)
		if (strcmp(giving_away[i].keyword, keyword) == 0)
			return true;
	return false;
}

bool pga_setting_is_judged(const char *keyword)
{
	/* Not pointers: each would be relocated as a program starts. */
	static const char judged[][25] = {"host",
					  "hostaddr",
					  "sslmode",
					  "sslrootcert",
					  "gssencmode",
					  "ssl_min_protocol_version",
					  "ssl_max_protocol_version"};

	for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++)
		if (strcmp(judged[i], keyword) == 0)
			return true;
	return pga_setting_gives_away(keyword);
}

/* A server that is reached by a socket can ask for OAuth as well as any. */
static void judge_secrets(const struct pga_effective *effective, struct pga_verdict *verdict)
{
	for (size_t i = 0; i < GIVING_AWAY; i++) {
		const struct giving_away *rule = &giving_away[i];

		if (value_of(effective, rule->keyword)[0] == '\0' ||
		    (!verdict->needs_tls && !rule->sockets_too))
			continue;
		begin_reason(verdict, effective, rule->keyword);
		pga_text_add(&verdict->why, rule->how);
	}
	if (effective->oauth_unsafe) {
		count_reason(verdict, PGA_OAUTH_DEBUG);
		pga_text_add(&verdict->why,
			     PGA_OAUTH_DEBUG "=UNSAFE (environment) lets OAuth's secrets go over "
					     "plain HTTP, and prints them");
	}
}

static void judge_socket(const struct pga_effective *effective, const struct pga_policy *policy,
			 struct pga_verdict *verdict)
{
	if (policy->unix_socket == PGA_ALLOW)
		return;
	begin_reason(verdict, effective, "host");
	pga_text_add(&verdict->why, "is a Unix-domain socket, which the policy refuses");
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
	if (verdict->local)
		judge_socket(effective, policy, verdict);
	if (verdict->needs_tls)
		judge_tls(effective, policy, verdict);
	if (verdict->needs_tls || verdict->local)
		judge_secrets(effective, verdict);
}

void pga_verdict_without_locks(struct pga_verdict *verdict, const struct pga_effective *effective)
{
	if (!verdict->lock_gss)
		return;
	verdict->lock_gss = false;
	begin_reason(verdict, effective, "gssencmode");
	pga_text_add(&verdict->why, "can take GSSAPI encryption instead of TLS");
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
