/* Texts of strangers, made safe to look at. */
#ifndef PGA_BASE_PRINTABLE_H
#define PGA_BASE_PRINTABLE_H

#include "base/text.h"

/* A stranger's name may be of any length: nobody reads more of it than these bytes. */
#define PGA_LONGEST_SHOWN 200

/* Adds the text with every byte that is no UTF-8, every control character and every one that turns
 * the direction of writing as \xNN, so that it cannot steer a terminal or pass for a line of ours.
 * allowed: characters that stay although they steer. */
void pga_text_add_printable(struct pga_text *copy, const char *text, const char *allowed);

#endif
