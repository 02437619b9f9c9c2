/* Words of commands that people copy into a shell. */
#ifndef PGA_BASE_SHELL_WORD_H
#define PGA_BASE_SHELL_WORD_H

#include "base/text.h"

#include <stdbool.h>

/* Whether no shell takes the word for anything but what it is. */
bool pga_shell_word_is_plain(const char *word);

/* Adds the word so that sh, dash, bash, ksh and zsh read it back, typed or in a script: as it is
 * where nothing in it means anything to them, else between single quotes, in which nothing does,
 * not even the exclamation mark that an interactive shell expands between double ones. What cannot
 * be shown (a control character, a byte that is no UTF-8) is left for printf to make; a line end in
 * bash's way, since a shell takes those off what printf says. */
void pga_text_add_shell_word(struct pga_text *text, const char *word);

#endif
