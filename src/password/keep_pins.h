/* The copy of the user's pins in the keyring. */
#ifndef PGA_PASSWORD_KEEP_PINS_H
#define PGA_PASSWORD_KEEP_PINS_H

#include "password/ask_keyring.h"
#include "password/pins_copy.h"

#include <stdbool.h>

/* Reads the user's anchors.conf, whether or not the policy lets it count; none is no pin. To be
 * freed in any case. Returns -1 as pga_pins_load() does. */
int pga_kept_pins_now(struct pga_pins_copy *now, struct pga_error *error);

/* Reads the copy of that file; PGA_SECRET_NONE where there is none. *readable says whether what
 * there is, is one: where not, the status is PGA_SECRET_DONE, the copy is empty, and the error says
 * so. To be freed in any case. */
enum pga_secret_status pga_kept_pins_get(struct pga_pins_copy *copy, bool *readable,
					 struct pga_error *error);

/* Keeps it in the place of the one before. What is done has been read back. */
enum pga_secret_status pga_kept_pins_set(const struct pga_pins_copy *copy, struct pga_error *error);

/* Removes it; PGA_SECRET_NONE, with the error, where there is none. */
enum pga_secret_status pga_kept_pins_clear(struct pga_error *error);

#endif
