/* base/guess.h: distances against the definition, and which words are near. */
#include "cmocka_start.h"

#include "base/guess.h"

#include <stdlib.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment by its recursive definition, of the first i and j letters. */
static size_t by_definition(const char *a, size_t i, const char *b, size_t j)
{
	size_t best;

	if (i == 0 || j == 0)
		return i + j;
	best = least(by_definition(a, i - 1, b, j), by_definition(a, i, b, j - 1)) + 1;
	best = least(best, by_definition(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]));
	if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
		best = least(best, by_definition(a, i - 2, b, j - 2) + 1);
	return best;
}

/* One number after the other, always the same ones (Numerical Recipes' constants). */
static size_t chance(size_t *state, size_t below)
{
	*state = (*state * 1664525 + 1013904223) & 0xffffffff;
	return (*state >> 16) % below;
}

static void random_word(size_t *state, char *word, size_t most)
{
	size_t length = chance(state, most + 1);

	for (size_t i = 0; i < length; i++)
		word[i] = "abc"[chance(state, 3)];
	word[length] = '\0';
}

/* In front of each word there are letters that are no part of it. */
static void distances_are_those_of_the_definition(void **state)
{
	char first[12] = "";
	char second[12] = "";
	const char *const a = first + 3;
	const char *const b = second + 3;
	size_t number = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		for (size_t j = 0; j < 3; j++) {
			first[j] = "abc"[chance(&number, 3)];
			second[j] = "abc"[chance(&number, 3)];
		}
		random_word(&number, first + 3, 6);
		random_word(&number, second + 3, 6);
		assert_int_equal(pga_word_distance(a, b),
				 by_definition(a, strlen(a), b, strlen(b)));
	}
}

static void cases_are_the_same(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		size_t distance;
	} cases[] = {{"AMZ", "amz", 0}, {"amz", "AMZ", 0}, {"aZ", "Az", 0},
		     {"Za", "aZ", 1},   {"@", "`", 1},     {"[", "{", 1},
		     {"BA", "ab", 1},   {"0", "P", 1},     {"\xC3", "\xE3", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(pga_word_distance(cases[i].a, cases[i].b), cases[i].distance);
}

/* How far away a word may be is one less than what the guess begins with. */
static void how_far_is_near(void **state)
{
	static const size_t beginnings[] = {1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4};
	char word[14] = "";

	(void)state;
	for (size_t length = 0; length < sizeof beginnings / sizeof beginnings[0]; length++) {
		const struct pga_guess guess = pga_guess_begin(word);

		assert_null(guess.best);
		assert_int_equal(guess.distance, beginnings[length]);
		word[length] = 'x';
	}
}

static void the_nearest_is_the_best(void **state)
{
	struct pga_guess guess = pga_guess_begin("abcdef");

	(void)state;
	pga_guess_try(&guess, "abcdef", "abxxef");
	assert_string_equal(guess.best, "abxxef");
	assert_int_equal(guess.distance, 2);
	pga_guess_try(&guess, "abcdef", "abcxef");
	assert_string_equal(guess.best, "abcxef");
	assert_int_equal(guess.distance, 1);
	/* Neither one that is as near, nor one that is less so. */
	pga_guess_try(&guess, "abcdef", "abcdxf");
	pga_guess_try(&guess, "abcdef", "xxcdef");
	assert_string_equal(guess.best, "abcxef");
	/* The beginning of a word is one off, however much is missing. */
	guess = pga_guess_begin("abc");
	pga_guess_try(&guess, "abc", "ABCdefghij");
	assert_string_equal(guess.best, "ABCdefghij");
	assert_int_equal(guess.distance, 1);
	pga_guess_try(&guess, "abc", "abc");
	assert_int_equal(guess.distance, 0);
	assert_string_equal(guess.best, "abc");
}

static void words_of_any_length(void **state)
{
	char word[200];

	(void)state;
	for (size_t length = 0; length < sizeof word; length++) {
		memset(word, 'x', length);
		word[length] = '\0';
		assert_int_equal(pga_word_distance(word, ""), length <= 63 ? length : (size_t)-1);
		assert_int_equal(pga_word_distance("", word), length <= 63 ? length : (size_t)-1);
		assert_int_equal(pga_word_distance(word, word), length <= 63 ? 0 : (size_t)-1);
	}
}

static const char *guess(const char *word)
{
	static const char *const names[] = {"bootstrap", "service", "run",    "explain",
					    "enable",    "disable", "status", "log"};
	struct pga_guess best = pga_guess_begin(word);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		pga_guess_try(&best, word, names[i]);
	return best.best != NULL ? best.best : "";
}

static void near_and_far(void **state)
{
	static const char *const pairs[][2] = {
	    {"boostrap", "bootstrap"},
	    {"bootsrtap", "bootstrap"},
	    {"BOOTSTRAP", "bootstrap"},
	    {"stat", "status"},
	    {"stauts", "status"},
	    {"lgo", "log"},
	    {"logs", "log"},
	    {"rnu", "run"},
	    {"expain", "explain"},
	    {"serv", "service"},
	    {"enabled", "enable"},
	    {"exp", "explain"},
	    {"se", ""},
	    {"x", ""},
	    {"", ""},
	    {"psql", ""},
	    {"connect", ""},
	    {"explore", ""},
	    {"boooootstrap", "bootstrap"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		assert_string_equal(guess(pairs[i][0]), pairs[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(distances_are_those_of_the_definition),
	    cmocka_unit_test(cases_are_the_same),
	    cmocka_unit_test(how_far_is_near),
	    cmocka_unit_test(the_nearest_is_the_best),
	    cmocka_unit_test(words_of_any_length),
	    cmocka_unit_test(near_and_far),
	};

	return cmocka_run_group_tests_name("guess", tests, NULL, NULL);
}
