/* anchors.conf: the pins, which anchor each belongs to, and for which hosts it is valid. One
 * section an anchor:
 *
 *     [NAME]
 *     pin = SHA-256 of the certificate's DER form, 64 lower-case hex digits
 *     source = where it came from, such as https://ca.example.com:9000
 *     hosts = host patterns (base/host.h) with blanks or commas between; absent: every host
 *     scope = root.crt | scoped
 *     pinned = 2026-11-22T06:00:00Z
 *     subject, not-after: for the reader
 *
 * A key that is none of these is an error: `host = x` for `hosts = x` must not be valid for every
 * host. pganchor writes the pin last: of a file that was cut short, a section has none then.
 * Written by anchor/, read by the gate too. */
#ifndef PGA_POLICY_PINS_H
#define PGA_POLICY_PINS_H

#include "base/error.h"
#include "base/userfile.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_PIN_LENGTH 64 /* hex digits of a SHA-256 */

struct pga_pin {
	char *name;
	char pin[PGA_PIN_LENGTH + 1];
	char *source; /* "" where the file does not say */
	char *hosts;  /* "*" where the file does not say */
	char *pinned; /* "" where the file does not say */
	bool scoped;
	size_t line; /* of its section, from 1 */
};

struct pga_pins {
	struct pga_pin *pins; /* in the file's order */
	size_t count;

	/* What follows is pganchor's own: the same pins in the order of their digits and of their
	 * names. */
	struct pga_pin **by_pin;
	struct pga_pin **by_name;

	struct pga_user_file file; /* that pga_pins_load() has read */
};

/* Whether an anchor may be called so: 1 to 64 of A-Z a-z 0-9 . _ - and neither "." nor "-" in
 * front, since the name becomes that of a file, NAME.crt. */
bool pga_pin_name_is_valid(const char *name);

/* The file that has the root of the anchor of this name, and it alone, whether or not it is there.
 * The caller frees the path; NULL as pga_user_config() is. */
char *pga_pin_file(const char *name);

/* Reads the pins out of the bytes of an anchors.conf; path is for the messages. bytes NULL: there
 * is no such file, and so no pin. A file without any is one that was cut: returns -1 for it as well
 * as, with the line, for a line that is no setting, an unknown key, a section without a pin, a pin
 * that is none, a name or a pin that stands twice. */
int pga_pins_parse(struct pga_pins *pins, const char *path, const char *bytes, size_t length,
		   struct pga_error *error);

/* Reads the user's anchors.conf; no file is no pins. */
int pga_pins_load(struct pga_pins *pins, struct pga_error *error);

/* The same in a process that has loaded its pins before, whether or not that was successful: a file
 * that is out of its reach by now (base/userfile.h) says what it said then. */
int pga_pins_reload(struct pga_pins *pins, const struct pga_pins *before, struct pga_error *error);

/* Whether the file that the pins came from has not changed since. */
bool pga_pins_is_fresh(const struct pga_pins *pins);

/* The pin with these 64 hex digits, or with this name; NULL where there is none. */
const struct pga_pin *pga_pins_find(const struct pga_pins *pins, const char *pin);
const struct pga_pin *pga_pins_named(const struct pga_pins *pins, const char *name);

void pga_pins_free(struct pga_pins *pins);

#endif
