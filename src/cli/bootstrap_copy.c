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

/* Returns -1 with the reason where the copy that there is, or may be, is older now. */
static int follow(const struct pga_pins_copy *before, const struct pga_pins_copy *after,
		  struct pga_error *error)
{
	struct pga_pins_copy copy;
	bool readable;
	enum pga_secret_status status = pga_kept_pins_get(&copy, &readable, error);

	if (status == PGA_SECRET_DONE && !readable)
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
				  "\"pganchor anchor verify --keep\" makes a new one",
				  error.message);
	free(differences);
	pga_pins_copy_free(&after);
	pga_pins_copy_free(&followed->before);
	followed->possible = false;
}
