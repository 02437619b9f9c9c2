/* The pins of all files, and finding one. */
#include "policy/pins.h"

#include "base/paths.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USER_FILE    "anchors.conf"
#define SYSTEM_FILES "anchors"
#define LONGEST_NAME 64
#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

bool pga_pin_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= LONGEST_NAME && name[0] != '.' && name[0] != '-' &&
	       strspn(name, NAME_LETTERS) == length;
}

/* The text, or NULL with errno set. */
static char *taken(struct pga_text *text)
{
	char *bytes = pga_text_take(text);

	if (bytes == NULL)
		errno = ENOMEM;
	return bytes;
}

char *pga_pin_file(const char *name)
{
	struct pga_text file = PGA_TEXT_EMPTY;
	char *path = NULL;

	pga_text_addf(&file, "anchors/%s.crt", name);
	if (!file.failed)
		path = pga_user_config(pga_text_string(&file));
	else
		errno = ENOMEM;
	pga_text_free(&file);
	return path;
}

char *pga_pin_own_file(const struct pga_pin *pin)
{
	struct pga_text file = PGA_TEXT_EMPTY;

	if (!pin->system)
		return pga_pin_file(pin->name);
	pga_text_addf(&file, "%s/anchors/%s.crt", PGA_PINS_SYSTEM_DIRECTORY, pin->name);
	return taken(&file);
}

/* Of two sections that are the same otherwise, the first in the order of the files comes first:
 * both stand in one array. */
static int by_place(const struct pga_pin *a, const struct pga_pin *b)
{
	return a < b ? -1 : a > b;
}

static int compare_pins(const void *left, const void *right)
{
	const struct pga_pin *const *a = left;
	const struct pga_pin *const *b = right;
	const int order = strcmp((*a)->pin, (*b)->pin);

	return order != 0 ? order : by_place(*a, *b);
}

/* The user's own comes first. */
static int compare_names(const void *left, const void *right)
{
	const struct pga_pin *const *a = left;
	const struct pga_pin *const *b = right;
	const int order = strcmp((*a)->name, (*b)->name);

	if (order != 0)
		return order;
	return (*a)->system != (*b)->system ? (*a)->system - (*b)->system : by_place(*a, *b);
}

static const struct pga_pin **make_index(const struct pga_pins *pins,
					 int (*compare)(const void *, const void *))
{
	const struct pga_pin **index = calloc(pins->count + 1, sizeof(const struct pga_pin *));

	if (index == NULL)
		return NULL;
	for (size_t i = 0; i < pins->count; i++)
		index[i] = &pins->pins[i];
	qsort(index, pins->count, sizeof(const struct pga_pin *), compare);
	return index;
}

int pga_pins_index(struct pga_pins *pins, struct pga_error *error)
{
	free(pins->by_pin);
	free(pins->by_name);
	pins->by_pin = make_index(pins, compare_pins);
	pins->by_name = make_index(pins, compare_names);
	return pins->by_pin != NULL && pins->by_name != NULL ? 0 : pga_fail_memory(error);
}

/* Puts the sections of one file behind those that were read before it; *more has none then. */
static int append(struct pga_pins *pins, struct pga_pins *more, struct pga_error *error)
{
	struct pga_pin *grown =
	    reallocarray(pins->pins, pins->count + more->count + 1, sizeof *grown);

	if (grown == NULL)
		return pga_fail_memory(error);
	pins->pins = grown;
	if (more->count > 0)
		memcpy(&grown[pins->count], more->pins, more->count * sizeof *grown);
	pins->count += more->count;
	more->count = 0;
	return 0;
}

static int take(struct pga_pins *pins, const char *path, const struct pga_text *content,
		bool system, struct pga_error *error)
{
	struct pga_pins one;
	int result = pga_pins_parse_file(&one, path, pga_text_string(content), content->length,
					 system, error);

	if (result == 0)
		result = append(pins, &one, error);
	pga_pins_free(&one);
	return result;
}

static int take_systems(void *context, const char *path, const struct pga_text *content,
			struct pga_error *error)
{
	struct pga_pins *pins = context;
	const int result = take(pins, path, content, true, error);

	pins->system_count = pins->count;
	return result;
}

static int take_users(struct pga_pins *pins, const struct pga_policy *policy,
		      struct pga_error *error)
{
	if (!pins->file.found || (policy != NULL && policy->user_anchors != PGA_ALLOW))
		return 0;
	return take(pins, pins->file.path, &pins->file.content, false, error);
}

int pga_pins_load(struct pga_pins *pins, const struct pga_policy *policy, struct pga_error *error)
{
	return pga_pins_reload(pins, policy, NULL, error);
}

/* No section is left of what could not be read as a whole. */
static void forget(struct pga_pins *pins)
{
	struct pga_pins kept = {.file = pins->file, .systems = pins->systems};

	memset(&pins->file, 0, sizeof pins->file);
	memset(&pins->systems, 0, sizeof pins->systems);
	pga_pins_free(pins);
	*pins = kept;
}

int pga_pins_reload(struct pga_pins *pins, const struct pga_policy *policy,
		    const struct pga_pins *before, struct pga_error *error)
{
	struct pga_user_file file;
	int result;

	memset(pins, 0, sizeof *pins);
	/* Whatever is wrong with another file, what the user's said before is kept. */
	result = pga_user_file_read(&file, USER_FILE, before != NULL ? &before->file : NULL, error);
	pins->file = file;
	if (result == 0)
		result = pga_system_files_read(&pins->systems, SYSTEM_FILES, "the system's anchors",
					       take_systems, pins, error);
	if (result == 0)
		result = take_users(pins, policy, error);
	if (result == 0)
		result = pga_pins_index(pins, error);
	if (result != 0)
		forget(pins);
	return result;
}

bool pga_pins_is_fresh(const struct pga_pins *pins)
{
	return pga_system_files_are_fresh(&pins->systems) &&
	       pga_user_file_is_fresh(&pins->file, USER_FILE);
}

static const char *pin_of(const struct pga_pin *pin)
{
	return pin->pin;
}

static const char *name_of(const struct pga_pin *pin)
{
	return pin->name;
}

/* The first of the index that does not come before what is wanted. */
static size_t find_first(const struct pga_pins *pins, const struct pga_pin *const *index,
			 const char *wanted, const char *(*key)(const struct pga_pin *))
{
	size_t low = 0;
	size_t high = pins->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(key(index[middle]), wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t pga_pins_of_root(const struct pga_pins *pins, const char *pin,
			const struct pga_pin *const **sections)
{
	const size_t first = find_first(pins, pins->by_pin, pin, pin_of);
	size_t count = 0;

	while (first + count < pins->count && strcmp(pins->by_pin[first + count]->pin, pin) == 0)
		count++;
	*sections = count > 0 ? &pins->by_pin[first] : NULL;
	return count;
}

const struct pga_pin *pga_pins_find(const struct pga_pins *pins, const char *pin)
{
	const struct pga_pin *const *sections;

	return pga_pins_of_root(pins, pin, &sections) > 0 ? sections[0] : NULL;
}

const struct pga_pin *pga_pins_named(const struct pga_pins *pins, const char *name)
{
	const size_t first = find_first(pins, pins->by_name, name, name_of);

	return first < pins->count && strcmp(pins->by_name[first]->name, name) == 0
		   ? pins->by_name[first]
		   : NULL;
}

void pga_pins_free(struct pga_pins *pins)
{
	for (size_t i = 0; i < pins->count; i++) {
		free(pins->pins[i].name);
		free(pins->pins[i].source);
		free(pins->pins[i].hosts);
		free(pins->pins[i].pinned);
	}
	free(pins->pins);
	free(pins->by_pin);
	free(pins->by_name);
	pga_user_file_free(&pins->file);
	pga_system_files_free(&pins->systems);
	memset(pins, 0, sizeof *pins);
}
