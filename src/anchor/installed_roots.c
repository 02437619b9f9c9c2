#include "anchor/installed_roots.h"

#include "anchor/known_roots.h"
#include "anchor/root_crt.h"
#include "base/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_in_own_file(const struct pga_pin *pin, const struct pga_pins *pins)
{
	struct pga_certificate certificate;
	const bool is = pga_known_root_read(pin, pins, &certificate);

	if (is)
		pga_certificate_free(&certificate);
	return is;
}

static bool is_in_root_crt(const struct pga_pin *pin, const char *path,
			   const struct pga_text *content)
{
	struct pga_error error;
	bool found = false;

	return pga_root_crt_look_for(path, content, pin->pin, &found, &error) == 0 && found;
}

/* path is taken over; NULL is want of memory. */
static int add(struct pga_missing_roots *missing, const struct pga_pin *pin, char *path,
	       struct pga_error *error)
{
	struct pga_missing_root *grown =
	    reallocarray(missing->roots, missing->count + 1, sizeof *missing->roots);

	if (grown != NULL)
		missing->roots = grown;
	if (grown == NULL || path == NULL) {
		free(path);
		return pga_fail_memory(error);
	}
	grown[missing->count++] = (struct pga_missing_root){pin, path};
	return 0;
}

int pga_missing_roots_find(struct pga_missing_roots *missing, const struct pga_pins *pins,
			   const char *root_crt, struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	struct pga_error unread;
	int result = 0;

	memset(missing, 0, sizeof *missing);
	/* One that cannot be read has none. */
	(void)pga_file_read(root_crt, &content, NULL, &unread);
	for (size_t i = pins->system_count; i < pins->count && result == 0; i++) {
		const struct pga_pin *pin = &pins->pins[i];

		if (!is_in_own_file(pin, pins))
			result = add(missing, pin, pga_pin_own_file(pin), error);
		if (result == 0 && !pin->scoped && !is_in_root_crt(pin, root_crt, &content))
			result = add(missing, pin, strdup(root_crt), error);
	}
	pga_text_free(&content);
	return result;
}

void pga_missing_roots_free(struct pga_missing_roots *missing)
{
	for (size_t i = 0; i < missing->count; i++)
		free(missing->roots[i].path);
	free(missing->roots);
	memset(missing, 0, sizeof *missing);
}
