#include "service/choose_anchor.h"

#include "policy/hostlist.h"
#include "policy/system_files.h"
#include "policy/trust.h"
#include "service/roots.h"

#include <stdlib.h>
#include <string.h>

/* Adds the names of the anchors that are wanted (NULL: of all), with ", " between. */
static void list_names(const struct pga_pins *pins,
		       bool (*wanted)(const struct pga_pins *, const struct pga_pin *,
				      const struct pga_hosts *),
		       const struct pga_hosts *hosts, struct pga_text *text)
{
	const char *separator = "";

	for (size_t i = 0; i < pins->count; i++) {
		if (wanted != NULL && !wanted(pins, &pins->pins[i], hosts))
			continue;
		pga_text_addf(text, "%s%s", separator, pins->pins[i].name);
		separator = ", ";
	}
}

static bool is_valid_for(const struct pga_pins *pins, const struct pga_pin *pin,
			 const struct pga_host *host)
{
	return host->local || pga_root_is_valid_for(pins, pin->pin, pga_host_label(host));
}

static bool is_valid_for_any(const struct pga_pins *pins, const struct pga_pin *pin,
			     const struct pga_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		if (!hosts->items[i].local && is_valid_for(pins, pin, &hosts->items[i]))
			return true;
	return false;
}

/* A root that several files pin is one choice: the last of its sections, the user's own if there is
 * one. */
static bool is_choice(const struct pga_pins *pins, const struct pga_pin *pin,
		      const struct pga_hosts *hosts)
{
	const struct pga_pin *const *sections;
	const size_t count = pga_pins_of_root(pins, pin->pin, &sections);

	return count > 0 && sections[count - 1] == pin && is_valid_for_any(pins, pin, hosts);
}

int pga_anchor_file_check(const struct pga_pin *anchor, const struct pga_pins *pins,
			  const char *path, struct pga_error *error)
{
	if (anchor->system && pga_system_check_ownership(path, "the system's anchors", error) != 0)
		return -1;
	return pga_roots_hold_alone(path, anchor, pins, error);
}

/* Whether an entry names the anchor's own file. What the system pins is not in the user's root.crt
 * by that, and mostly has a file. */
static bool is_in_own_file(const struct pga_pin *pin, const struct pga_pins *pins)
{
	struct pga_error error;
	char *path;
	bool holds;

	if (!pin->system)
		return pin->scoped;
	path = pga_pin_own_file(pin);
	holds = path != NULL && pga_anchor_file_check(pin, pins, path, &error) == 0;
	free(path);
	return holds;
}

static int fail_no_such(const struct pga_pins *pins, const char *wanted, struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint, "anchors: ");
	if (pins->count > 0)
		list_names(pins, NULL, NULL, &hint);
	else
		pga_text_add(&hint, "none yet; pganchor bootstrap pins one");
	(void)pga_fail(error, pga_text_string(&hint), "anchor %s: there is none of this name",
		       wanted);
	pga_text_free(&hint);
	return -1;
}

static int fail_to_choose(const struct pga_pins *pins, const struct pga_hosts *hosts,
			  struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint, "name one with --anchor: ");
	list_names(pins, is_choice, hosts, &hint);
	(void)pga_fail(
	    error, pga_text_string(&hint),
	    "which anchor: more than one is valid for the hosts, and not all are in root.crt");
	pga_text_free(&hint);
	return -1;
}

static int fail_other_host(const struct pga_pins *pins, const struct pga_pin *anchor,
			   const char *host, struct pga_error *error)
{
	const struct pga_pin *refused = pga_root_refused(pins, anchor->pin, host);
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint, "name another anchor, or change what it is valid for: ");
	if (refused->system)
		pga_text_addf(&hint, "%s, as root", refused->path);
	else
		pga_text_addf(&hint, "pganchor anchor set-hosts %s PATTERNS", refused->name);
	(void)pga_fail(error, pga_text_string(&hint), "anchor %s: is not valid for %s (hosts = %s)",
		       refused->name, host, refused->hosts);
	pga_text_free(&hint);
	return -1;
}

/* The anchor that the user named, if it is valid for every host. */
static int take_wanted(const struct pga_pins *pins, const char *wanted,
		       const struct pga_hosts *hosts, struct pga_anchor_choice *choice,
		       struct pga_error *error)
{
	choice->anchor = pga_pins_named(pins, wanted);
	if (choice->anchor == NULL)
		return fail_no_such(pins, wanted, error);
	choice->in_own_file = true;
	for (size_t i = 0; i < hosts->count; i++)
		if (!is_valid_for(pins, choice->anchor, &hosts->items[i]))
			return fail_other_host(pins, choice->anchor,
					       pga_host_label(&hosts->items[i]), error);
	return 0;
}

/* The anchors whose hosts match. One alone is it; several are a choice only where their
 * certificates are in different files. */
static int find_by_hosts(const struct pga_pins *pins, const struct pga_hosts *hosts,
			 struct pga_anchor_choice *choice, struct pga_error *error)
{
	size_t found = 0;
	bool scoped = false;

	for (size_t i = 0; i < pins->count; i++) {
		if (!is_choice(pins, &pins->pins[i], hosts))
			continue;
		found++;
		scoped = scoped || is_in_own_file(&pins->pins[i], pins);
		choice->anchor = &pins->pins[i];
	}
	choice->in_root_crt = found > 0 && !scoped;
	choice->in_own_file = found == 1 && scoped;
	if (found <= 1)
		return 0;
	choice->anchor = NULL;
	return scoped ? fail_to_choose(pins, hosts, error) : 0;
}

static bool needs_anchor(const struct pga_policy *policy, const struct pga_host *host)
{
	return !host->local &&
	       (policy == NULL ||
		!pga_policy_exempts(policy, host->address[0] != '\0' ? host->address : host->name));
}

static void note_unpinned(const struct pga_pins *pins, const struct pga_policy *policy,
			  const struct pga_hosts *hosts, struct pga_text *names)
{
	for (size_t i = 0; i < hosts->count; i++) {
		bool valid = !needs_anchor(policy, &hosts->items[i]);

		for (size_t k = 0; !valid && k < pins->count; k++)
			valid = is_valid_for(pins, &pins->pins[k], &hosts->items[i]);
		if (!valid)
			pga_text_addf(names, "%s%s", names->length > 0 ? ", " : "",
				      pga_host_label(&hosts->items[i]));
	}
}

int pga_anchor_missing(const struct pga_pins *pins, const struct pga_policy *policy,
		       const char *host, const char *hostaddr, struct pga_text *names,
		       struct pga_error *error)
{
	struct pga_hosts hosts;

	if (pga_hosts_split(host, hostaddr, NULL, &hosts, error) != 0)
		return -1;
	note_unpinned(pins, policy, &hosts, names);
	pga_hosts_free(&hosts);
	return names->failed ? pga_fail_memory(error) : 0;
}

/* Whether an anchor is valid for it, and none whose pin is among these. */
static bool is_elsewhere(const struct pga_pins *pins, const struct pga_host *host,
			 const char *in_file)
{
	bool elsewhere = false;

	for (size_t i = 0; i < pins->count; i++) {
		if (!is_valid_for(pins, &pins->pins[i], host))
			continue;
		if (strstr(in_file, pins->pins[i].pin) != NULL)
			return false;
		elsewhere = true;
	}
	return elsewhere;
}

int pga_anchor_elsewhere(const struct pga_pins *pins, const struct pga_policy *policy,
			 const char *host, const char *hostaddr, const char *in_file,
			 struct pga_text *names, const struct pga_pin **anchor,
			 struct pga_error *error)
{
	struct pga_hosts hosts;

	*anchor = NULL;
	if (pga_hosts_split(host, hostaddr, NULL, &hosts, error) != 0)
		return -1;
	for (size_t i = 0; i < hosts.count; i++) {
		if (!needs_anchor(policy, &hosts.items[i]) ||
		    !is_elsewhere(pins, &hosts.items[i], in_file))
			continue;
		pga_text_addf(names, "%s%s", names->length > 0 ? ", " : "",
			      pga_host_label(&hosts.items[i]));
		for (size_t k = 0; *anchor == NULL && k < pins->count; k++)
			if (is_valid_for(pins, &pins->pins[k], &hosts.items[i]))
				*anchor = &pins->pins[k];
	}
	pga_hosts_free(&hosts);
	return names->failed ? pga_fail_memory(error) : 0;
}

static int name_file(struct pga_anchor_choice *choice, struct pga_error *error)
{
	/* root.crt may hold others: only a file of its own binds to the one that was named. */
	if (!choice->in_own_file)
		return 0;
	choice->sslrootcert = pga_pin_own_file(choice->anchor);
	return choice->sslrootcert != NULL
		   ? 0
		   : pga_fail(error, "set HOME", "found no home directory for this user");
}

int pga_anchor_choose(const struct pga_pins *pins, const char *wanted,
		      const struct pga_settings *settings, struct pga_anchor_choice *choice,
		      struct pga_error *error)
{
	struct pga_hosts hosts;
	int result;

	memset(choice, 0, sizeof *choice);
	if (pga_hosts_split(pga_settings_value(settings, "host"),
			    pga_settings_value(settings, "hostaddr"), NULL, &hosts, error) != 0)
		return -1;
	choice->named = wanted != NULL;
	if (wanted != NULL)
		result = take_wanted(pins, wanted, &hosts, choice, error);
	else
		result = find_by_hosts(pins, &hosts, choice, error);
	note_unpinned(pins, NULL, &hosts, &choice->unpinned);
	if (result == 0)
		result = name_file(choice, error);
	if (result == 0 && choice->unpinned.failed)
		result = pga_fail_memory(error);
	pga_hosts_free(&hosts);
	if (result != 0)
		pga_anchor_choice_free(choice);
	return result;
}

void pga_anchor_choice_free(struct pga_anchor_choice *choice)
{
	free(choice->sslrootcert);
	pga_text_free(&choice->unpinned);
	memset(choice, 0, sizeof *choice);
}
