#include "service/anchored.h"

#include "policy/trust.h"
#include "service/choose_anchor.h"

#include <stdlib.h>

const char *pga_anchored_refuses(const struct pga_policy *policy, const char *enforced)
{
	return policy->mode == PGA_MODE_AUDIT ? "would refuse, but for mode = audit," : enforced;
}

static int look_for_any(const struct pga_effective *effective, const struct pga_policy *policy,
			const struct pga_pins *pins, struct pga_text *text, struct pga_error *error)
{
	struct pga_text hosts = PGA_TEXT_EMPTY;
	const int result =
	    pga_anchor_missing(pins, policy, pga_effective_value(effective, "host"),
			       pga_effective_value(effective, "hostaddr"), &hosts, error);

	if (hosts.length != 0)
		pga_text_addf(text,
			      "no anchor is pinned for %s: the gate %s the server (trust = "
			      "pinned)\n    %s",
			      pga_text_string(&hosts), pga_anchored_refuses(policy, "will refuse"),
			      policy->user_anchors == PGA_ALLOW
				  ? "\"pganchor bootstrap\" pins one, and \"pganchor anchor "
				    "set-hosts\" changes what one is valid for"
				  : "none but the system's count (user-anchors = refuse): who runs "
				    "this machine pins one");
	pga_text_free(&hosts);
	return result;
}

static void add_elsewhere(const struct pga_policy *policy, const char *hosts, const char *path,
			  const struct pga_pin *anchor, struct pga_text *text)
{
	char *own = pga_pin_own_file(anchor);

	if (own == NULL) {
		text->failed = true;
		return;
	}
	pga_text_addf(
	    text,
	    "%sno anchor for %s is in %s: the gate %s the server (trust = "
	    "pinned)\n    anchor %s is for it: \"pganchor service add\" with --anchor %s, "
	    "or sslrootcert=%s",
	    text->length != 0 ? "\n" : "", hosts, path, pga_anchored_refuses(policy, "will refuse"),
	    anchor->name, anchor->name, own);
	free(own);
}

static int look_in_file(struct pga_roots *roots, const struct pga_effective *effective,
			const struct pga_policy *policy, const struct pga_pins *pins,
			struct pga_text *text, struct pga_error *error)
{
	struct pga_text hosts = PGA_TEXT_EMPTY;
	const struct pga_pin *anchor;
	const char *path;
	const char *in_file;
	int result;

	if (pga_roots_pins(roots, effective, &path, &in_file, error) != 0)
		return -1;
	if (in_file == NULL)
		return 0;
	result = pga_anchor_elsewhere(pins, policy, pga_effective_value(effective, "host"),
				      pga_effective_value(effective, "hostaddr"), in_file, &hosts,
				      &anchor, error);
	if (anchor != NULL)
		add_elsewhere(policy, pga_text_string(&hosts), path, anchor, text);
	pga_text_free(&hosts);
	return result;
}

int pga_anchored_look(struct pga_roots *roots, const struct pga_effective *effective,
		      const struct pga_policy *policy, const struct pga_pins *pins,
		      struct pga_text *text, struct pga_error *error)
{
	if (!pga_trust_by_pins(policy, pins))
		return 0;
	if (look_for_any(effective, policy, pins, text, error) != 0 ||
	    look_in_file(roots, effective, policy, pins, text, error) != 0)
		return -1;
	return text->failed ? pga_fail_memory(error) : 0;
}
