/* anchors.conf: the pins, which anchor each belongs to, and for which hosts it is valid. The
 * system's are SYSCONFDIR/pganchor/anchors.conf and anchors.d/FILE.conf (policy/system_files.h);
 * the user's own add to them, unless the policy says user-anchors = refuse. One section an anchor:
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
#include "policy/policy.h"
#include "policy/system_files.h"

#include <stdbool.h>
#include <stddef.h>

#define PGA_PIN_LENGTH            64 /* hex digits of a SHA-256 */
#define PGA_PINS_SYSTEM_DIRECTORY SYSCONFDIR "/pganchor"

struct pga_pin {
	char *name;
	char pin[PGA_PIN_LENGTH + 1];
	char *source; /* "" where the file does not say */
	char *hosts;  /* "*" where the file does not say */
	char *pinned; /* "" where the file does not say */
	bool scoped;
	bool system;      /* a file of the system's says it, for every user */
	const char *path; /* the file; it is not the pin's own, but of what was read */
	size_t line;      /* of its section there, from 1 */
};

struct pga_pins {
	struct pga_pin *pins; /* in the order of the files: the system's, then the user's own */
	size_t count;
	size_t system_count; /* the first of them that are the system's */

	/* What follows is pganchor's own: the same pins in the order of their digits and of their
	 * names. */
	const struct pga_pin **by_pin;
	const struct pga_pin **by_name;

	struct pga_user_file file; /* what pga_pins_load() has read */
	struct pga_system_files systems;
};

/* Whether an anchor may be called so: 1 to 64 of A-Z a-z 0-9 . _ - and neither "." nor "-" in
 * front, since the name becomes that of a file, NAME.crt. */
bool pga_pin_name_is_valid(const char *name);

/* The user's file that has the root of the anchor of this name, and it alone, whether or not it is
 * there. The caller frees the path; NULL as pga_user_config() is. */
char *pga_pin_file(const char *name);

/* The same of a pin: of one of the system's the system's file,
 * SYSCONFDIR/pganchor/anchors/NAME.crt.
 */
char *pga_pin_own_file(const struct pga_pin *pin);

/* Reads the pins out of the bytes of an anchors.conf; path is for the messages, and
 * for the pins, which go on naming it: it has to live as long. bytes NULL: there is no such file,
 * and so no pin. A file without any is one that was cut: returns -1 for it as well as, with the
 * line, for a line that is no setting, an unknown key, a section without a pin, a pin that is none,
 * a name or a pin that is twice. */
int pga_pins_parse(struct pga_pins *pins, const char *path, const char *bytes, size_t length,
		   struct pga_error *error);

/* The same of one of the system's files, or of a user's. */
int pga_pins_parse_file(struct pga_pins *pins, const char *path, const char *bytes, size_t length,
			bool system, struct pga_error *error);

/* Reads the system's files and the user's anchors.conf; no file is no pins. Where the policy says
 * user-anchors = refuse, nothing of the user's counts, whatever it says; policy NULL: it counts in
 * any case. The same name or pin may stand in several files: policy/trust.h has what then holds.
 * Returns -1 for a file that pga_pins_parse() does not take, one that cannot be read, and one of
 * the system's that others can write: pins that cannot be known refuse. */
int pga_pins_load(struct pga_pins *pins, const struct pga_policy *policy, struct pga_error *error);

/* The same in a process that has loaded its pins before, whether or not that was successful: a
 * user's file that is out of its reach by now (base/userfile.h) says what it said then. */
int pga_pins_reload(struct pga_pins *pins, const struct pga_policy *policy,
		    const struct pga_pins *before, struct pga_error *error);

/* Whether no file that the pins came from has changed since. */
bool pga_pins_is_fresh(const struct pga_pins *pins);

/* Makes by_pin and by_name. Returns -1 for want of memory. */
int pga_pins_index(struct pga_pins *pins, struct pga_error *error);

/* How many sections have these 64 hex digits; *sections are the system's and then the user's, NULL
 * where there is none. They belong to the pins. */
size_t pga_pins_of_root(const struct pga_pins *pins, const char *pin,
			const struct pga_pin *const **sections);

/* The first of these. With this name: the user's own, or else the first of the system's. NULL where
 * there is none. */
const struct pga_pin *pga_pins_find(const struct pga_pins *pins, const char *pin);
const struct pga_pin *pga_pins_named(const struct pga_pins *pins, const char *name);

void pga_pins_free(struct pga_pins *pins);

#endif
