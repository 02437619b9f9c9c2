/* base/printable.h: every character that there is, every sequence of bytes that is none, and what
 * of them reaches a terminal. */
#include "cmocka_start.h"

#include "base/printable.h"

#include <stdio.h>
#include <string.h>

#define LAST_POINT 0x10FFFFU

/* RFC 3629, section 3. */
static size_t encode(unsigned point, char bytes[5])
{
	static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
	const size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	memset(bytes, 0, 5);
	for (size_t i = length; i-- > 1; point >>= 6)
		bytes[i] = (char)(0x80 | (point & 0x3F));
	bytes[0] = (char)(marks[length] | point);
	return length;
}

static void every_character(void **state)
{
	(void)state;
	for (unsigned point = 1; point <= LAST_POINT; point++) {
		char bytes[5];
		const size_t length = encode(point, bytes);
		const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
		unsigned told;

		if (pga_character(bytes, &told) != (is_surrogate ? 0 : length))
			fail_msg("U+%04X", point);
		if (!is_surrogate && told != point)
			fail_msg("U+%04X is told as U+%04X", point, told);
		/* Without its last byte it is none. */
		bytes[length - 1] = '\0';
		if (length > 1 && pga_character(bytes, &told) != 0)
			fail_msg("U+%04X cut", point);
	}
}

static void bytes_that_are_none(void **state)
{
	/* Bytes behind none, forms that are too long, what is above the last character, and bytes
	 * that UTF-8 never has (RFC 3629, sections 1 and 3). */
	/* NOLINTBEGIN(bugprone-suspicious-missing-comma): an A may be no part of the number before
	 * it */
	static const char *const wrong[] = {"\x80",
					    "\xBF",
					    "\xC0\x80",
					    "\xC1\xBF",
					    "\xE0\x80\x80",
					    "\xE0\x9F\xBF",
					    "\xF0\x80\x80\x80",
					    "\xF0\x8F\xBF\xBF",
					    "\xF4\x90\x80\x80",
					    "\xF5\x80\x80\x80",
					    "\xF7\xBF\xBF\xBF",
					    "\xF8\x88\x80\x80\x80",
					    "\xFE",
					    "\xFF",
					    "\xC3"
					    "A",
					    "\xE2\x82"
					    "A",
					    "\xE2"
					    "A\xAC",
					    "\xF0\x9F\x94"
					    "A",
					    "\xC3\xC3",
					    "\xED\xA0\x80"};
	/* NOLINTEND(bugprone-suspicious-missing-comma) */

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		char first[8];
		unsigned point;

		if (pga_character(wrong[i], &point) != 0)
			fail_msg("sequence %zu is no character", i);
		pga_text_add_printable(&text, wrong[i], "");
		(void)snprintf(first, sizeof first, "\\x%02X",
			       (unsigned)(unsigned char)wrong[i][0]);
		assert_memory_equal(pga_text_string(&text), first, 4);
		pga_text_free(&text);
	}
}

/* The first and the last of what may not reach a terminal, and their neighbours that may. */
static void what_steers(void **state)
{
	static const struct {
		unsigned first;
		unsigned last;
		const char *what;
	} ranges[] = {
	    {0x01, 0x1F, "C0"},
	    {0x7F, 0x9F, "DEL, C1"},
	    {0xAD, 0xAD, "soft hyphen"},
	    {0x61C, 0x61C, "Arabic letter mark"},
	    {0x200B, 0x200F, "zero width, marks of direction"},
	    {0x2028, 0x202E, "line and paragraph separator, embeddings and overrides"},
	    {0x2060, 0x206F, "joiners, isolates"},
	    {0xFEFF, 0xFEFF, "byte order mark"},
	    {0xFFF0, 0xFFFB, "interlinear annotation"},
	    {0xE0000, 0xE0FFF, "tags"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		for (unsigned point = ranges[i].first; point <= ranges[i].last; point++)
			if (!pga_steers(point))
				fail_msg("%s: U+%04X", ranges[i].what, point);
		assert_false(pga_steers(ranges[i].last + 1));
		if (ranges[i].first > 1)
			assert_false(pga_steers(ranges[i].first - 1));
	}
	assert_false(pga_steers('A'));
	assert_false(pga_steers(0xE9));
	assert_false(pga_steers(0x1F512));
	assert_false(pga_steers(LAST_POINT));
}

static void what_is_printed(void **state)
{
	static const struct {
		const char *text;
		const char *allowed;
		const char *printed;
	} cases[] = {
	    {"", "", ""},
	    {"plain \xC3\xA9 \xF0\x9F\x94\x92", "", "plain \xC3\xA9 \xF0\x9F\x94\x92"},
	    {"a\nb\tc", "", "a\\x0Ab\\x09c"},
	    {"a\nb\tc", "\n", "a\nb\\x09c"},
	    {"a\nb\tc", "\n\t", "a\nb\tc"},
	    {"\033[2J", "\n", "\\x1B[2J"},
	    /* NOLINTNEXTLINE(misc-misleading-bidirectional): that is the point */
	    {"\xE2\x80\xAEx", "", "\\xE2\\x80\\xAEx"},
	    {"\xC2\x9B", "\xC3", "\\xC2\\x9B"},
	    {"a\xFF\xC3", "", "a\\xFF\\xC3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add_printable(&text, cases[i].text, cases[i].allowed);
		assert_string_equal(pga_text_string(&text), cases[i].printed);
		pga_text_free(&text);
	}
}

/* No character begins with these (RFC 3629), whatever follows. */
static void bytes_that_begin_nothing(void **state)
{
	(void)state;
	for (unsigned first = 0xF5; first <= 0xFF; first++)
		for (unsigned second = 0x80; second < 0xC0; second++) {
			const char text[] = {(char)first, (char)second, (char)0x80, (char)0x80,
					     '\0'};
			unsigned point;

			assert_int_equal(pga_character(text, &point), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_that_begin_nothing), cmocka_unit_test(every_character),
	    cmocka_unit_test(bytes_that_are_none),      cmocka_unit_test(what_steers),
	    cmocka_unit_test(what_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
