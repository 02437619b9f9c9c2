#include "service/trusted.h"

#include "policy/linked.h"
#include "tls/certificate.h"

#include <openssl/err.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static ssize_t find(const struct pga_root_changes *changes, const char *pin)
{
	for (size_t i = 0; i < changes->without_count; i++)
		if (strcmp(changes->without[i], pin) == 0)
			return (ssize_t)i;
	return -1;
}

bool pga_root_is_without(const struct pga_root_changes *changes, const char *pin)
{
	return find(changes, pin) >= 0;
}

bool pga_root_is_with(const struct pga_root_changes *changes, const char *pin)
{
	char own[PGA_PIN_LENGTH + 1];

	for (int i = 0; i < sk_X509_num(changes->with); i++)
		if (pga_certificate_pin(sk_X509_value(changes->with, i), own) == 0 &&
		    strcmp(own, pin) == 0)
			return true;
	return false;
}

/* Returns 1 where it has something, 0 where not, -1 for want of memory. */
static int load_file(X509_STORE *store, const char *path)
{
	ERR_clear_error();
	if (X509_STORE_load_file(store, path) == 1)
		return 1;
	return ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE ? -1 : 0;
}

/* A name that OpenSSL looks for in a directory: eight hex digits, and ".0", or ".r0" of a CRL. */
static bool is_hashed(const char *name)
{
	size_t length = strspn(name, "0123456789abcdef");

	if (length != 8 || name[length] != '.')
		return false;
	name += length + 1;
	name += *name == 'r';
	length = strspn(name, "0123456789");
	return length > 0 && name[length] == '\0';
}

/* What cannot be read is not there for OpenSSL either. Returns -1 for want of memory. */
static int load_directory(X509_STORE *store, const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int result = 0;

	while (result == 0 && directory != NULL && (entry = readdir(directory)) != NULL) {
		struct pga_text name = PGA_TEXT_EMPTY;

		if (!is_hashed(entry->d_name))
			continue;
		pga_text_addf(&name, "%s/%s", path, entry->d_name);
		if (name.failed || load_file(store, pga_text_string(&name)) < 0)
			result = -1;
		pga_text_free(&name);
	}
	if (directory != NULL)
		(void)closedir(directory);
	ERR_clear_error();
	return result;
}

/* Several may stand there, with ":" between. */
static int load_directories(X509_STORE *store, const char *paths)
{
	int result = 0;

	while (result == 0 && *paths != '\0') {
		const size_t length = strcspn(paths, ":");
		char *path = strndup(paths, length);

		result = path != NULL ? load_directory(store, path) : -1;
		free(path);
		paths += length;
		paths += *paths == ':';
	}
	return result;
}

static const char *variable_or(const char *variable, const char *otherwise)
{
	const char *value = getenv(variable);

	return value != NULL ? value : otherwise;
}

/* As SSL_CTX_set_default_verify_paths() has it. */
static int load_system(X509_STORE *store)
{
	if (load_file(store, variable_or(X509_get_default_cert_file_env(),
					 X509_get_default_cert_file())) < 0)
		return -1;
	return load_directories(
	    store, variable_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
}

/* Without the roots that are away. */
static int take(struct pga_trusted *trusted, X509_STORE *from,
		const struct pga_root_changes *changes)
{
	X509_STORE *store = SSL_CTX_get_cert_store(trusted->tls);
	const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(from);
	char pin[PGA_PIN_LENGTH + 1];

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
		X509 *certificate = X509_OBJECT_get0_X509(object);
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(object);
		ssize_t at;

		if (crl != NULL && X509_STORE_add_crl(store, crl) != 1)
			return -1;
		if (certificate == NULL)
			continue;
		if (pga_certificate_pin(certificate, pin) != 0)
			return -1;
		at = find(changes, pin);
		if (at >= 0)
			trusted->present[at] = true;
		else if (X509_STORE_add_cert(store, certificate) != 1)
			return -1;
	}
	return 0;
}

static int add(const struct pga_trusted *trusted, const struct pga_root_changes *changes)
{
	for (int i = 0; i < sk_X509_num(changes->with); i++)
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(trusted->tls),
					sk_X509_value(changes->with, i)) != 1)
			return -1;
	return 0;
}

/* A pipe can be read once, and libpq is to do that. */
static bool is_pipe(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/* libpq asks for CRLs where it can load what it is told, or finds in the home; a directory is never
 * looked into beforehand. Returns whether it does; -1 for want of memory. */
static int load_crls(X509_STORE *store, const struct pga_effective *effective,
		     struct pga_error *error)
{
	const char *file = pga_effective_value(effective, "sslcrl");
	const char *directory = pga_effective_value(effective, "sslcrldir");
	struct pga_text own = PGA_TEXT_EMPTY;
	int result;

	file = file != NULL && file[0] != '\0' ? file : NULL;
	directory = directory != NULL && directory[0] != '\0' ? directory : NULL;
	if (file == NULL && directory == NULL) {
		char *home = pga_libpq_home(error);

		if (home == NULL)
			return -1;
		pga_text_addf(&own, "%s/.postgresql/root.crl", home);
		free(home);
		file = pga_text_string(&own);
	}
	result = own.failed ? -1 : file == NULL ? 1 : is_pipe(file) ? 0 : load_file(store, file);
	if (result > 0 && directory != NULL && load_directories(store, directory) != 0)
		result = -1;
	pga_text_free(&own);
	ERR_clear_error();
	return result >= 0 ? result : pga_fail_memory(error);
}

static void explain(struct pga_trusted *trusted, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	struct stat status;

	trusted->none = stat(path, &status) != 0;
	if (trusted->none)
		pga_text_addf(&trusted->why, "root certificate file %s: %s", path, strerror(errno));
	else
		pga_text_addf(&trusted->why, "%s: holds no certificate that OpenSSL can read (%s)",
			      path, reason != NULL ? reason : "it gives no reason");
	ERR_clear_error();
}

/* Where there is no file, libpq does not look for CRLs. */
static int load(struct pga_trusted *trusted, X509_STORE *found, const char *path,
		const struct pga_effective *effective, struct pga_error *error)
{
	int loaded;
	int crls;

	if (trusted->system)
		return load_system(found) == 0 ? 0 : pga_fail_memory(error);
	loaded = is_pipe(path) ? 0 : load_file(found, path);
	if (loaded == 0)
		explain(trusted, path);
	if (loaded < 0 || trusted->why.failed)
		return pga_fail_memory(error);
	if (loaded == 0)
		return 0;
	crls = load_crls(found, effective, error);
	if (crls > 0)
		(void)X509_STORE_set_flags(SSL_CTX_get_cert_store(trusted->tls),
					   X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return crls < 0 ? -1 : 0;
}

int pga_trusted_load(struct pga_trusted *trusted, struct pga_roots *roots,
		     const struct pga_effective *effective, const struct pga_root_changes *changes,
		     struct pga_error *error)
{
	const char *setting = pga_effective_value(effective, "sslrootcert");
	X509_STORE *found = X509_STORE_new();
	char *path;
	int result = -1;

	memset(trusted, 0, sizeof *trusted);
	error->message[0] = '\0';
	path = pga_roots_path(roots, setting != NULL ? setting : "", error);
	trusted->system = path == NULL && error->message[0] == '\0';
	trusted->tls = SSL_CTX_new(TLS_client_method());
	trusted->present = calloc(changes->without_count + 1, sizeof *trusted->present);
	if (found == NULL || trusted->tls == NULL || trusted->present == NULL)
		(void)pga_fail_memory(error);
	else if (path != NULL || trusted->system)
		result = load(trusted, found, path, effective, error);
	if (result == 0 && (take(trusted, found, changes) != 0 || add(trusted, changes) != 0))
		result = pga_fail_memory(error);
	X509_STORE_free(found);
	free(path);
	return result;
}

void pga_trusted_free(struct pga_trusted *trusted)
{
	SSL_CTX_free(trusted->tls);
	free(trusted->present);
	pga_text_free(&trusted->why);
	memset(trusted, 0, sizeof *trusted);
}
