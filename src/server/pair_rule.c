#include "server/pair_rule.h"

#include "cert/pair.h"
#include "server/spoken.h"
#include "tls/host_name.h"
#include "tls/openssl_error.h"
#include "tls/x509_text.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *resolve(const struct pga_cluster *cluster, const char *file)
{
	return file[0] == '/' ? strdup(file) : pga_cluster_file(cluster, file);
}

static const char *owner_name(const struct pga_cluster *cluster)
{
	const struct passwd *owner = getpwuid(cluster->owner);

	return owner != NULL ? owner->pw_name : "the server's user";
}

/* What has no end, such as a FIFO, would be waited for by OpenSSL, and by the server. */
#define NO_FILE (-1)

static const char *reason_of(int failed)
{
	return failed == NO_FILE ? "no regular file" : strerror(failed);
}

/* Opens it as the server's user would. Returns the errno, or NO_FILE. */
static int try_to_read(const struct pga_cluster *cluster, const char *path)
{
	struct stat status;
	struct pga_as_owner as;
	struct pga_error ignored;
	int failed = 0;
	int file;

	if (pga_cluster_as_owner(cluster, &as, &ignored) != 0)
		return EPERM;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file < 0 || fstat(file, &status) != 0)
		failed = errno;
	else if (!S_ISREG(status.st_mode))
		failed = NO_FILE;
	if (file >= 0)
		(void)close(file);
	pga_cluster_as_before(&as);
	return failed;
}

static int check_readable(const struct pga_cluster *cluster, const char *path,
			  struct pga_error *error)
{
	const char *owner = owner_name(cluster);
	const int failed = try_to_read(cluster, path);

	if (failed == 0)
		return 0;
	return pga_fail(error,
			failed == ENOENT
			    ? "--cert FILE and --key FILE name the pair; pganchor cert issue "
			      "has a CA sign one, pganchor ca local serve is for this "
			      "machine alone. Nothing was changed"
			    : "nothing was changed",
			"%s: %s cannot read it: %s", path, owner, reason_of(failed));
}

/* check_ssl_key_file_permissions() of be-secure-common.c. */
static int check_key_mode(const struct pga_cluster *cluster, const char *path,
			  struct pga_error *error)
{
	struct stat status;
	mode_t forbidden;

	if (stat(path, &status) != 0)
		return pga_fail_errno(error, "nothing was changed", "%s", path);
	if (!S_ISREG(status.st_mode))
		return pga_fail(error, "nothing was changed", "%s: no regular file", path);
	if (status.st_uid != cluster->owner && status.st_uid != 0)
		return pga_fail(error, "chown it to the server's user; nothing was changed",
				"%s: the server takes a key that belongs to %s or root alone", path,
				owner_name(cluster));
	forbidden =
	    status.st_uid == cluster->owner ? S_IRWXG | S_IRWXO : S_IWGRP | S_IXGRP | S_IRWXO;
	if ((status.st_mode & forbidden) != 0)
		return pga_fail(error,
				status.st_uid == cluster->owner
				    ? "chmod 0600; nothing was changed"
				    : "chmod 0640, with the server's group; nothing was changed",
				"%s: its mode is %04o, and the server refuses a key that others "
				"could read or change",
				path, (unsigned)(status.st_mode & 07777));
	return 0;
}

STACK_OF(X509) * pga_server_chain_read(BIO *bio, const char *path, struct pga_error *error)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *one;

	while (bio != NULL && chain != NULL &&
	       (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(chain, one) <= 0)
			X509_free(one);
	BIO_free(bio);
	if (chain == NULL || sk_X509_num(chain) == 0) {
		(void)pga_fail_openssl(error, path);
		sk_X509_free(chain);
		return NULL;
	}
	ERR_clear_error();
	return chain;
}

static int check_dates(X509 *certificate, const char *path, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	char date[PGA_X509_DATE];

	(void)pga_x509_date(X509_get0_notBefore(certificate), date);
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return pga_fail(error, "is the clock of this machine right? Nothing was changed",
				"%s: it is not valid before %s", path, date);
	(void)pga_x509_date(X509_get0_notAfter(certificate), date);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		return pga_fail(error,
				"a new one comes from pganchor cert issue; nothing was changed",
				"%s: it has expired on %s", path, date);
	pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: valid to %s", path, date);
	return 0;
}

/* The server sends them in this order, and a client that finds a gap gets no further. */
static int check_order(STACK_OF(X509) * chain, const char *path, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);
	char *issuer;

	for (int i = 0; i + 1 < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i + 1), sk_X509_value(chain, i)) !=
		    X509_V_OK)
			return pga_fail(
			    error,
			    "the server's own certificate first, then each one's issuer; "
			    "nothing was changed",
			    "%s: certificate %d has not signed certificate %d", path, i + 2, i + 1);
	issuer = pga_x509_name(X509_get_issuer_name(last));
	pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: %d certificate%s, and clients need the root %s",
		     path, sk_X509_num(chain), sk_X509_num(chain) == 1 ? "" : "s in order",
		     issuer != NULL ? issuer : "");
	if (sk_X509_num(chain) == 1 && X509_check_issued(last, last) == X509_V_OK)
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it is signed by itself: a client verifies it by this very file "
			     "alone",
			     path);
	free(issuer);
	return 0;
}

static int check_names(X509 *leaf, const char *path, const struct pga_server_pair *pair,
		       struct pga_server_plan *plan, struct pga_error *error)
{
	char *names = pga_x509_alternative_names(leaf);

	for (size_t i = 0; i < pair->host_count; i++) {
		if (pga_certificate_names_host(leaf, pair->hosts[i]) == PGA_NAMED_NOT) {
			(void)pga_fail(error,
				       "a client with sslmode=verify-full would refuse it; nothing "
				       "was changed",
				       "%s: it does not name %s, but %s", path, pair->hosts[i],
				       names != NULL && names[0] != '\0' ? names : "nobody");
			free(names);
			return -1;
		}
		pga_plan_add(plan, PGA_PLAN_CHECKED, "%s: it names %s", path, pair->hosts[i]);
	}
	if (names == NULL || names[0] == '\0')
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it has no subject alternative name: several drivers refuse it",
			     path);
	else if (pair->host_count == 0)
		pga_plan_add(plan, PGA_PLAN_WARNING,
			     "%s: it is for %s; --host NAME, as clients call the server, has that "
			     "checked",
			     path, names);
	free(names);
	return 0;
}

int pga_server_chain_check(STACK_OF(X509) * chain, const char *path,
			   const struct pga_server_pair *pair, struct pga_server_plan *plan,
			   struct pga_error *error)
{
	X509 *first = sk_X509_value(chain, 0);
	int result = -1;

	if (X509_check_purpose(first, X509_PURPOSE_SSL_SERVER, 0) != 1)
		(void)pga_fail(error, "nothing was changed",
			       "%s: it is not for a server (extended key usage)", path);
	else if (check_dates(first, path, plan, error) == 0 &&
		 check_order(chain, path, plan, error) == 0 &&
		 check_names(first, path, pair, plan, error) == 0)
		result = 0;
	ERR_clear_error();
	return result;
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

bool pga_server_pair_is_usable(const struct pga_cluster *cluster, const char *certificate,
			       const char *key)
{
	struct pga_error ignored;

	return try_to_read(cluster, certificate) == 0 && try_to_read(cluster, key) == 0 &&
	       check_key_mode(cluster, key, &ignored) == 0;
}

/* be_tls_init(): as CAs it has to have certificates, as CRLs anything of a store. */
static int load_file(const char *path, bool is_crl, struct pga_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	int result = 0;

	if (context == NULL)
		return pga_fail_memory(error);
	if (is_crl ? X509_STORE_load_locations(SSL_CTX_get_cert_store(context), path, NULL) != 1
		   : SSL_CTX_load_verify_locations(context, path, NULL) != 1)
		result = pga_fail_openssl(error, path);
	SSL_CTX_free(context);
	ERR_clear_error();
	return result;
}

int pga_server_check_file(const struct pga_cluster *cluster, const char *setting, const char *file,
			  bool is_crl, struct pga_error *error)
{
	char *path = resolve(cluster, file);
	const int failed = path != NULL ? try_to_read(cluster, path) : ENOMEM;
	struct pga_as_owner as;
	struct pga_error why = {.message = ""};

	if (failed != 0) {
		(void)snprintf(why.message, sizeof why.message, "%s cannot read it: %s",
			       owner_name(cluster), reason_of(failed));
	} else if (pga_cluster_as_owner(cluster, &as, &why) == 0) {
		(void)load_file(path, is_crl, &why);
		pga_cluster_as_before(&as);
	}
	free(path);
	return why.message[0] == '\0'
		   ? 0
		   : pga_fail(error,
			      "put that right, or ALTER SYSTEM RESET it: the server would load "
			      "nothing of its TLS. Nothing was changed",
			      "%s is %s: %s", setting, file, why.message);
}

/* A copy has them right. */
static int check_files(const struct pga_cluster *cluster, const char *certificate, const char *key,
		       const struct pga_server_pair *pair, struct pga_server_plan *plan,
		       struct pga_error *error)
{
	if (pair->copied)
		return 0;
	if (check_readable(cluster, certificate, error) != 0 ||
	    check_readable(cluster, key, error) != 0 || check_key_mode(cluster, key, error) != 0)
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
	char *certificate = resolve(cluster, pair->certificate);
	char *key = resolve(cluster, pair->key);
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
	char *certificate = resolve(cluster, pair->certificate);
	char *key = resolve(cluster, pair->key);
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
