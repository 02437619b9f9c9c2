#include "anchor/source_bytes.h"

#include "tls/bundle.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int digest_of(const struct pga_text *bytes, char digest[PGA_PIN_LENGTH + 1],
		     struct pga_error *error)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_Digest(pga_text_string(bytes), bytes->length, sum, &length, EVP_sha256(), NULL) !=
		1 ||
	    length * 2 != PGA_PIN_LENGTH)
		return pga_fail_memory(error);
	pga_hex(sum, length, digest);
	return 0;
}

int pga_candidates_read(struct pga_candidates *candidates, const char *where,
			const struct pga_text *bytes, struct pga_error *error)
{
	struct pga_bundle bundle = {.count = 0};
	int result = -1;

	free(candidates->where);
	candidates->where = strdup(where);
	if (candidates->where == NULL)
		return pga_fail_memory(error);
	if (digest_of(bytes, candidates->digest, error) != 0 ||
	    pga_bundle_read(&bundle, where, pga_text_string(bytes), bytes->length, error) != 0)
		goto done;
	candidates->has_private_key = bundle.has_private_key;
	/* A bundle and what was fetched are arrays of the same kind. */
	candidates->roots = bundle.certificates;
	candidates->count = bundle.count;
	memset(&bundle, 0, sizeof bundle);
	result = 0;
done:
	pga_bundle_free(&bundle);
	return result;
}

bool pga_is_certificates_name(const char *name, size_t length)
{
	static const char *const ends[] = {".pem", ".crt", ".cer", ".cert",     ".der",
					   ".p7b", ".p7c", ".p7",  ".ca-bundle"};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		const size_t end = strlen(ends[i]);

		if (length > end && strncasecmp(name + length - end, ends[i], end) == 0)
			return true;
	}
	return false;
}
