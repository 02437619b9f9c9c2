#include "service/crl_choice.h"

#include "anchor/crls.h"
#include "base/path.h"
#include "policy/hostlist.h"
#include "policy/trust.h"
#include "service/roots.h"

#include <stdlib.h>
#include <string.h>

/* Whether the CRL is for the services of an anchor alone that pins this root. */
static bool is_for(const struct pga_crl_record *record, const struct pga_pins *pins,
		   const struct pga_pin *anchor)
{
	const struct pga_pin *pin = record->scoped ? pga_pins_named(pins, record->anchor) : NULL;

	return pin != NULL && strcmp(pin->pin, anchor->pin) == 0;
}

/* The anchor whose own file this is; NULL where it is none's. */
static const struct pga_pin *anchor_with_file(const struct pga_pins *pins, const char *path)
{
	const struct pga_pin *found = NULL;

	for (size_t i = 0; found == NULL && path != NULL && i < pins->count; i++) {
		char *own = pga_pin_own_file(&pins->pins[i]);

		if (own != NULL && pga_path_is_same(own, path))
			found = &pins->pins[i];
		free(own);
	}
	return found;
}

static struct pga_text *line_of(struct pga_text *warnings)
{
	if (warnings->length > 0)
		pga_text_add(warnings, "\n");
	return warnings;
}

static int take(const struct pga_crl_record *record, enum pga_service_place place,
		struct pga_settings *settings, struct pga_text *warnings, struct pga_error *error)
{
	char *path = pga_crl_path(record, error);
	int result = path != NULL ? 0 : -1;

	if (result == 0 && place == PGA_SERVICE_USER)
		result = pga_settings_add(settings, "sslcrl", path, error);
	else if (result == 0)
		pga_text_addf(line_of(warnings),
			      "anchor %s: its CRLs are in your home (%s), where other users cannot "
			      "read them: this entry takes a server that is revoked, too; put them "
			      "where all can read them, and give sslcrl=FILE",
			      record->anchor, path);
	free(path);
	return result;
}

/* Whether libpq will trust the root for a host of the entry. *is is false where it is not known. */
static int is_trusted(const struct pga_pins *pins, const struct pga_pin *pin,
		      const struct pga_settings *settings, bool *is, struct pga_error *error)
{
	const char *roots = pga_settings_value(settings, "sslrootcert");
	struct pga_error ignored;
	struct pga_hosts hosts;

	*is = false;
	if (roots != NULL ? pga_roots_hold(roots, pin->pin, &ignored) != 0 : pin->scoped)
		return 0;
	if (pga_hosts_split(pga_settings_value(settings, "host"),
			    pga_settings_value(settings, "hostaddr"), NULL, &hosts, error) != 0)
		return -1;
	for (size_t i = 0; i < hosts.count; i++)
		*is =
		    *is || (!hosts.items[i].local &&
			    pga_root_is_valid_for(pins, pin->pin, pga_host_label(&hosts.items[i])));
	pga_hosts_free(&hosts);
	return 0;
}

/* Which of several anchors a server has is not known before there is a connection. */
static int warn_of_each(const struct pga_pins *pins, const struct pga_crls *crls,
			const struct pga_settings *settings, struct pga_text *warnings,
			struct pga_error *error)
{
	const char *last = "";

	for (size_t i = 0; i < crls->count; i++) {
		const struct pga_crl_record *record = &crls->records[i];
		const struct pga_pin *pin =
		    record->scoped ? pga_pins_named(pins, record->anchor) : NULL;
		bool is;

		if (pin == NULL || strcmp(last, record->anchor) == 0)
			continue;
		if (is_trusted(pins, pin, settings, &is, error) != 0)
			return -1;
		if (!is)
			continue;
		last = record->anchor;
		pga_text_addf(line_of(warnings),
			      "anchor %s: its CRLs are for the services that name it, and this one "
			      "does not: it takes a server of that CA that is revoked, too; "
			      "\"--anchor %s\" has the entry use them",
			      record->anchor, record->anchor);
	}
	return 0;
}

int pga_crl_choose(const struct pga_pins *pins, const struct pga_pin *anchor,
		   enum pga_service_place place, struct pga_settings *settings,
		   struct pga_text *warnings, struct pga_error *error)
{
	struct pga_crls crls;
	int result = 0;
	size_t i = 0;

	if (pga_settings_value(settings, "sslcrl") != NULL ||
	    pga_settings_value(settings, "sslcrldir") != NULL)
		return 0;
	if (anchor == NULL)
		anchor = anchor_with_file(pins, pga_settings_value(settings, "sslrootcert"));
	if (pga_crls_read(&crls, error) != 0)
		result = -1;
	else if (anchor == NULL)
		result = warn_of_each(pins, &crls, settings, warnings, error);
	while (result == 0 && anchor != NULL && i < crls.count &&
	       !is_for(&crls.records[i], pins, anchor))
		i++;
	if (result == 0 && anchor != NULL && i < crls.count)
		result = take(&crls.records[i], place, settings, warnings, error);
	pga_crls_free(&crls);
	return result;
}
