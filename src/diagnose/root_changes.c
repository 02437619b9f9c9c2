#include "diagnose/root_changes.h"

#include "base/file.h"
#include "tls/fingerprint.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int add_pin(struct pga_root_changes *changes, const char *pin, struct pga_error *error)
{
	char(*grown)[PGA_PIN_LENGTH + 1] =
	    reallocarray(changes->without, changes->without_count + 1, sizeof *grown);

	if (grown == NULL)
		return pga_fail_memory(error);
	changes->without = grown;
	memcpy(grown[changes->without_count++], pin, PGA_PIN_LENGTH + 1);
	return 0;
}

/* A name may stand in the system's files and in the user's, for two roots. */
static int add_named(struct pga_root_changes *changes, const struct pga_pins *pins,
		     const char *name, size_t *count, struct pga_error *error)
{
	for (size_t i = 0; i < pins->count; i++) {
		if (strcmp(pins->pins[i].name, name) != 0)
			continue;
		if (add_pin(changes, pins->pins[i].pin, error) != 0)
			return -1;
		(*count)++;
	}
	return 0;
}

int pga_root_changes_without(struct pga_root_changes *changes, const struct pga_pins *pins,
			     const char *word, struct pga_error *error)
{
	char pin[PGA_PIN_LENGTH + 1];
	struct pga_error why;
	size_t named = 0;

	if (add_named(changes, pins, word, &named, error) != 0)
		return -1;
	if (named > 0)
		return 0;
	if (pga_fingerprint_read(word, "--without", pin, &why) != 0)
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"--without %s: no anchor has this name, and it is no SHA-256 "
				"fingerprint",
				word);
	return add_pin(changes, pin, error);
}

static int add_certificate(struct pga_root_changes *changes, X509 *certificate)
{
	if (changes->with == NULL)
		changes->with = sk_X509_new_null();
	if (changes->with != NULL && sk_X509_push(changes->with, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -1;
}

int pga_root_changes_with(struct pga_root_changes *changes, const char *path,
			  struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	const unsigned char *at;
	X509 *certificate = NULL;
	int before = sk_X509_num(changes->with);
	BIO *bio = NULL;
	int result = -1;

	if (pga_file_read(path, &content, NULL, error) != 0)
		goto done;
	bio = BIO_new_mem_buf(pga_text_string(&content), (int)content.length);
	if (bio == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	result = 0;
	while (result == 0 && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		result = add_certificate(changes, certificate);
	at = (const unsigned char *)pga_text_string(&content);
	if (result == 0 && sk_X509_num(changes->with) == before &&
	    (certificate = d2i_X509(NULL, &at, (long)content.length)) != NULL)
		result = add_certificate(changes, certificate);
	if (result != 0)
		(void)pga_fail_memory(error);
	else if (sk_X509_num(changes->with) == before)
		result = pga_fail(error, "it takes certificates as PEM or DER",
				  "%s: holds no certificate", path);
done:
	BIO_free(bio);
	pga_text_free(&content);
	ERR_clear_error();
	return result;
}

void pga_root_changes_free(struct pga_root_changes *changes)
{
	sk_X509_pop_free(changes->with, X509_free);
	free(changes->without);
	memset(changes, 0, sizeof *changes);
}
