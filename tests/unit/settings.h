/* Effective settings and policies out of a line of words, for tests of what is made of them.
 *
 * Settings: "host=h sslmode=prefer@s": the value ends at a blank ("~" stands for one), and "@c",
 * "@s", "@e", "@r", "@d" or "@u" behind it says where it came from: conninfo (also where nothing is
 * said), service, its own variable, PGREQUIRESSL, default, unknown. "-sslcertmode": this libpq has
 * no such option.
 * "!oauth" and "!ambiguous" set the fields of that name, "!untraced" leaves the origins out.
 * Policy: "mode=audit weak=a,b weak=b": the laxer or stricter values of the keys, and lists. */
#ifndef PGA_TESTS_SETTINGS_H
#define PGA_TESTS_SETTINGS_H

#include "default_policy.h"

#include "policy/effective.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS = 23, LONGEST = 512 };

/* In libpq's order where that is of interest: origins are told by the place in the array. */
static const struct {
	const char *keyword;
	const char *envvar;
	const char *dispchar;
} known[OPTIONS] = {
    {"service", "PGSERVICE", ""},
    {"servicefile", "PGSERVICEFILE", ""},
    {"user", "PGUSER", ""},
    {"password", "PGPASSWORD", "*"},
    {"dbname", "PGDATABASE", ""},
    {"host", "PGHOST", ""},
    {"hostaddr", "PGHOSTADDR", ""},
    {"port", "PGPORT", ""},
    {"sslmode", "PGSSLMODE", ""},
    {"sslrootcert", "PGSSLROOTCERT", NULL},
    {"sslcertmode", "PGSSLCERTMODE", ""},
    {"sslkeylogfile", NULL, ""},
    {"ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", ""},
    {"ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", ""},
    {"gssencmode", "PGGSSENCMODE", ""},
    {"channel_binding", "PGCHANNELBINDING", ""},
    {"require_auth", "PGREQUIREAUTH", ""},
    {"oauth_issuer", NULL, ""},
    {"oauth_ca_file", NULL, ""},
    {"application_name", "PGAPPNAME", ""},
    {"brand_new", NULL, "*"},
    {"brand_newer", NULL, ""},
    {NULL, NULL, NULL},
};

struct settings {
	PQconninfoOption options[OPTIONS];
	char values[OPTIONS][LONGEST];
	enum pga_origin origins[OPTIONS];
	struct pga_effective effective;
};

static inline size_t option_of(const struct settings *settings, const char *keyword)
{
	size_t i = 0;

	while (settings->options[i].keyword != NULL &&
	       strcmp(settings->options[i].keyword, keyword) != 0)
		i++;
	return i;
}

static inline void drop_option(struct settings *settings, const char *keyword)
{
	const size_t at = option_of(settings, keyword);

	for (size_t i = at; i + 1 < OPTIONS; i++) {
		settings->options[i] = settings->options[i + 1];
		settings->origins[i] = settings->origins[i + 1];
	}
}

static inline void set_option(struct settings *settings, char *word)
{
	static const char letters[] = "ucsed"; /* as enum pga_origin has them */
	const char *letter = NULL;
	char *equals = strchr(word, '=');
	char *at = strrchr(word, '@');
	size_t option;

	assert_non_null(equals);
	*equals = '\0';
	option = option_of(settings, word);
	assert_non_null(settings->options[option].keyword);
	settings->origins[option] = PGA_FROM_CONNINFO;
	if (at != NULL && at[1] != '\0' && at[2] == '\0')
		letter = strchr(letters, at[1] == 'r' ? 'e' : at[1]);
	if (letter != NULL) {
		settings->origins[option] = (enum pga_origin)(letter - letters);
		*at = '\0';
		if (at[1] == 'e')
			(void)setenv(settings->options[option].envvar, equals + 1, 1);
	}
	for (char *c = equals + 1; *c != '\0'; c++)
		if (*c == '~')
			*c = ' ';
	(void)snprintf(settings->values[option], LONGEST, "%s", equals + 1);
	settings->options[option].val = settings->values[option];
}

/* The settings hold pointers into themselves. */
static inline void make_settings(struct settings *settings, const char *words)
{
	static char service_file[] = "/etc/services";
	char copy[4 * LONGEST];
	char *rest = copy;

	memset(settings, 0, sizeof *settings);
	for (size_t i = 0; i < OPTIONS; i++) {
		settings->options[i] =
		    (PQconninfoOption){.keyword = (char *)(uintptr_t)known[i].keyword,
				       .envvar = (char *)(uintptr_t)known[i].envvar,
				       .dispchar = (char *)(uintptr_t)known[i].dispchar};
		settings->origins[i] = PGA_FROM_DEFAULT;
		if (known[i].envvar != NULL)
			(void)unsetenv(known[i].envvar);
	}
	settings->effective.options = settings->options;
	settings->effective.origins = settings->origins;
	settings->effective.service_file = service_file;
	assert_true(strlen(words) < sizeof copy);
	(void)snprintf(copy, sizeof copy, "%s", words);
	/* What is left out goes first: values and origins are found by their place. */
	for (int turn = 0; turn < 2; turn++) {
		(void)snprintf(copy, sizeof copy, "%s", words);
		rest = copy;
		for (char *word; (word = strsep(&rest, " ")) != NULL;) {
			if (word[0] == '-' && turn == 0)
				drop_option(settings, word + 1);
			else if (strcmp(word, "!oauth") == 0)
				settings->effective.oauth_unsafe = true;
			else if (strcmp(word, "!ambiguous") == 0)
				settings->effective.ambiguous = true;
			else if (strcmp(word, "!untraced") == 0)
				settings->effective.origins = NULL;
			else if (word[0] != '\0' && word[0] != '-' && turn == 1)
				set_option(settings, word);
		}
	}
	settings->effective.service = settings->options[option_of(settings, "service")].val;
}

static inline void add_list(struct pga_policy *policy, const char *patterns)
{
	policy->allow_weak = realloc(policy->allow_weak,
				     (policy->allow_weak_count + 1) * sizeof *policy->allow_weak);
	assert_non_null(policy->allow_weak);
	assert_int_equal(pga_host_set_make(&policy->allow_weak[policy->allow_weak_count++],
					   patterns, strlen(patterns)),
			 0);
}

static inline void add_methods(struct pga_policy *policy, const char *list)
{
	unsigned methods;
	size_t wrong;

	assert_null(pga_auth_read(list, strlen(list), &methods, &wrong));
	policy->auth_refused |= PGA_AUTH_ALL & ~methods;
}

static inline void make_policy(struct pga_policy *policy, const char *words)
{
	char copy[LONGEST];
	char *rest = copy;

	*policy = DEFAULT_POLICY;
	(void)snprintf(copy, sizeof copy, "%s", words);
	for (char *word; (word = strsep(&rest, " ")) != NULL;) {
		if (strcmp(word, "mode=audit") == 0)
			policy->mode = PGA_MODE_AUDIT;
		else if (strcmp(word, "unix-socket=refuse") == 0)
			policy->unix_socket = PGA_REFUSE;
		else if (strcmp(word, "gss-encryption=allow") == 0)
			policy->gss_encryption = PGA_ALLOW;
		else if (strcmp(word, "public-ca=refuse") == 0)
			policy->public_ca = PGA_REFUSE;
		else if (strcmp(word, "user-anchors=refuse") == 0)
			policy->user_anchors = PGA_REFUSE;
		else if (strcmp(word, "min-tls=1.3") == 0)
			policy->min_tls = PGA_TLS_1_3;
		else if (strcmp(word, "channel-binding=require") == 0)
			policy->channel_binding = PGA_BINDING_REQUIRE;
		else if (strncmp(word, "auth=", 5) == 0)
			add_methods(policy, word + 5);
		else if (strncmp(word, "weak=", 5) == 0)
			add_list(policy, word + 5);
		else
			assert_string_equal(word, "");
	}
}

static inline void free_policy(struct pga_policy *policy)
{
	for (size_t i = 0; i < policy->allow_weak_count; i++)
		pga_host_set_free(&policy->allow_weak[i]);
	free(policy->allow_weak);
}

#endif
