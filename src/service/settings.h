/* The settings of a service entry before they are written: which of them this libpq knows, and
 * which of them a line of pg_service.conf can hold. What they mean is libpq's to say: see
 * evaluate.h. */
#ifndef PGA_SERVICE_SETTINGS_H
#define PGA_SERVICE_SETTINGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* libpq 15 reads a line into 1,024 bytes and calls it an error when it fills them
 * (parseServiceFile()): the longest line that every libpq reads, line end included. */
#define PGA_SERVICE_LINE_LIMIT 1022

struct pga_setting {
	char *keyword;
	char *value;
};

struct pga_settings {
	struct pga_setting *items; /* in the order in which they are written */
	size_t count;
};

/* Adds a copy of the setting at the end. Returns -1 for a keyword that is there already. */
int pga_settings_add(struct pga_settings *settings, const char *keyword, const char *value,
		     struct pga_error *error);

/* The value of a setting; NULL where it is not among them. */
const char *pga_settings_value(const struct pga_settings *settings, const char *keyword);

/* Checks what libpq would notice late or never: keywords that it does not know, values that a line
 * cannot hold, numbers that are none, files that would be looked for in whatever directory the
 * program runs in. */
int pga_settings_check(const struct pga_settings *settings, struct pga_error *error);

/* Checks a setting that libpq takes for a number only when it is about to use it (port, keepalives
 * and the like): it has to be one that libpq reads, with nothing behind it. Any other setting
 * passes.
 */
int pga_number_check(const char *keyword, const char *value, struct pga_error *error);

/* What a command that is shown has in the place of a value that may be secret: no value. */
#define PGA_SECRET_LEFT_OUT "..."

/* Checks that "[NAME]" is a header that libpq finds again. One that is_there may hold what nobody
 * would want in a new one: a tab, say. */
int pga_service_name_check(const char *name, bool is_there, struct pga_error *error);

void pga_settings_free(struct pga_settings *settings);

#endif
