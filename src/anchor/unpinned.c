#include "anchor/unpinned.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A pipe can be read once, and libpq is to do that; one that nobody writes to is waited for. */
static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static STACK_OF(X509_INFO) * read_file(const char *path)
{
	BIO *bio = is_file(path) ? BIO_new_file(path, "r") : NULL;
	char empty[] = "";
	STACK_OF(X509_INFO) *infos =
	    bio != NULL ? PEM_X509_INFO_read_bio(bio, NULL, NULL, empty) : NULL;

	BIO_free(bio);
	return infos;
}

static bool is_pinned(const struct pga_pins *pins, const X509 *x509)
{
	char pin[PGA_PIN_LENGTH + 1];

	return pga_certificate_pin(x509, pin) == 0 && pga_pins_find(pins, pin) != NULL;
}

/* Whether the gate takes a chain that ends in it for one that ends in a pinned root of the file. */
static bool has_pinned_twin(const struct pga_pins *pins, STACK_OF(X509_INFO) * infos,
			    const X509 *x509)
{
	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		const X509 *other = sk_X509_INFO_value(infos, i)->x509;

		if (other != NULL && X509_subject_name_cmp(x509, other) == 0 &&
		    EVP_PKEY_eq(X509_get0_pubkey(x509), X509_get0_pubkey(other)) == 1 &&
		    is_pinned(pins, other))
			return true;
	}
	return false;
}

static bool is_listed(const struct pga_unpinned_roots *unpinned, const X509 *x509)
{
	for (size_t i = 0; i < unpinned->count; i++)
		if (X509_cmp(unpinned->roots[i].x509, x509) == 0)
			return true;
	return false;
}

static bool ends_chains(X509 *x509)
{
	return (X509_get_extension_flags(x509) & EXFLAG_SS) != 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(x509)) > 0;
}

int pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
			    const struct pga_pins *pins, struct pga_error *error)
{
	STACK_OF(X509_INFO) *infos = read_file(path);
	const int count = sk_X509_INFO_num(infos);
	int result = -1;

	memset(unpinned, 0, sizeof *unpinned);
	unpinned->roots = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *unpinned->roots);
	if (unpinned->roots == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (int i = 0; i < count; i++) {
		X509 *x509 = sk_X509_INFO_value(infos, i)->x509;

		unpinned->readable = unpinned->readable || x509 != NULL;
		if (x509 == NULL || !ends_chains(x509) || is_listed(unpinned, x509))
			continue;
		if (is_pinned(pins, x509) || has_pinned_twin(pins, infos, x509)) {
			unpinned->pinned++;
			continue;
		}
		if (pga_certificate_of(&unpinned->roots[unpinned->count], x509, error) != 0)
			goto done;
		unpinned->count++;
	}
	result = 0;
done:
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	ERR_clear_error();
	return result;
}

void pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned)
{
	for (size_t i = 0; i < unpinned->count; i++)
		pga_certificate_free(&unpinned->roots[i]);
	free(unpinned->roots);
	memset(unpinned, 0, sizeof *unpinned);
}
