#include "server/cipher_rule.h"

#include "server/spoken.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdlib.h>
#include <string.h>

static bool is_given(const char *list)
{
	return list != NULL && list[0] != '\0';
}

/* OpenSSL's macro takes the const from what it is given. */
static bool knows_groups(SSL_CTX *context, const char *groups)
{
	char *copy = strdup(groups);
	const bool known = copy == NULL || SSL_CTX_set1_groups_list(context, copy) == 1;

	free(copy);
	return known;
}

/* The server's OpenSSL may know more of them than this one. */
static int check_newer(SSL_CTX *context, const struct pga_server_pair *pair,
		       struct pga_server_plan *plan, struct pga_error *error)
{
	if (is_given(pair->tls13) && SSL_CTX_set_ciphersuites(context, pair->tls13) != 1)
		return pga_fail(
		    error, "nothing was changed",
		    "ssl_tls13_ciphers: OpenSSL knows no such list of TLS 1.3's ciphers "
		    "as \"%s\"",
		    pair->tls13);
	if (is_given(pair->groups) && !knows_groups(context, pair->groups))
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "ssl_groups: this program's OpenSSL does not know all of \"%s\", and "
			     "the server's has to, or it loads nothing of its TLS",
			     pair->groups);
	return 0;
}

int pga_server_pair_check_settings(const struct pga_server_pair *pair, struct pga_server_plan *plan,
				   struct pga_error *error)
{
	const int min = pga_tls_version_of(pair->min);
	const int max = pga_tls_version_of(pair->max);
	SSL_CTX *context;
	int result;

	if (max >= 0 && min > max)
		return pga_fail(error, "nothing was changed",
				"ssl_min_protocol_version is %s, and ssl_max_protocol_version %s",
				pair->min, pair->max);
	if (min < pga_tls_version_of("TLSv1.2"))
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "ssl_min_protocol_version: %s and TLS before 1.2 is let in; "
			     "--min-version TLSv1.2 does not",
			     min < 0 ? "there is none," : pair->min);
	context = SSL_CTX_new(TLS_method());
	if (context == NULL)
		return pga_fail_memory(error);
	if (SSL_CTX_set_cipher_list(context, pair->ciphers) != 1)
		result = pga_fail(error, "nothing was changed",
				  "ssl_ciphers: OpenSSL knows no cipher of \"%s\"", pair->ciphers);
	else
		result = check_newer(context, pair, plan, error);
	SSL_CTX_free(context);
	ERR_clear_error();
	if (result != 0)
		return -1;
	pga_plan_add(plan, PGA_PLAN_CHECKED, "ciphers and protocol versions: OpenSSL takes them");
	return 0;
}
