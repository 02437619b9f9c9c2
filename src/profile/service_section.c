/* A section [service NAME] of a profile: settings of libpq's, which is asked whether it takes them.
 */
#include "profile/reading.h"

#include "base/host.h"
#include "policy/hostlist.h"
#include "policy/linked.h"
#include "policy/secrets.h"
#include "service/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* What makes a connection safe is pganchor's to write, and where its roots, CRLs and passwords are
 * is each user's. */
static bool is_ours(const char *keyword)
{
	static const char *const ours[] = {
	    "sslmode",  "requiressl", "gssencmode",    "sslrootcert",
	    "sslcrl",   "sslcrldir",  "sslkeylogfile", "oauth_ca_file",
	    "passfile", "service",    "servicefile",
	};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcmp(keyword, ours[i]) == 0)
			return true;
	return false;
}

/* What else a service may say: where its server is, who asks for what, and how it is waited for.
 * Whatever is not among these could weaken it, hand something over (gssdelegation) or have code
 * loaded (gsslib), as what a later libpq knows could. */
static bool is_allowed(const char *keyword)
{
	static const char *const allowed[] = {
	    "host",
	    "hostaddr",
	    "port",
	    "dbname",
	    "user",
	    "options",
	    "application_name",
	    "fallback_application_name",
	    "client_encoding",
	    "replication",
	    "connect_timeout",
	    "keepalives",
	    "keepalives_idle",
	    "keepalives_interval",
	    "keepalives_count",
	    "tcp_user_timeout",
	    "target_session_attrs",
	    "load_balance_hosts",
	    "channel_binding",
	    "require_auth",
	    "ssl_min_protocol_version",
	    "ssl_max_protocol_version",
	    "sslcert",
	    "sslkey",
	    "sslcertmode",
	    "sslnegotiation",
	    "min_protocol_version",
	    "max_protocol_version",
	    "krbsrvname",
	    "oauth_issuer",
	    "oauth_client_id",
	    "oauth_scope",
	};

	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (strcmp(keyword, allowed[i]) == 0)
			return true;
	return false;
}

static int take_password(const struct pga_profile *profile, struct pga_profile_service *service,
			 const struct pga_profile_line *line, struct pga_error *error)
{
	static const char *const words[] = {
	    [PGA_PROFILE_PASSWORD_NONE] = "none",
	    [PGA_PROFILE_PASSWORD_ASK] = "ask",
	    [PGA_PROFILE_PASSWORD_KEYRING] = "keyring",
	};

	if (service->password_line != 0)
		return pga_profile_fail(profile, line->number, "set twice in one section",
					line->key, error);
	service->password_line = line->number;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(line->value, words[i]) == 0) {
			service->password = (enum pga_profile_password)i;
			return 0;
		}
	/* It may be one. */
	return pga_profile_fail(profile, line->number,
				"password is neither ask, keyring nor none; a profile holds no "
				"secret",
				NULL, error);
}

static int take_anchor(const struct pga_profile *profile, struct pga_profile_service *service,
		       const struct pga_profile_line *line, struct pga_error *error)
{
	if (service->anchor != NULL)
		return pga_profile_fail(profile, line->number, "set twice in one section",
					line->key, error);
	if (!pga_pin_name_is_valid(line->value))
		return pga_profile_fail(profile, line->number, "not a name for an anchor",
					line->value, error);
	service->anchor = strdup(line->value);
	return service->anchor != NULL ? 0 : pga_fail_memory(error);
}

int pga_profile_service_line(const struct pga_profile *profile, struct pga_profile_service *service,
			     const struct pga_profile_line *line, struct pga_error *error)
{
	if (strcmp(line->key, "password") == 0)
		return take_password(profile, service, line, error);
	if (strcmp(line->key, "anchor") == 0)
		return take_anchor(profile, service, line, error);
	if (pga_keyword_is_secret(line->key))
		return pga_profile_fail(profile, line->number,
					"a profile holds no secret, and this names one", line->key,
					error);
	if (is_ours(line->key))
		return pga_profile_fail(profile, line->number,
					"pganchor sets this itself: every service of a profile is "
					"verify-full",
					line->key, error);
	/* What libpq does not know, it says itself. */
	if (!is_allowed(line->key) && pga_linked_libpq_knows(line->key))
		return pga_profile_fail(profile, line->number,
					"not a setting that a service of a profile may have: it "
					"could weaken the connection",
					line->key, error);
	/* fe-secure-openssl.c: ENGINE:KEY, of which OpenSSL loads a library by that name. */
	if (strcmp(line->key, "sslkey") == 0 && strchr(line->value, ':') != NULL)
		return pga_profile_fail(profile, line->number,
					"a profile names no library to be loaded, and what stands "
					"before the colon of sslkey is one",
					line->value, error);
	if (pga_settings_value(&service->settings, line->key) != NULL)
		return pga_profile_fail(profile, line->number, "set twice in one section",
					line->key, error);
	return pga_settings_add(&service->settings, line->key, line->value, error);
}

/* Fails with a text of several lines, one behind the other. */
static int fail_with(const struct pga_profile *profile, const struct pga_profile_service *service,
		     const char *what, const char *why, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	int result;

	pga_text_addf(&text, "service %s: %s", service->name, what);
	for (const char *at = why; *at != '\0'; at++)
		pga_text_add_bytes(&text, *at == '\n' ? ";" : at, 1);
	result = text.failed ? pga_fail_memory(error)
			     : pga_profile_fail(profile, service->line, pga_text_string(&text),
						NULL, error);
	pga_text_free(&text);
	return result;
}

/* As strong as can be, but for what the service need not ask for: then only what it says itself is
 * weak. */
static int judge(const struct pga_profile *profile, const struct pga_profile_service *service,
		 const struct pga_settings *settings, struct pga_error *error)
{
	const struct pga_policy policy = {.min_tls = PGA_TLS_1_2};
	struct pga_evaluation evaluation;
	int result = pga_evaluate_settings(settings, &policy, &evaluation, error);

	if (result == 0 && evaluation.state == PGA_ENTRY_BROKEN)
		result = fail_with(profile, service,
				   "libpq refuses it: ", pga_text_string(&evaluation.why), error);
	else if (result == 0 && evaluation.state != PGA_ENTRY_ALLOWED)
		result = fail_with(profile, service, "weaker than one of a profile may be: ",
				   pga_text_string(&evaluation.why), error);
	/* The gate would put it right; an entry is to be as strong without. */
	else if (result == 0 && evaluation.lock_min_tls &&
		 pga_settings_value(settings, "ssl_min_protocol_version") != NULL)
		result = fail_with(profile, service, "weaker than one of a profile may be: ",
				   "ssl_min_protocol_version is older than TLSv1.2", error);
	pga_evaluation_free(&evaluation);
	return result;
}

/* Whether the anchor that it names is valid for each of its hosts. */
static int check_hosts(const struct pga_profile *profile, const struct pga_profile_service *service,
		       const struct pga_settings *settings, struct pga_error *error)
{
	const struct pga_profile_anchor *anchor = NULL;
	struct pga_hosts hosts;
	int result = 0;

	if (service->anchor != NULL) {
		anchor = pga_profile_anchor_named(profile, service->anchor);
		if (anchor == NULL)
			return fail_with(
			    profile, service,
			    "the profile has no anchor of this name: ", service->anchor, error);
	}
	if (pga_hosts_split(pga_settings_value(settings, "host"),
			    pga_settings_value(settings, "hostaddr"), NULL, &hosts, error) != 0)
		return -1;
	for (size_t i = 0; result == 0 && i < hosts.count; i++) {
		const char *name = hosts.items[i].name;

		if (hosts.items[i].local)
			result =
			    fail_with(profile, service, "not a host, but a socket: ", name, error);
		else if (name[0] == '\0')
			result = fail_with(profile, service, "an address without the host's name: ",
					   hosts.items[i].address, error);
		else if (anchor != NULL && !pga_host_matches_any(anchor->hosts, name))
			result = fail_with(profile, service, "its anchor is not valid for ", name,
					   error);
	}
	pga_hosts_free(&hosts);
	return result;
}

/* The settings that pga_compose() will put behind them. */
static int add_ours(struct pga_settings *settings, struct pga_error *error)
{
	if (pga_settings_add(settings, "sslmode", "verify-full", error) != 0)
		return -1;
	return pga_linked_libpq_knows("gssencmode")
		   ? pga_settings_add(settings, "gssencmode", "disable", error)
		   : 0;
}

int pga_profile_service_check(const struct pga_profile *profile,
			      const struct pga_profile_service *service, struct pga_error *error)
{
	/* Some user: a service is good or bad for all of them. */
	static char login[] = "user";
	static char home[] = "/home/user";
	const struct pga_profile_user somebody = {login, home};
	struct pga_settings settings = {NULL, 0};
	struct pga_error why;
	int result = -1;

	for (const struct pga_profile_service *other = profile->services; other < service; other++)
		if (strcmp(other->name, service->name) == 0)
			return pga_profile_fail(profile, service->line,
						"this service is there twice", service->name,
						error);
	if (pga_service_name_check(service->name, false, &why) != 0)
		return pga_profile_fail(profile, service->line, why.message, NULL, error);
	if (pga_settings_value(&service->settings, "host") == NULL)
		return pga_profile_fail(profile, service->line, "a service without a host",
					service->name, error);
	if (pga_profile_service_settings(service, &somebody, &settings, &why) != 0 ||
	    add_ours(&settings, &why) != 0)
		result = fail_with(profile, service, "", why.message, error);
	else if (check_hosts(profile, service, &settings, error) == 0)
		result = judge(profile, service, &settings, error);
	pga_settings_free(&settings);
	return result;
}

void pga_profile_service_free(struct pga_profile_service *service)
{
	free(service->name);
	free(service->anchor);
	pga_settings_free(&service->settings);
}
