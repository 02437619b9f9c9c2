/* A rule of pg_hba.conf as it may be shown: its options can hold the secret of a directory. */
#ifndef PGA_SERVER_HBA_SHOWN_H
#define PGA_SERVER_HBA_SHOWN_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the value of an option of this name may be shown. */
bool pga_hba_option_is_open(const char *name, size_t length);

/* Adds a line, with those that continue it and without its end: PGA_MASK (policy/secrets.h) stands
 * for the value of each option that may not be shown, in comments, too, and every other byte is as
 * it is. */
void pga_hba_add_shown(struct pga_text *text, const char *line, size_t length);

/* Adds what the server says of a rule that it cannot read (the column error of pg_hba_file_rules),
 * which may quote such a value. */
void pga_hba_add_error_shown(struct pga_text *text, const char *said);

#endif
