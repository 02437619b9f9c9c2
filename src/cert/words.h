/* A line of words, as a program is started by: no shell is in between. */
#ifndef PGA_CERT_WORDS_H
#define PGA_CERT_WORDS_H

#include "base/error.h"

#include <stddef.h>

/* As many words as a program may get. */
#define PGA_WORDS_MOST 15

struct pga_words {
	char *words[PGA_WORDS_MOST + 1]; /* NULL behind the last */
	size_t count;
};

/* Splits the line at blanks. Quotes of either kind keep them, and a backslash the character behind
 * it. Returns -1 for no word at all, too many, a quote that does not end, and, outside of quotes,
 * for what only a shell would understand. To be freed in either case. */
int pga_words_split(const char *line, struct pga_words *words, struct pga_error *error);

void pga_words_free(struct pga_words *words);

#endif
