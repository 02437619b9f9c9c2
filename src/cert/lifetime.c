#include "cert/lifetime.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	char letter;
	long seconds;
} units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { UNITS = sizeof units / sizeof units[0] };

/* A hundred years: what is longer is a mistake, and would not fit everywhere. */
#define MOST (36525L * 86400)

static long unit_of(char letter)
{
	for (size_t i = 0; i < UNITS; i++)
		if (letter == units[i].letter)
			return units[i].seconds;
	return 0;
}

bool pga_lifetime_read(const char *word, long *seconds)
{
	*seconds = 0;
	do {
		const size_t digits = strspn(word, "0123456789");
		const long unit = unit_of(word[digits]);
		const long number = strtol(word, NULL, 10);

		if (digits == 0 || digits > 10 || word[digits] == '\0' || unit == 0 ||
		    number > MOST / unit || number * unit > MOST - *seconds)
			return false;
		*seconds += number * unit;
		word += digits + 1;
	} while (*word != '\0');
	return *seconds > 0;
}

void pga_lifetime_tell(long seconds, struct pga_text *text)
{
	unsigned said = 0;

	/* Weeks are for who writes them. */
	for (size_t i = 1; i < UNITS && said < 2; i++) {
		const long number = seconds / units[i].seconds;

		if (number > 0)
			pga_text_addf(text, "%ld%c", number, units[i].letter);
		if (number > 0 || said > 0)
			said++;
		seconds %= units[i].seconds;
	}
	if (said == 0)
		pga_text_add(text, "0s");
}
