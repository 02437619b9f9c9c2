#include "base/guess.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define LONGEST      63
#define SHORTEST     3 /* beginning of a name that is taken for it */
#define MOST_LETTERS 3 /* that may be wrong, however long the word is */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One row of the table: of a's first i letters and each beginning of b. before and earlier are the
 * rows above. */
static void fill_row(const char *a, size_t i, const char *b, size_t *row, const size_t *before,
		     const size_t *earlier)
{
	row[0] = i;
	for (size_t j = 1; b[j - 1] != '\0'; j++) {
		const char one = pga_lower(a[i - 1]);
		const char other = pga_lower(b[j - 1]);

		row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + (one != other));
		if (i > 1 && j > 1 && one == pga_lower(b[j - 2]) && other == pga_lower(a[i - 2]))
			row[j] = least(row[j], earlier[j - 2] + 1);
	}
}

size_t pga_word_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1] = {{0}};
	const size_t length = strlen(b);

	if (length > LONGEST || strlen(a) > LONGEST)
		return (size_t)-1;
	for (size_t j = 0; j <= length; j++)
		rows[0][j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++)
		fill_row(a, i, b, rows[i % 3], rows[(i + 2) % 3], rows[(i + 1) % 3]);
	return rows[strlen(a) % 3][length];
}

struct pga_guess pga_guess_begin(const char *word)
{
	const size_t length = strlen(word);
	/* A third of the letters; of two, one. */
	const size_t most = length < 2 ? 0 : length < 3 ? 1 : (length + 1) / 3;

	return (struct pga_guess){NULL, least(most, MOST_LETTERS) + 1};
}

void pga_guess_try(struct pga_guess *guess, const char *word, const char *name)
{
	const size_t length = strlen(word);
	size_t distance = pga_word_distance(word, name);

	if (length >= SHORTEST && strncasecmp(word, name, length) == 0)
		distance = least(distance, 1);
	if (distance >= guess->distance)
		return;
	guess->best = name;
	guess->distance = distance;
}
