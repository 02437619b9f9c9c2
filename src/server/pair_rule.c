#include "server/pair_rule.h"

#include "cert/pair.h"
#include "server/chain_rule.h"
#include "server/cipher_rule.h"
#include "server/file_rule.h"

#include <stdlib.h>
#include <string.h>

bool pga_server_pair_is_usable(const struct pga_cluster *cluster, const char *certificate,
			       const char *key, struct pga_error *error)
{
	return pga_server_file_check_readable(cluster, certificate, error) == 0 &&
	       pga_server_file_check_readable(cluster, key, error) == 0 &&
	       pga_server_key_check_mode(cluster, key, error) == 0;
}

static int check_certificate(const char *path, const struct pga_server_pair *pair,
			     struct pga_server_plan *plan, STACK_OF(X509) * *chain,
			     struct pga_error *error)
{
	*chain = pga_server_chain_read(BIO_new_file(path, "r"), path, error);
	if (*chain == NULL)
		return -1;
	if (pga_server_chain_check(*chain, path, pair, plan, error) == 0)
		return 0;
	sk_X509_pop_free(*chain, X509_free);
	*chain = NULL;
	return -1;
}

/* A copy has them right. */
static int check_files(const struct pga_cluster *cluster, const char *certificate, const char *key,
		       const struct pga_server_pair *pair, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	if (pair->copied)
		return pga_server_file_check_ours(certificate, error) == 0
			   ? pga_server_file_check_ours(key, error)
			   : -1;
	if (pga_server_file_check_readable(cluster, certificate, error) != 0 ||
	    pga_server_file_check_readable(cluster, key, error) != 0 ||
	    pga_server_key_check_mode(cluster, key, error) != 0)
		return -1;
	pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: owner and mode as the server wants them", key);
	return 0;
}

static int check_loads(const struct pga_cluster *cluster, const char *certificate, const char *key,
		       const struct pga_server_pair *pair, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	const struct pga_pair_files files = {.certificate = certificate, .key = key};

	if (certificate == NULL || key == NULL)
		return pga_fail_memory(error);
	if (check_files(cluster, certificate, key, pair, plan, error) != 0)
		return -1;
	if (pair->passphrase) {
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it has a passphrase (ssl_passphrase_command): whether it is the "
			     "certificate's shows at the handshake alone",
			     key);
		return 0;
	}
	if (pga_pair_load(&files, NULL, error) != 0) {
		if (error->hint[0] == '\0')
			(void)strcpy(error->hint, "nothing was changed");
		return -1;
	}
	pga_plan_add(plan, PGA_PLAN_CHECKED,
		     "the key is the certificate's, and OpenSSL loads both");
	return 0;
}

static int check_start(const struct pga_cluster *cluster, const struct pga_server_pair *pair,
		       struct pga_error *error)
{
	char *certificate = pga_server_file_path(cluster, pair->certificate);
	char *key = pga_server_file_path(cluster, pair->key);
	struct pga_server_plan plan = {.count = 0};
	const int result = check_loads(cluster, certificate, key, pair, &plan, error);

	pga_plan_free(&plan);
	free(certificate);
	free(key);
	return result;
}

int pga_server_pair_check_start(const struct pga_cluster *cluster,
				const struct pga_server_pair *pair, struct pga_error *error)
{
	struct pga_as_owner as;
	int result;

	if (pga_cluster_as_owner(cluster, &as, error) != 0)
		return -1;
	result = check_start(cluster, pair, error);
	pga_cluster_as_before(&as);
	return result;
}

static int check_pair(const struct pga_cluster *cluster, const struct pga_server_pair *pair,
		      struct pga_server_plan *plan, STACK_OF(X509) * *chain,
		      struct pga_error *error)
{
	char *certificate = pga_server_file_path(cluster, pair->certificate);
	char *key = pga_server_file_path(cluster, pair->key);
	int result = check_loads(cluster, certificate, key, pair, plan, error);

	*chain = NULL;
	if (result == 0)
		result = check_certificate(certificate, pair, plan, chain, error);
	if (result == 0 && pga_server_pair_check_settings(pair, plan, error) != 0) {
		sk_X509_pop_free(*chain, X509_free);
		*chain = NULL;
		result = -1;
	}
	free(certificate);
	free(key);
	return result;
}

int pga_server_pair_check(const struct pga_cluster *cluster, const struct pga_server_pair *pair,
			  struct pga_server_plan *plan, STACK_OF(X509) * *chain,
			  struct pga_error *error)
{
	struct pga_as_owner as;
	int result;

	*chain = NULL;
	if (pair->copied)
		return check_pair(cluster, pair, plan, chain, error);
	if (pga_cluster_as_owner(cluster, &as, error) != 0)
		return -1;
	result = check_pair(cluster, pair, plan, chain, error);
	pga_cluster_as_before(&as);
	return result;
}
