#include "policy/joined.h"

#include "base/host.h"

#include <stddef.h>
#include <string.h>

/* Whether the list of patterns has this one, or one that is for all of its hosts. */
static bool has_pattern(const char *patterns, const char *pattern, size_t length)
{
	static const char between[] = " \t,";

	for (const char *at = patterns + strspn(patterns, between); *at != '\0';
	     at += strspn(at, between)) {
		const size_t one = strcspn(at, between);

		if ((one == 1 && *at == '*') ||
		    (one == length && strncasecmp(at, pattern, length) == 0))
			return true;
		at += one;
	}
	return false;
}

static bool has_all(const char *patterns, const char *wanted)
{
	static const char between[] = " \t,";

	for (const char *at = wanted + strspn(wanted, between); *at != '\0';
	     at += strspn(at, between)) {
		const size_t length = strcspn(at, between);

		if (!has_pattern(patterns, at, length))
			return false;
		at += length;
	}
	return true;
}

bool pga_pin_joins(const struct pga_pins *pins, const char *pin, const struct pga_pin *anchor)
{
	const struct pga_pin *const *sections;
	const size_t count = pga_pins_of_root(pins, pin, &sections);
	bool joins = false;

	if (strcmp(pin, anchor->pin) == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (!has_all(sections[i]->hosts, anchor->hosts))
			return false;
		joins = joins || sections[i]->system || !anchor->system;
	}
	return joins;
}
