#include "service/roots.h"

#include "base/text.h"
#include "policy/joined.h"
#include "policy/linked.h"
#include "tls/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct pga_root_file {
	char *path;
	char *problem; /* NULL: it is as it should be */
	char *pins;    /* of its certificates, one a line; NULL: it was not loaded */
};

/* From 16 on, libpq takes the word for the roots of the system. */
#define SYSTEM_ROOTS_SINCE 160000

char *pga_roots_path(struct pga_roots *roots, const char *sslrootcert, struct pga_error *error)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	if (strcmp(sslrootcert, "system") == 0 && pga_linked_libpq_version() >= SYSTEM_ROOTS_SINCE)
		return NULL;
	if (sslrootcert[0] == '\0') {
		if (roots->home == NULL)
			roots->home = pga_libpq_home(error);
		if (roots->home == NULL)
			return NULL;
		pga_text_addf(&path, "%s/.postgresql/root.crt", roots->home);
	} else {
		pga_text_add(&path, sslrootcert);
	}
	if (path.failed)
		(void)pga_fail_memory(error);
	return pga_text_take(&path);
}

/* OpenSSL's reason for its first error, after "fallback" where it has none. */
static const char *reason(const char *fallback)
{
	const char *said = ERR_reason_error_string(ERR_get_error());

	ERR_clear_error();
	return said != NULL ? said : fallback;
}

/* The file as libpq loads it (initialize_SSL()), which the caller frees. Returns 1 with what is
 * wrong with it, -1 for want of memory. */
static int load(const char *path, SSL_CTX **context, struct pga_error *error)
{
	int result = 0;

	*context = SSL_CTX_new(TLS_client_method());
	ERR_clear_error();
	if (*context == NULL)
		return pga_fail_memory(error);
	if (SSL_CTX_load_verify_locations(*context, path, NULL) != 1) {
		result = ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE ? -1 : 1;
		if (result < 0)
			(void)pga_fail_memory(error);
		else
			(void)pga_fail(error, NULL,
				       "%s: holds no certificate that OpenSSL can read (%s)", path,
				       reason("it gives no reason"));
		ERR_clear_error();
		SSL_CTX_free(*context);
		*context = NULL;
	}
	return result;
}

static X509 *certificate_at(const STACK_OF(X509_OBJECT) * objects, int index)
{
	return X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, index));
}

/* Whether OpenSSL can end a server's chain in it now: libpq sets no flag for less than a root, and
 * a TRUSTED CERTIFICATE says itself what it is for. */
static bool ends_chains(X509 *certificate)
{
	return X509_check_trust(certificate, X509_TRUST_SSL_SERVER, 0) == X509_TRUST_TRUSTED &&
	       X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* Whether there is any root to trust: a file may hold CRLs alone, or what has expired. Adds the pin
 * of each certificate. As load(). */
static int check_loaded(const char *path, struct pga_text *pins, struct pga_error *error)
{
	SSL_CTX *context;
	const STACK_OF(X509_OBJECT) * objects;
	const int result = load(path, &context, error);
	char pin[PGA_PIN_LENGTH + 1];
	bool any = false;

	if (result != 0)
		return result;
	objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *certificate = certificate_at(objects, i);

		if (certificate == NULL)
			continue;
		any = any || ends_chains(certificate);
		if (pga_certificate_pin(certificate, pin) == 0)
			pga_text_addf(pins, "%s\n", pin);
		else
			pins->failed = true;
	}
	SSL_CTX_free(context);
	if (pins->failed)
		return pga_fail_memory(error);
	if (any)
		return 0;
	(void)pga_fail(error, NULL,
		       pins->length > 0
			   ? "%s: holds no root that is trusted for servers and in date"
			   : "%s: holds no certificate",
		       path);
	return 1;
}

/* A pipe can be read once, and libpq is to do that. /dev/null is what people write for "none". */
static bool can_be_read_again(const struct stat *status)
{
	return S_ISREG(status->st_mode) || S_ISDIR(status->st_mode) ||
	       (S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3));
}

/* As load(). */
static int check_file(const char *path, struct pga_text *pins, struct pga_error *error)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			(void)pga_fail(error, NULL, "root certificate file %s does not exist",
				       path);
		else
			(void)pga_fail_errno(error, NULL, "root certificate file %s", path);
		return 1;
	}
	if (!can_be_read_again(&status))
		return 0;
	return check_loaded(path, pins, error);
}

static const struct pga_root_file *remember(struct pga_roots *roots, const char *path,
					    struct pga_error *error)
{
	struct pga_root_file *grown = reallocarray(roots->files, roots->count + 1, sizeof *grown);
	struct pga_text pins = PGA_TEXT_EMPTY;
	struct pga_root_file *file;
	int result;

	if (grown == NULL)
		return NULL;
	roots->files = grown;
	file = &grown[roots->count];
	file->path = strdup(path);
	file->problem = NULL;
	file->pins = NULL;
	if (file->path == NULL)
		return NULL;
	roots->count++;
	result = check_file(path, &pins, error);
	if (result == 0 && pins.length > 0)
		file->pins = pga_text_take(&pins);
	pga_text_free(&pins);
	if (result <= 0)
		return result == 0 ? file : NULL;
	file->problem = strdup(error->message);
	return file->problem != NULL ? file : NULL;
}

/* The file of these settings; *file is NULL where they name none, as "system" does. Returns -1 for
 * want of memory. */
static int find_file(struct pga_roots *roots, const struct pga_effective *effective,
		     const struct pga_root_file **file, struct pga_error *error)
{
	const char *value = pga_effective_value(effective, "sslrootcert");
	char *path;

	*file = NULL;
	error->message[0] = '\0';
	path = pga_roots_path(roots, value != NULL ? value : "", error);
	if (path == NULL)
		return error->message[0] == '\0' ? 0 : -1;
	for (size_t i = roots->count; i > 0 && *file == NULL; i--)
		if (strcmp(roots->files[i - 1].path, path) == 0)
			*file = &roots->files[i - 1];
	if (*file == NULL)
		*file = remember(roots, path, error);
	free(path);
	return *file != NULL ? 0 : pga_fail_memory(error);
}

int pga_roots_look(struct pga_roots *roots, const struct pga_effective *effective, const char **why,
		   struct pga_error *error)
{
	const struct pga_root_file *file;

	*why = NULL;
	if (find_file(roots, effective, &file, error) != 0)
		return -1;
	*why = file != NULL ? file->problem : NULL;
	return 0;
}

int pga_roots_pins(struct pga_roots *roots, const struct pga_effective *effective,
		   const char **path, const char **pins, struct pga_error *error)
{
	const struct pga_root_file *file;

	*path = NULL;
	*pins = NULL;
	if (find_file(roots, effective, &file, error) != 0)
		return -1;
	if (file != NULL && file->problem == NULL) {
		*path = file->path;
		*pins = file->pins;
	}
	return 0;
}

/* The pins of all certificates of the file, one a line. */
static int read_pins(const char *path, struct pga_text *pins, struct pga_error *error)
{
	if (check_file(path, pins, error) != 0)
		return -1;
	if (pins->failed)
		return pga_fail_memory(error);
	return pins->length > 0 ? 0 : pga_fail(error, NULL, "%s: not a file", path);
}

static int look_for(const char *path, const struct pga_text *held, const char *pin,
		    struct pga_error *error)
{
	return strstr(pga_text_string(held), pin) != NULL
		   ? 0
		   : pga_fail(error, NULL, "%s: does not hold the certificate that is pinned",
			      path);
}

int pga_roots_hold(const char *path, const char *pin, struct pga_error *error)
{
	struct pga_text held = PGA_TEXT_EMPTY;
	const int result =
	    read_pins(path, &held, error) == 0 ? look_for(path, &held, pin, error) : -1;

	pga_text_free(&held);
	return result;
}

int pga_roots_hold_alone(const char *path, const struct pga_pin *anchor,
			 const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_text held = PGA_TEXT_EMPTY;
	const char *rest;
	const char *line;
	size_t length;
	int result = read_pins(path, &held, error);

	if (result == 0)
		result = look_for(path, &held, anchor->pin, error);
	rest = pga_text_string(&held);
	while (result == 0 && pga_next_line(&rest, &line, &length)) {
		char pin[PGA_PIN_LENGTH + 1] = "";

		if (length == PGA_PIN_LENGTH)
			memcpy(pin, line, length);
		if (!pga_pin_joins(pins, pin, anchor))
			result = pga_fail(error, NULL, "%s: holds another certificate, too", path);
	}
	pga_text_free(&held);
	return result;
}

/* As initialize_SSL(): where the file cannot be loaded, no CRL is asked for at all. */
int pga_crls_look(const struct pga_effective *effective, struct pga_text *text,
		  struct pga_error *error)
{
	const char *file = pga_effective_value(effective, "sslcrl");
	const char *directory = pga_effective_value(effective, "sslcrldir");
	X509_STORE *store;
	struct stat status;
	bool loads;

	if (file == NULL || file[0] == '\0')
		return 0;
	/* A pipe can be read once, and libpq is to do that. */
	if (stat(file, &status) == 0 && !S_ISREG(status.st_mode))
		return 0;
	store = X509_STORE_new();
	if (store == NULL)
		return pga_fail_memory(error);
	if (directory != NULL && directory[0] == '\0')
		directory = NULL;
	loads = X509_STORE_load_locations(store, file, directory) == 1;
	X509_STORE_free(store);
	ERR_clear_error();
	if (!loads)
		pga_text_addf(text,
			      "sslcrl=%s: holds no CRL that can be read, and libpq goes on without "
			      "one: no certificate counts as revoked",
			      file);
	return text->failed ? pga_fail_memory(error) : 0;
}

void pga_roots_free(struct pga_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++) {
		free(roots->files[i].path);
		free(roots->files[i].problem);
		free(roots->files[i].pins);
	}
	free(roots->files);
	free(roots->home);
	memset(roots, 0, sizeof *roots);
}
