/* What somebody may have meant who mistyped a word. */
#ifndef PGA_BASE_GUESS_H
#define PGA_BASE_GUESS_H

#include <stddef.h>

/* How many letters have to be added, left out, replaced or swapped with the next one to make one
 * word of the other (optimal string alignment); case does not count. (size_t)-1 where one of them
 * is longer than any word that pganchor has. */
size_t pga_word_distance(const char *a, const char *b);

struct pga_guess {
	const char *best; /* the nearest so far; NULL: none is near */
	size_t distance; /* of the best one; at first, one more than the most that counts as near */
};

/* Begins a guess of this word. */
struct pga_guess pga_guess_begin(const char *word);

/* Takes the name for the best guess if no other is nearer. A name that begins with the word is
 * near, too. */
void pga_guess_try(struct pga_guess *guess, const char *word, const char *name);

#endif
