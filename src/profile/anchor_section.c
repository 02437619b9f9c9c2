/* A section [anchor NAME] of a profile. */
#include "profile/reading.h"

#include "anchor/anchors_conf.h"
#include "base/host.h"
#include "base/text.h"
#include "tls/base64.h"
#include "tls/fingerprint.h"

#include <stdlib.h>
#include <string.h>

static int set_twice(const struct pga_profile *profile, const struct pga_profile_line *line,
		     struct pga_error *error)
{
	return pga_profile_fail(profile, line->number, "set twice in one section", line->key,
				error);
}

static int take_source(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
		       const struct pga_profile_line *line, struct pga_error *error)
{
	if (anchor->source != NULL)
		return set_twice(profile, line, error);
	/* Standard input is whose who applies the profile, and a relative path is another file in
	 * every directory. */
	if (line->value[0] == '\0' || line->value[0] == '-' || line->value[0] == '.')
		return pga_profile_fail(profile, line->number,
					"no source of a root: an address, or the whole path of a "
					"file",
					line->value, error);
	anchor->source = strdup(line->value);
	return anchor->source != NULL ? 0 : pga_fail_memory(error);
}

static int take_certificate(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
			    const struct pga_profile_line *line, struct pga_error *error)
{
	struct pga_error why;
	size_t size;
	unsigned char *der;
	int result;

	if (anchor->certificate.x509 != NULL)
		return set_twice(profile, line, error);
	der = pga_base64_decode(line->value, strlen(line->value), &size);
	if (der == NULL && size > 0)
		return pga_fail_memory(error);
	if (der == NULL)
		return pga_profile_fail(profile, line->number,
					"not base64 of a certificate's DER form, in one line",
					line->value, error);
	result = pga_certificate_of_der(&anchor->certificate, anchor->name, der, (long)size, &why);
	free(der);
	return result == 0
		   ? 0
		   : pga_profile_fail(profile, line->number, "no certificate", why.message, error);
}

static int add_pin(struct pga_profile_anchor *anchor, const char *pin, struct pga_error *error)
{
	char(*grown)[PGA_PIN_LENGTH + 1] =
	    reallocarray(anchor->pins, anchor->pin_count + 1, sizeof *grown);

	if (grown == NULL)
		return pga_fail_memory(error);
	anchor->pins = grown;
	memcpy(grown[anchor->pin_count++], pin, sizeof *grown);
	return 0;
}

static bool has_pin(const struct pga_profile_anchor *anchor, const char *pin)
{
	for (size_t i = 0; i < anchor->pin_count; i++)
		if (strcmp(anchor->pins[i], pin) == 0)
			return true;
	return false;
}

/* Blanks part them, so that none stands in one. */
static int take_fingerprints(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
			     const struct pga_profile_line *line, struct pga_error *error)
{
	const char *at = line->value;
	int result = 0;

	if (anchor->pin_count > 0)
		return set_twice(profile, line, error);
	while (result == 0 && *at != '\0') {
		char pin[PGA_PIN_LENGTH + 1];
		struct pga_error why;
		char *word = strndup(at, strcspn(at, " \t,"));

		if (word == NULL)
			return pga_fail_memory(error);
		if (pga_fingerprint_read(word, "a fingerprint", pin, &why) != 0)
			result = pga_profile_fail(profile, line->number,
						  "not a fingerprint: SHA-256, 64 hex digits", word,
						  error);
		else if (has_pin(anchor, pin))
			result = pga_profile_fail(profile, line->number,
						  "this fingerprint is there twice", word, error);
		else if (anchor->pin_count == PGA_PROFILE_ROOTS)
			result =
			    pga_profile_fail(profile, line->number,
					     "more fingerprints than an anchor has", word, error);
		else
			result = add_pin(anchor, pin, error);
		at += strlen(word);
		at += strspn(at, " \t,");
		free(word);
	}
	return result;
}

static int take_hosts(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
		      const struct pga_profile_line *line, struct pga_error *error)
{
	const char *wrong;
	size_t length;

	if (anchor->hosts != NULL)
		return set_twice(profile, line, error);
	wrong = pga_host_bad_pattern(line->value, strlen(line->value), &length);
	if (wrong != NULL || line->value[strspn(line->value, " \t,")] == '\0')
		return pga_profile_fail(profile, line->number,
					wrong != NULL
					    ? "neither *, *.DOMAIN, a host name nor an address"
					    : "no host pattern",
					wrong, error);
	anchor->hosts = pga_anchors_conf_hosts(line->value, error);
	return anchor->hosts != NULL ? 0 : -1;
}

static int take_scope(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
		      const struct pga_profile_line *line, struct pga_error *error)
{
	if (anchor->scope_line != 0)
		return set_twice(profile, line, error);
	anchor->scope_line = line->number;
	anchor->scoped = strcmp(line->value, "scoped") == 0;
	if (anchor->scoped || strcmp(line->value, "root.crt") == 0)
		return 0;
	return pga_profile_fail(profile, line->number, "neither root.crt nor scoped", line->value,
				error);
}

int pga_profile_anchor_line(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
			    const struct pga_profile_line *line, struct pga_error *error)
{
	static const struct {
		const char *key;
		int (*take)(const struct pga_profile *profile, struct pga_profile_anchor *anchor,
			    const struct pga_profile_line *line, struct pga_error *error);
	} keys[] = {
	    {"source", take_source}, {"certificate", take_certificate},
	    {"hosts", take_hosts},   {"fingerprint", take_fingerprints},
	    {"scope", take_scope},
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(line->key, keys[i].key) == 0)
			return keys[i].take(profile, anchor, line, error);
	return pga_profile_fail(profile, line->number, "no such key of an anchor", line->key,
				error);
}

int pga_profile_anchor_check(const struct pga_profile *profile,
			     const struct pga_profile_anchor *anchor, struct pga_error *error)
{
	const bool holds_it = anchor->certificate.x509 != NULL;

	if (holds_it && anchor->source != NULL)
		return pga_profile_fail(profile, anchor->line,
					"an anchor has a source or a certificate, not both",
					anchor->name, error);
	if (!holds_it && anchor->source == NULL)
		return pga_profile_fail(profile, anchor->line,
					"an anchor without source and certificate", anchor->name,
					error);
	if (anchor->pin_count == 0)
		return pga_profile_fail(profile, anchor->line, "an anchor without fingerprint",
					anchor->name, error);
	if (anchor->hosts == NULL)
		return pga_profile_fail(profile, anchor->line,
					"an anchor without hosts (hosts = * would be every one)",
					anchor->name, error);
	if (holds_it && !has_pin(anchor, anchor->certificate.pin))
		return pga_profile_fail(profile, anchor->line,
					"its certificate has another fingerprint than it says",
					anchor->certificate.pin, error);
	for (const struct pga_profile_anchor *other = profile->anchors; other < anchor; other++) {
		if (strcmp(other->name, anchor->name) == 0)
			return pga_profile_fail(profile, anchor->line, "this anchor is there twice",
						anchor->name, error);
		for (size_t i = 0; i < anchor->pin_count; i++)
			if (has_pin(other, anchor->pins[i]))
				return pga_profile_fail(profile, anchor->line,
							"another anchor has this fingerprint, too",
							anchor->pins[i], error);
	}
	return 0;
}

void pga_profile_anchor_free(struct pga_profile_anchor *anchor)
{
	pga_certificate_free(&anchor->certificate);
	free(anchor->name);
	free(anchor->source);
	free(anchor->pins);
	free(anchor->hosts);
}
