#include "anchor/known_roots.h"

#include "ca/url.h"
#include "anchor/own_file.h"
#include "anchor/proof.h"
#include "base/file.h"
#include "base/text.h"
#include "policy/pins.h"

#include <stdlib.h>
#include <string.h>

bool pga_known_root_read(const struct pga_pin *pin, const struct pga_pins *pins,
			 struct pga_certificate *certificate)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_own_file file = {.count = 0};
	struct pga_certificate *own = NULL;
	struct pga_error error;
	char *path = pga_pin_own_file(pin);

	if (path != NULL && pga_file_read(path, &content, NULL, &error) == 0 &&
	    (pins == NULL || pga_own_file_is_right(&content, pin, pins)) &&
	    pga_own_file_read(&file, &content))
		own = pga_own_file_find(&file, pin->pin);
	if (own != NULL) {
		*certificate = *own;
		memset(own, 0, sizeof *own);
	}
	pga_own_file_free(&file);
	pga_text_free(&content);
	free(path);
	return own != NULL;
}

int pga_known_roots_read(struct pga_known_roots *known, const char *source, struct pga_error *error)
{
	struct pga_pins pins;
	int result = -1;

	memset(known, 0, sizeof *known);
	if (pga_pins_load(&pins, NULL, error) != 0)
		goto done;
	known->roots = calloc(pins.count + 1, sizeof *known->roots);
	if (known->roots == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (size_t i = 0; i < pins.count; i++) {
		struct pga_known_root *root = &known->roots[known->count];

		if (!pga_ca_url_is_same(pins.pins[i].source, source) ||
		    !pga_known_root_read(&pins.pins[i], &pins, &root->certificate))
			continue;
		known->count++;
		root->name = strdup(pins.pins[i].name);
		if (root->name == NULL) {
			(void)pga_fail_memory(error);
			goto done;
		}
	}
	result = 0;
done:
	pga_pins_free(&pins);
	return result;
}

const struct pga_known_root *pga_known_roots_of(const struct pga_known_roots *known,
						STACK_OF(X509) * chain)
{
	for (size_t i = 0; i < known->count; i++)
		if (pga_proof_ends_in(chain, &known->roots[i].certificate))
			return &known->roots[i];
	return NULL;
}

void pga_known_roots_free(struct pga_known_roots *known)
{
	for (size_t i = 0; i < known->count; i++) {
		free(known->roots[i].name);
		pga_certificate_free(&known->roots[i].certificate);
	}
	free(known->roots);
	memset(known, 0, sizeof *known);
}
