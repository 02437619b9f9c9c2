#include "cert/authority.h"

#include "anchor/known_roots.h"
#include "anchor/proof.h"
#include "anchor/source_records.h"
#include "base/shell_word.h"
#include "base/text.h"
#include "ca/url.h"
#include "tls/certificate.h"

#include <stdlib.h>
#include <string.h>

static const char pin_it[] =
    "its root is to be pinned first: pganchor bootstrap --ca-url URL --fingerprint HEX";

struct looking {
	struct pga_pins pins;
	struct pga_source_records own;
	struct pga_source_records of_system;
};

static int begin(struct looking *looking, struct pga_error *error)
{
	memset(looking, 0, sizeof *looking);
	return pga_pins_load(&looking->pins, NULL, error) == 0 &&
		       pga_source_records_load(&looking->own, false, error) == 0 &&
		       pga_source_records_load(&looking->of_system, true, error) == 0
		   ? 0
		   : -1;
}

static void end(struct looking *looking)
{
	pga_source_records_free(&looking->own);
	pga_source_records_free(&looking->of_system);
	pga_pins_free(&looking->pins);
}

/* Whether the anchor came from a step-ca, and not from a file behind https. */
static bool is_of_stepca(const struct looking *looking, const struct pga_pin *pin)
{
	const struct pga_source_record *record =
	    pga_source_records_of(pin->system ? &looking->of_system : &looking->own, pin->name);

	return pga_ca_url_is_https(pin->source) &&
	       (record == NULL || record->kind == NULL || strcmp(record->kind, "https") != 0);
}

/* Whether the chain verifies with the root of the anchor. */
static bool verifies(const struct looking *looking, const struct pga_pin *pin,
		     STACK_OF(X509) * chain)
{
	struct pga_certificate root;
	bool verified;

	if (!pga_known_root_read(pin, &looking->pins, &root))
		return false;
	verified = pga_proof_ends_in(chain, &root);
	pga_certificate_free(&root);
	return verified;
}

/* An address is of a CA that is to be pinned; a name may be another's, misspelt. */
static int fail_unknown(const struct looking *looking, const char *word, struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;
	size_t count = 0;

	for (size_t i = 0; i < looking->pins.count && !pga_ca_url_is_https(word); i++) {
		const struct pga_pin *pin = &looking->pins.pins[i];

		if (is_of_stepca(looking, pin))
			pga_text_addf(&hint, "%s%s", count++ == 0 ? "there are: " : ", ",
				      pin->name);
	}
	if (count == 0) {
		pga_text_add(&hint, "its root is to be pinned first: pganchor bootstrap --ca-url ");
		pga_text_add_shell_word(&hint, pga_ca_url_is_https(word) ? word : "URL");
		pga_text_add(&hint, " --fingerprint HEX");
	}
	(void)pga_fail(error, pga_text_string(&hint),
		       "%s: neither the name of an anchor nor the address of a CA from which there "
		       "is one",
		       word);
	pga_text_free(&hint);
	return -1;
}

static int find_by_word(const struct looking *looking, const char *word,
			const struct pga_pin **found, struct pga_error *error)
{
	*found = pga_pins_named(&looking->pins, word);
	for (size_t i = 0; i < looking->pins.count && *found == NULL; i++) {
		const struct pga_pin *pin = &looking->pins.pins[i];

		if (is_of_stepca(looking, pin) && pga_ca_url_is_same(pin->source, word))
			*found = pin;
	}
	if (*found == NULL)
		return fail_unknown(looking, word, error);
	if (!is_of_stepca(looking, *found))
		return pga_fail(error,
				"give the address that its certificates come from: pganchor "
				"bootstrap --ca-url URL",
				"%s: this anchor is no step-ca's: it came from %s", word,
				(*found)->source[0] != '\0' ? (*found)->source : "somewhere else");
	return 0;
}

static int find_alone(const struct looking *looking, STACK_OF(X509) * chain,
		      const struct pga_pin **found, struct pga_error *error)
{
	size_t count = 0;

	*found = NULL;
	for (size_t i = 0; i < looking->pins.count; i++) {
		const struct pga_pin *pin = &looking->pins.pins[i];

		if (!is_of_stepca(looking, pin) ||
		    (*found != NULL && pga_ca_url_is_same((*found)->source, pin->source)) ||
		    (chain != NULL && !verifies(looking, pin, chain)))
			continue;
		*found = pin;
		count++;
	}
	if (count == 1)
		return 0;
	if (count == 0 && chain != NULL)
		return pga_fail(error, pin_it, "no step-ca whose root is pinned has issued it");
	return count == 0
		   ? pga_fail(error, pin_it, "no root of a step-ca is pinned")
		   : pga_fail(error, "say which: --ca NAME", "there are anchors of %zu CAs", count);
}

/* While a CA moves to another root, either verifies it. */
static int collect_roots(const struct looking *looking, const struct pga_pin *found,
			 struct pga_cert_authority *authority, struct pga_error *error)
{
	struct pga_text roots = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < looking->pins.count; i++) {
		const struct pga_pin *pin = &looking->pins.pins[i];
		struct pga_certificate root;

		if ((pin != found && !pga_ca_url_is_same(pin->source, found->source)) ||
		    !pga_known_root_read(pin, &looking->pins, &root))
			continue;
		pga_text_add(&roots, root.pem);
		pga_certificate_free(&root);
	}
	if (roots.length == 0 && !roots.failed) {
		pga_text_free(&roots);
		return pga_fail(error, "pganchor anchor verify",
				"%s: the file of this anchor does not have its root", found->name);
	}
	authority->roots = pga_text_take(&roots);
	return authority->roots != NULL ? 0 : pga_fail_memory(error);
}

static int take(const struct looking *looking, const struct pga_pin *found,
		struct pga_cert_authority *authority, struct pga_error *error)
{
	struct pga_ca_url url;

	if (pga_ca_url_read(&url, found->source, error) != 0)
		return -1;
	authority->url = url.url;
	url.url = NULL;
	pga_ca_url_free(&url);
	authority->anchor = strdup(found->name);
	memcpy(authority->root_pin, found->pin, sizeof authority->root_pin);
	if (authority->anchor == NULL)
		return pga_fail_memory(error);
	return collect_roots(looking, found, authority, error);
}

int pga_cert_authority_find(const char *word, STACK_OF(X509) * chain,
			    struct pga_cert_authority *authority, struct pga_error *error)
{
	const struct pga_pin *found = NULL;
	struct looking looking;
	int result = -1;

	memset(authority, 0, sizeof *authority);
	if (begin(&looking, error) == 0 &&
	    (word != NULL ? find_by_word(&looking, word, &found, error)
			  : find_alone(&looking, chain, &found, error)) == 0 &&
	    found != NULL)
		result = take(&looking, found, authority, error);
	end(&looking);
	return result;
}

void pga_cert_authority_free(struct pga_cert_authority *authority)
{
	free(authority->anchor);
	free(authority->url);
	free(authority->roots);
	memset(authority, 0, sizeof *authority);
}
