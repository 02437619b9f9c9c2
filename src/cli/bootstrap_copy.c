#include "cli/bootstrap_copy.h"

#include "base/terminal.h"
#include "password/keep_pins.h"

#include <stdlib.h>
#include <string.h>

void pga_followed_copy_begin(struct pga_followed_copy *followed)
{
	struct pga_error error;

	memset(followed, 0, sizeof *followed);
	followed->possible =
	    pga_ask_keyring_is_possible() && pga_kept_pins_now(&followed->before, &error) == 0;
}

static const char *name_of(const struct pga_pins_difference *difference)
{
	return (difference->now != NULL ? difference->now : difference->kept)
	    ->words[PGA_COPIED_NAME];
}

/* One of the anchors that were changed which is now valid for hosts that it is not in the
 * copy: who took them out of anchors.conf, or widened them there, has bootstrap do the rest. NULL
 * where there is none, or with -1 for want of memory. */
static int find_wider(const struct pga_pins_copy *copy, const struct pga_pins_copy *before,
		      const struct pga_pins_copy *after, const char **wider,
		      struct pga_error *error)
{
	struct pga_pins_difference *changed = NULL;
	struct pga_pins_difference *from_copy = NULL;
	size_t changes = 0;
	size_t count = 0;
	int result = pga_pins_copy_compare(before, after, &changed, &changes, error);

	*wider = NULL;
	if (result == 0)
		result = pga_pins_copy_compare(copy, after, &from_copy, &count, error);
	for (size_t i = 0; result == 0 && i < count; i++)
		for (size_t j = 0; j < changes; j++)
			if ((from_copy[i].change == PGA_PINS_WIDER ||
			     from_copy[i].change == PGA_PINS_HOSTS) &&
			    strcmp(name_of(&from_copy[i]), name_of(&changed[j])) == 0)
				*wider = name_of(&from_copy[i]);
	free(from_copy);
	free(changed);
	return result;
}

/* Whether the copy may follow; else with the reason. */
static bool may_follow(const struct pga_pins_copy *copy, const struct pga_pins_copy *before,
		       const struct pga_pins_copy *after, struct pga_error *error)
{
	const char *wider;

	if (find_wider(copy, before, after, &wider, error) != 0)
		return false;
	if (wider == NULL)
		return true;
	(void)pga_fail(error, NULL,
		       "%s is valid for hosts now that the keyring does not have it for", wider);
	return false;
}

/* Returns -1 with the reason where the copy that there is, or may be, is older now. */
static int follow(const struct pga_pins_copy *before, const struct pga_pins_copy *after,
		  struct pga_error *error)
{
	struct pga_pins_copy copy;
	bool readable;
	enum pga_secret_status status = pga_kept_pins_get(&copy, &readable, error);

	if (status == PGA_SECRET_DONE && !readable)
		status = PGA_SECRET_FAILED;
	if (status == PGA_SECRET_DONE && !may_follow(&copy, before, after, error))
		status = PGA_SECRET_FAILED;
	if (status == PGA_SECRET_DONE && pga_pins_copy_follow(&copy, before, after, error) != 0)
		status = PGA_SECRET_FAILED;
	if (status == PGA_SECRET_DONE)
		status = pga_kept_pins_set(&copy, error);
	else if (status == PGA_SECRET_NONE || status == PGA_SECRET_ABSENT)
		status = PGA_SECRET_DONE;
	pga_pins_copy_free(&copy);
	return status == PGA_SECRET_DONE ? 0 : -1;
}

void pga_followed_copy_end(struct pga_followed_copy *followed)
{
	struct pga_pins_copy after = {NULL, 0};
	struct pga_pins_difference *differences = NULL;
	struct pga_error error;
	size_t count = 0;

	if (!followed->possible)
		return;
	if (pga_kept_pins_now(&after, &error) == 0 &&
	    pga_pins_copy_compare(&followed->before, &after, &differences, &count, &error) == 0 &&
	    count > 0 && follow(&followed->before, &after, &error) != 0)
		pga_print_warning("%s: the copy of the pins that it may have is older now; "
				  "\"pganchor anchor verify\" shows what is different, and "
				  "\"pganchor anchor verify --keep\" makes a new one",
				  error.message);
	free(differences);
	pga_pins_copy_free(&after);
	pga_pins_copy_free(&followed->before);
	followed->possible = false;
}
