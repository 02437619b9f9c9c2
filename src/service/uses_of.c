/* Which entries use an anchor, and which lose it. */
#include "service/uses_index.h"

#include "policy/trust.h"

#include <stdlib.h>
#include <string.h>

static bool has_pin(const struct pga_file_of_roots *file, const char *pin)
{
	return file->count > 0 &&
	       bsearch(pin, file->pins, file->count, PGA_PIN_LINE, pga_compare_pin_lines) != NULL;
}

bool pga_uses_is_in_root_crt(const struct pga_uses *uses, const char *pin)
{
	return has_pin(&uses->index->files[0], pin);
}

enum { FIRST_ROOM = 8 };

/* The entries of one anchor, while they are collected. */
struct collected {
	const struct pga_use **uses;
	size_t count;
	size_t room;
	bool failed;
};

static void collect(struct collected *collected, const struct pga_use *use)
{
	if (collected->count == collected->room) {
		const size_t room = 2 * collected->room;
		const struct pga_use **grown =
		    reallocarray((void *)collected->uses, room, sizeof(const struct pga_use *));

		if (grown == NULL) {
			collected->failed = true;
			return;
		}
		collected->uses = grown;
		collected->room = room;
	}
	collected->uses[collected->count++] = use;
}

/* Whether the file that the entry reads has this anchor, and that is for this host of it. */
static bool is_served(const struct pga_uses *uses, const struct pga_use *use,
		      const struct pga_pin *pin)
{
	const struct pga_uses_index *index = uses->index;

	if (!has_pin(&index->files[use->roots_file], pin->pin))
		return false;
	for (size_t i = 0; i < use->hosts.count; i++)
		if (pga_root_is_valid_for(index->pins, pin->pin,
					  pga_host_label(&use->hosts.items[i])))
			return true;
	return false;
}

/* The first host of the index that does not come before this. */
static size_t first_host(const struct pga_uses_index *index, const char *key)
{
	size_t low = 0;
	size_t high = index->host_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(index->hosts[middle].backwards, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void collect_by_pattern(struct collected *collected, const struct pga_uses *uses,
			       const struct pga_pin *pin, const char *pattern, size_t length)
{
	const struct pga_uses_index *index = uses->index;
	const bool every = length == 1 && pattern[0] == '*';
	const bool below = length > 2 && pattern[0] == '*' && pattern[1] == '.';
	char *key = every ? strdup("") : pga_host_backwards(pattern + below, length - below);
	size_t key_length;

	if (key == NULL) {
		collected->failed = true;
		return;
	}
	key_length = strlen(key);
	for (size_t i = first_host(index, key);
	     i < index->host_count &&
	     (every || below ? strncmp(index->hosts[i].backwards, key, key_length) == 0
			     : strcmp(index->hosts[i].backwards, key) == 0);
	     i++)
		if (is_served(uses, &uses->uses[index->hosts[i].use], pin))
			collect(collected, &uses->uses[index->hosts[i].use]);
	free(key);
}

static void collect_by_hosts(struct collected *collected, const struct pga_uses *uses,
			     const struct pga_pin *pin)
{
	static const char between[] = " \t,";

	for (const char *at = pin->hosts + strspn(pin->hosts, between); *at != '\0';
	     at += strspn(at, between)) {
		const size_t length = strcspn(at, between);

		collect_by_pattern(collected, uses, pin, at, length);
		at += length;
	}
}

static void collect_own(struct collected *collected, const struct pga_uses *uses,
			const struct pga_pin *pin)
{
	const struct pga_uses_index *index = uses->index;
	size_t low = 0;
	size_t high = index->own_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index->own[middle].pin < pin)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < index->own_count && index->own[low].pin == pin; low++)
		collect(collected, &uses->uses[index->own[low].use]);
}

/* All of them stand in one array. */
static int compare_uses(const void *left, const void *right)
{
	const struct pga_use *const *a = left;
	const struct pga_use *const *b = right;

	return (*a > *b) - (*a < *b);
}

const struct pga_use **pga_uses_of(const struct pga_uses *uses, const struct pga_pin *pin,
				   size_t *count, struct pga_error *error)
{
	struct collected collected = {
	    .uses = reallocarray(NULL, FIRST_ROOM, sizeof(const struct pga_use *)),
	    .room = FIRST_ROOM};
	size_t kept = 0;

	if (collected.uses == NULL) {
		(void)pga_fail_memory(error);
		return NULL;
	}
	collect_own(&collected, uses, pin);
	collect_by_hosts(&collected, uses, pin);
	if (collected.failed) {
		free((void *)collected.uses);
		(void)pga_fail_memory(error);
		return NULL;
	}
	qsort((void *)collected.uses, collected.count, sizeof(const struct pga_use *),
	      compare_uses);
	for (size_t i = 0; i < collected.count; i++)
		if (kept == 0 || collected.uses[kept - 1] != collected.uses[i])
			collected.uses[kept++] = collected.uses[i];
	*count = kept;
	return collected.uses;
}

/* The section of these pins with the name and place of that one; NULL where there is none. */
static const struct pga_pin *counterpart(const struct pga_pins *pins, const struct pga_pin *pin)
{
	const size_t first = pin->system ? 0 : pins->system_count;
	const size_t end = pin->system ? pins->system_count : pins->count;

	for (size_t i = first; i < end; i++)
		if (strcmp(pins->pins[i].name, pin->name) == 0)
			return &pins->pins[i];
	return NULL;
}

/* Whether a section of the user's with this pin is gone from these pins: with it goes the copy in
 * root.crt. */
static bool users_is_gone(const struct pga_pins *before, const struct pga_pins *then,
			  const char *pin)
{
	const struct pga_pin *const *sections;
	size_t count = pga_pins_of_root(before, pin, &sections);
	bool was = false;

	while (count-- > 0)
		was = was || !sections[count]->system;
	count = pga_pins_of_root(then, pin, &sections);
	while (count-- > 0)
		was = was && sections[count]->system;
	return was;
}

/* Whether a root stays in the file of which no pin has anything to say. */
static bool has_any_left(const struct pga_uses_index *index, const struct pga_file_of_roots *file,
			 const struct pga_pins *then)
{
	for (size_t i = 0; i < file->count; i++) {
		char pin[PGA_PIN_LINE];

		memcpy(pin, file->pins + i * PGA_PIN_LINE, PGA_PIN_LENGTH);
		pin[PGA_PIN_LENGTH] = '\0';
		if (file != &index->files[0] || !users_is_gone(index->pins, then, pin))
			return true;
	}
	return false;
}

/* Whether the file has an anchor for the host by these pins. */
static bool is_anchored(const struct pga_uses_index *index, const struct pga_use *use,
			const char *host, const struct pga_pins *then)
{
	const struct pga_file_of_roots *file = &index->files[use->roots_file];

	/* The file goes with its anchor, whatever else is in it. */
	if (use->kind == PGA_USE_OWN_FILE && counterpart(then, use->own) == NULL)
		return false;
	if (use->kind == PGA_USE_OWN_FILE &&
	    (!use->joined || pga_root_is_valid_for(then, use->own->pin, host)))
		return !pga_trust_by_pins(index->policy, then) ||
		       pga_root_is_valid_for(then, use->own->pin, host);
	if (!pga_trust_by_pins(index->policy, then))
		return has_any_left(index, file, then);
	for (size_t i = 0; i < then->count; i++)
		if (has_pin(file, then->pins[i].pin) &&
		    pga_root_is_valid_for(then, then->pins[i].pin, host) &&
		    (use->kind != PGA_USE_ROOT_CRT ||
		     !users_is_gone(index->pins, then, then->pins[i].pin)))
			return true;
	return false;
}

enum pga_use_loss pga_use_loses(const struct pga_uses *uses, const struct pga_use *use,
				const struct pga_pins *then)
{
	const struct pga_uses_index *index = uses->index;
	bool any_lost = false;
	bool any_left = false;

	if (use->kind != PGA_USE_OWN_FILE && use->kind != PGA_USE_ROOT_CRT &&
	    use->kind != PGA_USE_OTHER_FILE)
		return PGA_USE_LOSES_NOTHING;
	for (size_t i = 0; i < use->hosts.count; i++) {
		const char *host = pga_host_label(&use->hosts.items[i]);
		const bool left = is_anchored(index, use, host, then);

		any_left = any_left || left;
		any_lost = any_lost || (!left && is_anchored(index, use, host, index->pins));
	}
	if (!any_lost)
		return PGA_USE_LOSES_NOTHING;
	return any_left ? PGA_USE_LOSES_SOME : PGA_USE_LOSES_ALL;
}
