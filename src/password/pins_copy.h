/* A copy of the user's pins as one line, to be kept where who can write the user's files cannot
 * write as easily, and what has changed since:
 *
 *     pins version="1" anchors="2" name="…" pin="…" hosts="…" scope="root.crt" name="…" …
 *
 * with the values as those of policy/record.h, the anchors in the order of their names, and the
 * hosts in small letters, each once and in order. Nothing here opens a file, or asks the keyring.
 */
#ifndef PGA_PASSWORD_PINS_COPY_H
#define PGA_PASSWORD_PINS_COPY_H

#include "base/error.h"
#include "base/text.h"
#include "policy/pins.h"

#include <stddef.h>

/* What of an anchor is copied. */
enum pga_copied {
	PGA_COPIED_NAME,
	PGA_COPIED_PIN,
	PGA_COPIED_HOSTS,
	PGA_COPIED_SCOPE, /* as anchors.conf has it */
	PGA_COPIED_WORDS,
};

struct pga_copied_pin {
	char *words[PGA_COPIED_WORDS];
};

/* All zero, there is none. */
struct pga_pins_copy {
	struct pga_copied_pin *pins; /* in the order of their names */
	size_t count;
};

/* Of the user's own among these. To be freed in any case; -1 for want of memory. */
int pga_pins_copy_make(struct pga_pins_copy *copy, const struct pga_pins *pins,
		       struct pga_error *error);

/* Adds the line, without a line end. */
void pga_pins_copy_write(const struct pga_pins_copy *copy, struct pga_text *line);

/* Reads such a line. To be freed in any case; -1 where it is none. */
int pga_pins_copy_read(struct pga_pins_copy *copy, const char *line, struct pga_error *error);

void pga_pins_copy_free(struct pga_pins_copy *copy);

enum pga_pins_change {
	PGA_PINS_ADDED, /* the copy has no anchor of this name */
	PGA_PINS_GONE,  /* the copy alone has it */
	PGA_PINS_PIN,   /* it has another pin */
	PGA_PINS_WIDER, /* it is valid for hosts that it was not valid for, too */
	PGA_PINS_NARROWER,
	PGA_PINS_HOSTS, /* neither: for others */
	PGA_PINS_SCOPE,
	PGA_PINS_CHANGES,
};

struct pga_pins_difference {
	enum pga_pins_change change;
	const struct pga_copied_pin *kept; /* NULL: none */
	const struct pga_copied_pin *now;  /* NULL likewise */
};

/* What is other now than it was kept, in the order of the names. Hosts that are written otherwise
 * and mean the same are no difference. *differences is the caller's to free, and points into both;
 * -1 for want of memory. */
int pga_pins_copy_compare(const struct pga_pins_copy *kept, const struct pga_pins_copy *now,
			  struct pga_pins_difference **differences, size_t *count,
			  struct pga_error *error);

/* Has the copy follow what the user has changed, from before to after, and nothing else: what was
 * different before stays different. -1 for want of memory. */
int pga_pins_copy_follow(struct pga_pins_copy *copy, const struct pga_pins_copy *before,
			 const struct pga_pins_copy *after, struct pga_error *error);

#endif
