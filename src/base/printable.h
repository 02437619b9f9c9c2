/* Texts of strangers, made safe to look at. */
#ifndef PGA_BASE_PRINTABLE_H
#define PGA_BASE_PRINTABLE_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* A stranger's name may be of any length: nobody reads more of it than these bytes. */
#define PGA_LONGEST_SHOWN 200

/* The character at the start of the text, and how many bytes it has; 0 bytes where it is no UTF-8.
 */
size_t pga_character(const char *text, unsigned *point);

/* Whether the character could steer a terminal, or make a text look like another: a control
 * character, one that turns the direction of writing, one that ends a line, one that is invisible.
 */
bool pga_steers(unsigned point);

/* Adds the byte as \xNN. */
void pga_text_add_escaped(struct pga_text *text, char byte);

/* Adds the text with every byte that is no UTF-8, and every one of a character that steers, as
 * \xNN, so that it cannot steer a terminal or pass for a line of ours. allowed: characters that
 * stay although they steer. */
void pga_text_add_printable(struct pga_text *copy, const char *text, const char *allowed);

#endif
