#include "cli/bootstrap_known.h"

#include "ca/url.h"
#include "policy/pins.h"

#include <string.h>

static bool is_from_there(const struct pga_anchor *anchor, const struct pga_pin *pin)
{
	return pga_ca_url_is_same(pin->source, anchor->source);
}

/* The anchor with another root from the same address: of several the one that has the name. One
 * that is to be replaced has another root wherever it is from. The root that is asked about is
 * pinned from elsewhere, if it is: same. */
static const struct pga_pin *find_other(const struct pga_anchor *anchor,
					const struct pga_pins *pins, const char *name,
					const struct pga_pin *same)
{
	const struct pga_pin *named = pga_pins_named(pins, name);

	if (named != NULL && named != same && (anchor->replace || is_from_there(anchor, named)))
		return named;
	for (size_t i = 0; i < pins->count; i++)
		if (is_from_there(anchor, &pins->pins[i]))
			return &pins->pins[i];
	return NULL;
}

static int fail(const struct pga_pin *other, const struct pga_text *warning,
		struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_addf(&hint,
		      "this may be an attack, or the CA has a new root: ask who runs it for the "
		      "fingerprint; then --replace --name %s takes it in the place of the other, "
		      "and another --name keeps both. Nothing was pinned",
		      other->name);
	(void)pga_fail(error, pga_text_string(&hint), "%s", pga_text_string(warning));
	pga_text_free(&hint);
	return -1;
}

static int weigh(const struct pga_anchor *anchor, bool rotates, const struct pga_pins *pins,
		 struct pga_text *warning, struct pga_error *error)
{
	const char *name = anchor->name != NULL ? anchor->name : anchor->fallback_name;
	const struct pga_pin *same = pga_pins_find(pins, anchor->proof.root->pin);
	const struct pga_pin *other;

	if (same != NULL && is_from_there(anchor, same))
		return 0;
	other = find_other(anchor, pins, name, same);
	if (other == NULL || (rotates && is_from_there(anchor, other)))
		return 0;
	if (is_from_there(anchor, other))
		pga_text_addf(warning,
			      "%s: pinned already, as anchor %s, with another root: SHA-256 %s; "
			      "now it shows SHA-256 %s",
			      anchor->source, other->name, other->pin, anchor->proof.root->pin);
	else
		pga_text_addf(warning,
			      "anchor %s: pinned already, from %s, with another root: SHA-256 %s; "
			      "%s shows SHA-256 %s",
			      other->name, other->source, other->pin, anchor->source,
			      anchor->proof.root->pin);
	if (same != NULL)
		pga_text_addf(warning, ", the one of anchor %s", same->name);
	if (warning->failed)
		return pga_fail_memory(error);
	/* What is pinned is trusted; what is not replaces the anchor that was named, or has a name
	 * of its own. */
	if (same != NULL || (anchor->replace && strcmp(other->name, name) == 0) ||
	    (anchor->name != NULL && pga_pins_named(pins, name) == NULL))
		return 0;
	return fail(other, warning, error);
}

int pga_known_look(const struct pga_anchor *anchor, bool rotates, bool *pinned,
		   struct pga_text *warning, struct pga_error *error)
{
	struct pga_pins pins;
	int result = pga_pins_load(&pins, error);

	if (result == 0) {
		*pinned = pga_pins_find(&pins, anchor->proof.root->pin) != NULL;
		result = weigh(anchor, rotates, &pins, warning, error);
	}
	pga_pins_free(&pins);
	return result;
}

int pga_known_try(const struct pga_anchor *anchor, struct pga_error *error)
{
	struct pga_anchoring done;
	const int result = pga_anchor_install(anchor, true, &done, error);

	pga_anchoring_free(&done);
	return result;
}
