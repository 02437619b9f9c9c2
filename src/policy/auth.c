#include "policy/auth.h"

#include <string.h>

/* In the order of their bits. No addresses: they would have to be relocated in every program that
 * loads the gate. */
static const char words[][16] = {"password",      "md5",   "gss", "sspi",
				 "scram-sha-256", "oauth", "none"};

#define WORDS (sizeof words / sizeof words[0])

_Static_assert((1U << WORDS) - 1 == PGA_AUTH_NAMED, "each word has its bit");

/* libpq compares them to the letter. */
static unsigned bit_of(const char *word, size_t length)
{
	for (size_t i = 0; i < WORDS; i++)
		if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
			return 1U << i;
	return 0;
}

static bool is_between(char byte)
{
	return byte == ',' || byte == ' ' || byte == '\t';
}

const char *pga_auth_read(const char *list, size_t length, unsigned *methods, size_t *wrong_length)
{
	const char *const end = list + length;
	const char *at = list;

	*methods = 0;
	while (at < end) {
		const char *begin = at;
		unsigned bit;

		while (at < end && !is_between(*at))
			at++;
		*wrong_length = (size_t)(at - begin);
		bit = bit_of(begin, *wrong_length);
		if (bit == 0 && at > begin)
			return begin;
		*methods |= bit;
		if (at < end)
			at++;
	}
	*wrong_length = length;
	return *methods == 0 ? list : NULL;
}

/* As parse_comma_separated_list() takes it apart: no blanks are skipped. */
unsigned pga_auth_admitted(const char *value)
{
	const bool negated = value[0] == '!';
	unsigned named = 0;

	if (value[0] == '\0')
		return PGA_AUTH_ALL;
	for (;;) {
		const char *word = value[0] == '!' ? value + 1 : value;
		const size_t length = strcspn(word, ",");
		const unsigned bit = bit_of(word, length);

		/* One that has no word here is one of the others; where it is left out, they are
		 * not all left out. */
		if (bit != 0 || !negated)
			named |= bit != 0 ? bit : PGA_AUTH_OTHER;
		if (word[length] == '\0')
			return negated ? PGA_AUTH_ALL & ~named : named;
		value = word + length + 1;
	}
}

bool pga_auth_names(const char *value)
{
	return value[0] != '\0' && value[0] != '!';
}

void pga_auth_text(unsigned methods, char text[PGA_AUTH_TEXT])
{
	size_t length = 0;

	for (size_t i = 0; i < WORDS; i++) {
		const size_t more = strlen(words[i]);

		if ((methods & 1U << i) == 0)
			continue;
		if (length > 0)
			text[length++] = ',';
		memcpy(text + length, words[i], more);
		length += more;
	}
	text[length] = '\0';
}
