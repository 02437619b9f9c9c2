#include "diagnose/root_changes.h"

#include "base/file.h"
#include "tls/bundle.h"
#include "tls/fingerprint.h"

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
		return pga_fail(error, "\"pganchor anchor list\" shows the names that there are",
				"--without %s: no anchor has this name, and it is no SHA-256 "
				"fingerprint",
				word);
	return add_pin(changes, pin, error);
}

static int add_certificates(struct pga_root_changes *changes, const struct pga_bundle *bundle)
{
	if (changes->with == NULL)
		changes->with = sk_X509_new_null();
	for (size_t i = 0; i < bundle->count; i++) {
		X509 *certificate = bundle->certificates[i].x509;

		if (changes->with == NULL || sk_X509_push(changes->with, certificate) <= 0 ||
		    X509_up_ref(certificate) != 1)
			return -1;
	}
	return 0;
}

int pga_root_changes_with(struct pga_root_changes *changes, const char *path,
			  struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_bundle bundle = {.certificates = NULL};
	int result = pga_file_read(path, &content, NULL, error);

	if (result == 0) {
		result = pga_bundle_read(&bundle, path, pga_text_string(&content), content.length,
					 error);
		/* It speaks of pinning. */
		if (result != 0)
			error->hint[0] = '\0';
	}
	if (result == 0 && add_certificates(changes, &bundle) != 0)
		result = pga_fail_memory(error);
	pga_bundle_free(&bundle);
	pga_text_free(&content);
	return result;
}

void pga_root_changes_free(struct pga_root_changes *changes)
{
	sk_X509_pop_free(changes->with, X509_free);
	free(changes->without);
	memset(changes, 0, sizeof *changes);
}
