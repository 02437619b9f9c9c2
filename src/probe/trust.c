#include "anchor/known_roots.h"
#include "probe/target.h"
#include "tls/certificate.h"

#include <openssl/err.h>

#include <stdlib.h>
#include <string.h>

/* Of sessions: what the server shows is looked at afterwards, with every fault. */
static int believe(X509_STORE_CTX *context, void *argument)
{
	(void)argument;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

SSL_CTX *pga_probe_lax_context(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (tls == NULL)
		return NULL;
	SSL_CTX_set_cert_verify_callback(tls, believe, NULL);
	(void)SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
	(void)SSL_CTX_set_cipher_list(tls, "ALL:COMPLEMENTOFDEFAULT:@SECLEVEL=0");
	(void)SSL_CTX_set_options(tls, SSL_OP_LEGACY_SERVER_CONNECT);
	ERR_clear_error();
	return tls;
}

/* Every pinned root whose own file has it. */
static int find_anchors(const struct pga_pins *pins, STACK_OF(X509) * roots)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < pins->count; i++) {
		struct pga_certificate certificate = {.x509 = NULL};

		if (!pga_known_root_read(&pins->pins[i], pins, &certificate))
			continue;
		if (sk_X509_push(roots, certificate.x509) > 0)
			certificate.x509 = NULL;
		else
			result = -1;
		pga_certificate_free(&certificate);
	}
	return result;
}

/* Who names a host alone means whatever is trusted here: root.crt and the anchors' own files. */
static int load(struct pga_probe_trust *trust, struct pga_probe_trusts *trusts,
		const struct pga_effective *effective, bool bare, struct pga_error *error)
{
	struct pga_root_changes changes = {.with = sk_X509_new_null()};
	int result = -1;

	if (changes.with == NULL || (bare && find_anchors(trusts->pins, changes.with) != 0))
		(void)pga_fail_memory(error);
	else
		result =
		    pga_trusted_load(&trust->trusted, &trusts->roots, effective, &changes, error);
	if (result == 0 && trust->trusted.why.length > 0 && sk_X509_num(changes.with) == 0) {
		trust->roots_why = strdup(pga_text_string(&trust->trusted.why));
		result = trust->roots_why != NULL ? 0 : pga_fail_memory(error);
	}
	sk_X509_pop_free(changes.with, X509_free);
	return result;
}

/* 0 where none is named. libpq has refused every other word before. */
static int version_of(const char *word)
{
	static const struct {
		const char *word;
		int version;
	} versions[] = {{"TLSv1", TLS1_VERSION},
			{"TLSv1.1", TLS1_1_VERSION},
			{"TLSv1.2", TLS1_2_VERSION},
			{"TLSv1.3", TLS1_3_VERSION}};

	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
		if (strcasecmp(word, versions[i].word) == 0)
			return versions[i].version;
	return 0;
}

/* As initialize_SSL() of libpq has it; before libpq 13 it asked for nothing. */
static void bound_tls(struct pga_probe_trust *trust, const struct pga_effective *effective)
{
	const char *min = pga_effective_value(effective, "ssl_min_protocol_version");
	const char *max = pga_effective_value(effective, "ssl_max_protocol_version");

	trust->min_tls = min != NULL ? version_of(min) : TLS1_2_VERSION;
	trust->max_tls = max != NULL ? version_of(max) : 0;
	if (trust->min_tls != 0)
		(void)SSL_CTX_set_min_proto_version(trust->trusted.tls, trust->min_tls);
	if (trust->max_tls != 0)
		(void)SSL_CTX_set_max_proto_version(trust->trusted.tls, trust->max_tls);
}

static int fill(struct pga_probe_trust *trust, struct pga_probe_trusts *trusts,
		const struct pga_effective *effective, bool bare, struct pga_error *error)
{
	const char *setting = pga_effective_value(effective, "sslrootcert");

	trust->policy = trusts->policy;
	trust->pins = trusts->pins;
	if (load(trust, trusts, effective, bare, error) != 0)
		return -1;
	if (!trust->trusted.system) {
		trust->roots =
		    pga_roots_path(&trusts->roots, setting != NULL ? setting : "", error);
		if (trust->roots == NULL)
			return -1;
	}
	trust->crls = (X509_VERIFY_PARAM_get_flags(
			   X509_STORE_get0_param(SSL_CTX_get_cert_store(trust->trusted.tls))) &
		       X509_V_FLAG_CRL_CHECK) != 0;
	/* It verifies nobody by itself: who verifies by its store does so apart from a session. */
	SSL_CTX_set_cert_verify_callback(trust->trusted.tls, believe, NULL);
	bound_tls(trust, effective);
	return 0;
}

static char *key_of(const struct pga_effective *effective, bool bare)
{
	static const char *const keywords[] = {"sslrootcert", "sslcrl", "sslcrldir",
					       "ssl_min_protocol_version",
					       "ssl_max_protocol_version"};
	struct pga_text key = PGA_TEXT_EMPTY;

	pga_text_add(&key, bare ? "+" : "");
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
		const char *value = pga_effective_value(effective, keywords[i]);

		pga_text_addf(&key, "\n%s", value != NULL ? value : "");
	}
	return pga_text_take(&key);
}

static void trust_free(struct pga_probe_trust *trust)
{
	if (trust == NULL)
		return;
	pga_trusted_free(&trust->trusted);
	free(trust->roots);
	free(trust->roots_why);
	free(trust->key);
	free(trust);
}

const struct pga_probe_trust *pga_probe_trust_of(struct pga_probe_trusts *trusts,
						 const struct pga_effective *effective, bool bare,
						 struct pga_error *error)
{
	struct pga_probe_trust *trust = NULL;
	struct pga_probe_trust **grown;
	char *key = key_of(effective, bare);

	for (size_t i = 0; key != NULL && i < trusts->count; i++)
		if (strcmp(trusts->list[i]->key, key) == 0) {
			free(key);
			return trusts->list[i];
		}
	grown = reallocarray(trusts->list, trusts->count + 1, sizeof(struct pga_probe_trust *));
	if (grown != NULL)
		trusts->list = grown;
	if (grown != NULL && key != NULL)
		trust = calloc(1, sizeof *trust);
	if (trust == NULL) {
		free(key);
		(void)pga_fail_memory(error);
		return NULL;
	}
	trust->key = key;
	if (fill(trust, trusts, effective, bare, error) != 0) {
		trust_free(trust);
		return NULL;
	}
	grown[trusts->count++] = trust;
	return trust;
}

void pga_probe_trusts_free(struct pga_probe_trusts *trusts)
{
	for (size_t i = 0; i < trusts->count; i++)
		trust_free(trusts->list[i]);
	free(trusts->list);
	pga_roots_free(&trusts->roots);
	pga_service_file_free(&trusts->user);
	pga_service_file_free(&trusts->system);
	memset(trusts, 0, sizeof *trusts);
}
