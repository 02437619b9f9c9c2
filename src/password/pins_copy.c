#include "password/pins_copy.h"

#include "base/host.h"
#include "policy/record.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND      "pins"
#define COPY_FORM "1"
#define BETWEEN   " \t," /* patterns of hosts: base/host.h */

static const char *const word_names[PGA_COPIED_WORDS] = {
    [PGA_COPIED_NAME] = "name",
    [PGA_COPIED_PIN] = "pin",
    [PGA_COPIED_HOSTS] = "hosts",
    [PGA_COPIED_SCOPE] = "scope",
};

static void free_words(struct pga_copied_pin *pin)
{
	for (enum pga_copied word = 0; word < PGA_COPIED_WORDS; word++)
		free(pin->words[word]);
}

void pga_pins_copy_free(struct pga_pins_copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		free_words(&copy->pins[i]);
	free(copy->pins);
	memset(copy, 0, sizeof *copy);
}

static int compare_strings(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The words of a text, which is changed, in order. Returns how many there are. */
static size_t split(char *text, char **words)
{
	char *rest = NULL;
	size_t count = 0;

	for (char *at = strtok_r(text, BETWEEN, &rest); at != NULL;
	     at = strtok_r(NULL, BETWEEN, &rest))
		words[count++] = at;
	qsort(words, count, sizeof *words, compare_strings);
	return count;
}

/* Hosts as they are compared. The caller frees them; NULL for want of memory. */
static char *tidy_hosts(const char *hosts)
{
	struct pga_text tidy = PGA_TEXT_EMPTY;
	char *text = strdup(hosts);
	char **words = calloc(strlen(hosts) + 1, sizeof *words);
	size_t count = 0;

	if (text != NULL && words != NULL) {
		for (char *at = text; *at != '\0'; at++)
			*at = pga_lower(*at);
		count = split(text, words);
	}
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(words[i], words[i - 1]) != 0)
			pga_text_addf(&tidy, "%s%s", i > 0 ? " " : "", words[i]);
	tidy.failed = tidy.failed || text == NULL || words == NULL;
	free(words);
	free(text);
	return pga_text_take(&tidy);
}

/* Another one at the end, all NULL. NULL for want of memory. */
static struct pga_copied_pin *add(struct pga_pins_copy *copy)
{
	struct pga_copied_pin *grown =
	    reallocarray(copy->pins, copy->count + 1, sizeof *copy->pins);

	if (grown == NULL)
		return NULL;
	copy->pins = grown;
	memset(&grown[copy->count], 0, sizeof *grown);
	return &grown[copy->count++];
}

static bool is_whole(const struct pga_copied_pin *pin)
{
	for (enum pga_copied word = 0; word < PGA_COPIED_WORDS; word++)
		if (pin->words[word] == NULL)
			return false;
	return true;
}

static int compare_names(const void *one, const void *other)
{
	const struct pga_copied_pin *first = one;
	const struct pga_copied_pin *second = other;

	return strcmp(first->words[PGA_COPIED_NAME], second->words[PGA_COPIED_NAME]);
}

static void sort(struct pga_pins_copy *copy)
{
	if (copy->count > 1)
		qsort(copy->pins, copy->count, sizeof *copy->pins, compare_names);
}

int pga_pins_copy_make(struct pga_pins_copy *copy, const struct pga_pins *pins,
		       struct pga_error *error)
{
	memset(copy, 0, sizeof *copy);
	for (size_t i = pins->system_count; i < pins->count; i++) {
		const struct pga_pin *pin = &pins->pins[i];
		struct pga_copied_pin *copied = add(copy);

		if (copied == NULL)
			return pga_fail_memory(error);
		copied->words[PGA_COPIED_NAME] = strdup(pin->name);
		copied->words[PGA_COPIED_PIN] = strdup(pin->pin);
		copied->words[PGA_COPIED_HOSTS] = tidy_hosts(pin->hosts);
		copied->words[PGA_COPIED_SCOPE] = strdup(pin->scoped ? "scoped" : "root.crt");
		if (!is_whole(copied))
			return pga_fail_memory(error);
	}
	sort(copy);
	return 0;
}

void pga_pins_copy_write(const struct pga_pins_copy *copy, struct pga_text *line)
{
	char anchors[24];

	(void)snprintf(anchors, sizeof anchors, "%zu", copy->count);
	pga_text_add(line, KIND);
	pga_record_add(line, "version", COPY_FORM, sizeof COPY_FORM);
	pga_record_add(line, "anchors", anchors, sizeof anchors);
	for (size_t i = 0; i < copy->count; i++)
		for (enum pga_copied word = 0; word < PGA_COPIED_WORDS; word++) {
			const char *value = copy->pins[i].words[word];

			pga_record_add(line, word_names[word], value, strlen(value));
		}
}

/* Reads one ` key="value"` of this key. Returns what is behind it, and the value, which the caller
 * frees; NULL where it is another, or for want of memory. */
static const char *read_word(const char *at, const char *key, char **value)
{
	struct pga_text read = PGA_TEXT_EMPTY;
	const char *found;
	size_t length;

	*value = NULL;
	at = *at == ' ' ? pga_record_next(at, &found, &length, &read) : NULL;
	if (at != NULL && strlen(key) == length && memcmp(key, found, length) == 0)
		*value = pga_text_take(&read);
	pga_text_free(&read);
	return *value != NULL ? at : NULL;
}

/* The same, of what is to be this one. */
static const char *read_version(const char *at)
{
	char *version = NULL;
	const char *rest = read_word(at, "version", &version);
	const bool known = rest != NULL && strcmp(version, COPY_FORM) == 0;

	free(version);
	return known ? rest : NULL;
}

static const char *read_pin(const char *at, struct pga_pins_copy *copy)
{
	struct pga_copied_pin *pin = add(copy);

	if (pin == NULL)
		return NULL;
	for (enum pga_copied word = 0; at != NULL && word < PGA_COPIED_WORDS; word++)
		at = read_word(at, word_names[word], &pin->words[word]);
	if (at == NULL) {
		free_words(pin);
		copy->count--;
	}
	return at;
}

/* As it is written: a name that is twice, or out of order, was not. */
static bool is_in_order(const struct pga_pins_copy *copy)
{
	for (size_t i = 1; i < copy->count; i++)
		if (compare_names(&copy->pins[i - 1], &copy->pins[i]) >= 0)
			return false;
	return true;
}

int pga_pins_copy_read(struct pga_pins_copy *copy, const char *line, struct pga_error *error)
{
	const size_t kind = strlen(KIND);
	const char *at = strncmp(line, KIND, kind) == 0 ? read_version(line + kind) : NULL;
	char *anchors = NULL;
	char counted[24];
	bool good;

	memset(copy, 0, sizeof *copy);
	if (at != NULL)
		at = read_word(at, "anchors", &anchors);
	while (at != NULL && *at != '\0')
		at = read_pin(at, copy);
	(void)snprintf(counted, sizeof counted, "%zu", copy->count);
	good = at != NULL && strcmp(anchors, counted) == 0 && is_in_order(copy);
	free(anchors);
	return good ? 0
		    : pga_fail(error, NULL,
			       "what the keyring has as the copy of the pins cannot be read");
}

/* A list of the differences while it is made. */
struct found {
	struct pga_pins_difference *list;
	size_t count;
	bool failed;
};

/* Whether every host that the patterns mean is one that the list means: each pattern is a host's
 * name for it, "*.example.com" one that "*.example.com" and "*.com" mean, and "*" one that "*"
 * alone does. */
static bool is_covered(struct found *found, const char *patterns, const char *list)
{
	char *text = strdup(patterns);
	char *rest = NULL;
	bool covered = text != NULL;

	found->failed = found->failed || text == NULL;
	for (char *at = covered ? strtok_r(text, BETWEEN, &rest) : NULL; covered && at != NULL;
	     at = strtok_r(NULL, BETWEEN, &rest))
		covered = pga_host_matches_any(list, at);
	free(text);
	return covered;
}

static void add_difference(struct found *found, enum pga_pins_change change,
			   const struct pga_copied_pin *kept, const struct pga_copied_pin *now)
{
	struct pga_pins_difference *grown =
	    reallocarray(found->list, found->count + 1, sizeof *found->list);

	found->failed = found->failed || grown == NULL;
	if (grown == NULL)
		return;
	found->list = grown;
	grown[found->count++] = (struct pga_pins_difference){change, kept, now};
}

static bool is_same(const struct pga_copied_pin *one, const struct pga_copied_pin *other,
		    enum pga_copied word)
{
	return strcmp(one->words[word], other->words[word]) == 0;
}

static void compare_hosts(struct found *found, const struct pga_copied_pin *kept,
			  const struct pga_copied_pin *now)
{
	const char *before = kept->words[PGA_COPIED_HOSTS];
	const char *after = now->words[PGA_COPIED_HOSTS];
	bool wider;
	bool narrower;

	if (strcmp(before, after) == 0)
		return;
	wider = is_covered(found, before, after);
	narrower = is_covered(found, after, before);
	if (!(wider && narrower))
		add_difference(found,
			       wider      ? PGA_PINS_WIDER
			       : narrower ? PGA_PINS_NARROWER
					  : PGA_PINS_HOSTS,
			       kept, now);
}

static void compare_both(struct found *found, const struct pga_copied_pin *kept,
			 const struct pga_copied_pin *now)
{
	if (!is_same(kept, now, PGA_COPIED_PIN))
		add_difference(found, PGA_PINS_PIN, kept, now);
	compare_hosts(found, kept, now);
	if (!is_same(kept, now, PGA_COPIED_SCOPE))
		add_difference(found, PGA_PINS_SCOPE, kept, now);
}

int pga_pins_copy_compare(const struct pga_pins_copy *kept, const struct pga_pins_copy *now,
			  struct pga_pins_difference **differences, size_t *count,
			  struct pga_error *error)
{
	struct found found = {.list = NULL};
	size_t i = 0;
	size_t j = 0;

	while (i < kept->count || j < now->count) {
		int order = i == kept->count ? 1 : -1;

		if (i < kept->count && j < now->count)
			order = compare_names(&kept->pins[i], &now->pins[j]);
		if (order < 0)
			add_difference(&found, PGA_PINS_GONE, &kept->pins[i], NULL);
		else if (order > 0)
			add_difference(&found, PGA_PINS_ADDED, NULL, &now->pins[j]);
		else
			compare_both(&found, &kept->pins[i], &now->pins[j]);
		i += order <= 0;
		j += order >= 0;
	}
	*differences = found.list;
	*count = found.count;
	return found.failed ? pga_fail_memory(error) : 0;
}

static struct pga_copied_pin *find(const struct pga_pins_copy *copy, const char *name)
{
	for (size_t i = 0; i < copy->count; i++)
		if (strcmp(copy->pins[i].words[PGA_COPIED_NAME], name) == 0)
			return &copy->pins[i];
	return NULL;
}

/* Returns false for want of memory. */
static bool take_word(struct pga_copied_pin *pin, const struct pga_copied_pin *from,
		      enum pga_copied word)
{
	char *value = strdup(from->words[word]);

	if (value == NULL)
		return false;
	free(pin->words[word]);
	pin->words[word] = value;
	return true;
}

/* An anchor that was not there before is the user's as it is; of another one, what has changed. */
static bool follow_one(struct pga_pins_copy *copy, const struct pga_copied_pin *before,
		       const struct pga_copied_pin *after)
{
	struct pga_copied_pin *kept = find(copy, after->words[PGA_COPIED_NAME]);
	bool good = true;

	if (kept == NULL && before == NULL) {
		kept = add(copy);
		good = kept != NULL;
	}
	for (enum pga_copied word = 0; good && kept != NULL && word < PGA_COPIED_WORDS; word++)
		if (before == NULL || !is_same(before, after, word))
			good = take_word(kept, after, word);
	return good;
}

int pga_pins_copy_follow(struct pga_pins_copy *copy, const struct pga_pins_copy *before,
			 const struct pga_pins_copy *after, struct pga_error *error)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct pga_copied_pin *pin = &after->pins[i];

		if (!follow_one(copy, find(before, pin->words[PGA_COPIED_NAME]), pin)) {
			/* What was begun has no name to be sorted by. */
			pga_pins_copy_free(copy);
			return pga_fail_memory(error);
		}
	}
	sort(copy);
	return 0;
}
