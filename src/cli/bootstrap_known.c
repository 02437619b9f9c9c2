#include "cli/bootstrap_known.h"

#include "ca/url.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <string.h>

static bool is_from_there(const struct pga_anchor *anchor, const struct pga_pin *pin)
{
	return !anchor->of_bundle && pga_ca_url_is_same(pin->source, anchor->source);
}

/* The anchor with another root from the same address: of several the one that has the name. One
 * that is to be replaced has another root wherever it is from. The root that is asked about is
 * pinned from elsewhere, if it is: same. */
static const struct pga_pin *find_other(const struct pga_anchor *anchor,
					const struct pga_pins *pins, const char *name,
					const struct pga_pin *same)
{
	const struct pga_pin *named = pga_pins_named(pins, name);

	if (named != NULL && named != same &&
	    ((anchor->replace && named->system == anchor->system) || is_from_there(anchor, named)))
		return named;
	for (size_t i = 0; i < pins->count; i++)
		if (is_from_there(anchor, &pins->pins[i]))
			return &pins->pins[i];
	return NULL;
}

static int fail(const struct pga_pin *other, bool for_system, const struct pga_text *warning,
		struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint, "this may be an attack, or the CA has a new root: ask who runs it for "
			    "the fingerprint; then ");
	/* Who runs the machine has chosen it. */
	if (other->system && !for_system)
		pga_text_add(&hint, "a --name of its own pins it beside the other, which is the "
				    "system's");
	else
		pga_text_addf(&hint,
			      "--replace --name %s takes it in the place of the other, and another "
			      "--name keeps both",
			      other->name);
	pga_text_add(&hint, ". Nothing was pinned");
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
	if (same != NULL ||
	    (anchor->replace && other->system == anchor->system &&
	     strcmp(other->name, name) == 0) ||
	    (anchor->name != NULL && pga_pins_named(pins, name) == NULL))
		return 0;
	return fail(other, anchor->system, warning, error);
}

int pga_known_look(const struct pga_anchor *anchor, bool rotates, bool *pinned,
		   struct pga_text *warning, struct pga_error *error)
{
	const struct pga_policy systems = {.user_anchors = PGA_REFUSE};
	struct pga_pins pins;
	int result = pga_pins_load(&pins, anchor->system ? &systems : NULL, error);

	if (result == 0) {
		*pinned = pga_pins_find(&pins, anchor->proof.root->pin) != NULL;
		result = weigh(anchor, rotates, &pins, warning, error);
	}
	pga_pins_free(&pins);
	return result;
}

/* What the system alone pins. A policy or pins that cannot be read are for others to tell. */
static bool read_systems(struct pga_policy *policy, struct pga_pins *pins)
{
	struct pga_policy systems = {.user_anchors = PGA_REFUSE};
	struct pga_error error;

	memset(pins, 0, sizeof *pins);
	return pga_policy_load(policy, &error) == 0 && pga_pins_load(pins, &systems, &error) == 0;
}

int pga_known_to_system(const struct pga_certificate *root, struct pga_text *said,
			struct pga_error *error)
{
	struct pga_policy policy;
	struct pga_pins pins;
	const struct pga_pin *pin = NULL;
	int result = 0;

	if (read_systems(&policy, &pins)) {
		pin = root != NULL ? pga_pins_find(&pins, root->pin) : NULL;
		if (pin != NULL)
			pga_text_addf(
			    said, "this root is pinned for every user already, as anchor %s of %s",
			    pin->name, pin->path);
		else if (policy.user_anchors != PGA_ALLOW)
			result = pga_fail(
			    error,
			    "the same command with --system, by who runs this machine, pins it for "
			    "every user. Nothing was pinned",
			    "the policy takes no anchors of users (user-anchors = "
			    "refuse): the gate would refuse the servers all the same");
	}
	pga_pins_free(&pins);
	pga_policy_free(&policy);
	return result == 0 && said->failed ? pga_fail_memory(error) : result;
}

int pga_known_try(const struct pga_anchor *anchor, struct pga_error *error)
{
	struct pga_anchoring done;
	const int result = pga_anchor_install(anchor, true, &done, error);

	pga_anchoring_free(&done);
	return result;
}
