#include "server/file_rule.h"

#include "tls/openssl_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *pga_server_file_path(const struct pga_cluster *cluster, const char *file)
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

/* Returns the errno, or NO_FILE. */
static int try_to_open(const char *path)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	int failed = 0;

	if (file < 0 || fstat(file, &status) != 0)
		failed = errno;
	else if (!S_ISREG(status.st_mode))
		failed = NO_FILE;
	if (file >= 0)
		(void)close(file);
	return failed;
}

/* The same as the server's user. */
static int try_to_read(const struct pga_cluster *cluster, const char *path)
{
	struct pga_as_owner as;
	struct pga_error ignored;
	int failed;

	if (pga_cluster_as_owner(cluster, &as, &ignored) != 0)
		return EPERM;
	failed = try_to_open(path);
	pga_cluster_as_before(&as);
	return failed;
}

int pga_server_file_check_ours(const char *path, struct pga_error *error)
{
	const int failed = try_to_open(path);

	return failed == 0
		   ? 0
		   : pga_fail(error, "nothing was changed", "%s: %s", path, reason_of(failed));
}

int pga_server_file_check_readable(const struct pga_cluster *cluster, const char *path,
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
int pga_server_key_check_mode(const struct pga_cluster *cluster, const char *path,
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
	char *path = pga_server_file_path(cluster, file);
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
