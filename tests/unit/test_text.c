/* base/text.h: what is shortened, in every length and behind every byte of a character; and a
 * string that changes while it is written. */
#include "cmocka_start.h"

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"

#include <errno.h>
#include <printf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define LONGEST 600

/* Characters of one to four bytes, and bytes that are none. */
static const char *const fillings[] = {"x",    "\xC3\xA9",    "\xE2\x82\xAC", "\xF0\x9F\x94\x92",
				       "\xFF", "\x80",        "\xC3",         "\xF0\x9F",
				       "\033", "\\x\xE2\x82", "a\xC3\xA9"};

#define FILLINGS (sizeof fillings / sizeof fillings[0])

/* A string of so many bytes, in a block that has not one more: ASan and valgrind see who writes or
 * reads behind it. */
static char *string_of(const char *filling, size_t length)
{
	char *string = malloc(length + 1);

	assert_non_null(string);
	for (size_t i = 0; i < length; i++)
		string[i] = filling[i % strlen(filling)];
	string[length] = '\0';
	return string;
}

static void whole_characters_and_three_dots(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILLINGS; i++)
		for (size_t length = 0; length <= LONGEST; length++) {
			const size_t unit = strlen(fillings[i]);
			const bool is_utf8 = i < 4;
			char *string = string_of(fillings[i], length);
			struct pga_text text = PGA_TEXT_EMPTY;
			size_t kept;

			pga_text_add_shortened(&text, string, PGA_LONGEST_SHOWN);
			kept = text.length;
			if (length > PGA_LONGEST_SHOWN) {
				assert_true(kept > 3);
				kept -= 3;
				assert_string_equal(text.bytes + kept, "...");
				assert_true(kept <= PGA_LONGEST_SHOWN &&
					    kept + 4 > PGA_LONGEST_SHOWN);
				if (is_utf8)
					assert_int_equal(kept, PGA_LONGEST_SHOWN -
								   PGA_LONGEST_SHOWN % unit);
			} else {
				assert_int_equal(kept, length);
			}
			assert_memory_equal(pga_text_string(&text), string, kept);
			pga_text_free(&text);
			free(string);
		}
}

/* How a text ends in an error that has room for so much. */
static void errors_of_every_length(void **state)
{
	struct pga_error error;
	const size_t most = sizeof error.message - 1;
	const size_t most_hint = sizeof error.hint - 1;
	const char *reason = strerror(EIO);
	char text[sizeof error.message + 10];

	(void)state;
	for (size_t length = most - 200; length <= most + 5; length++) {
		const size_t with_reason = length + strlen(": ") + strlen(reason);

		memset(text, 'a', length);
		text[length] = '\0';
		assert_int_equal(pga_fail(&error, text, "%s", text), -1);
		assert_int_equal(strlen(error.message), length < most ? length : most);
		assert_int_equal(strstr(error.message, "a...") != NULL, length > most);
		assert_int_equal(strlen(error.hint), length < most_hint ? length : most_hint);
		errno = EIO;
		assert_int_equal(pga_fail_errno(&error, NULL, "%s", text), -1);
		assert_int_equal(strlen(error.message), with_reason < most ? with_reason : most);
		assert_int_equal(strstr(error.message, "a...: ") != NULL, with_reason > most);
		assert_string_equal(error.message + strlen(error.message) - strlen(reason), reason);
		assert_string_equal(error.hint, "");
	}
	assert_int_equal(pga_fail_memory(&error), -1);
	assert_string_equal(error.message, "out of memory");
	assert_string_equal(error.hint, "");
}

/* What is printed may be nothing; and a wide character that no locale has cannot be printed. */
static void what_is_printed(void **state)
{
	static const wchar_t none[] = {(wchar_t)0x7FFFFFFF, 0};
	struct pga_text text = PGA_TEXT_EMPTY;

	(void)state;
	pga_text_addf(&text, "%s", "");
	assert_false(text.failed);
	assert_string_equal(pga_text_string(&text), "");
	pga_text_addf(&text, "%d", 7);
	assert_false(text.failed);
	assert_string_equal(pga_text_string(&text), "7");
	assert_int_equal(text.length, 1);
	pga_text_addf(&text, "lost %ls", none);
	assert_true(text.failed);
	assert_string_equal(pga_text_string(&text), "7");
	assert_null(pga_text_take(&text));
}

/* No character has four bytes behind its first. */
static void what_is_no_character(void **state)
{
	static const struct {
		const char *string;
		size_t most;
		size_t whole;
	} cases[] = {
	    {"a\x80\x80\x80\x80", 4, 4},
	    {"a\x80\x80\x80", 3, 0},
	    {"a\x80\x80\x80", 4, 4},
	    {"\x80\x80", 1, 1},
	    {"aa", 1, 1},
	    {"", 3, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_text_whole(cases[i].string, cases[i].most) != cases[i].whole)
			fail_msg("case %zu", i);
}

static void every_limit(void **state)
{
	(void)state;
	for (size_t most = 0; most <= 12; most++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add_shortened(&text, "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", most);
		if (most >= 9)
			assert_string_equal(text.bytes, "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC");
		else
			assert_int_equal(text.length, most - most % 3 + 3);
		pga_text_free(&text);
	}
}

static void errors_keep_their_reason(void **state)
{
	static const char reason[] = ": No such file or directory";
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < FILLINGS; i++)
		for (size_t length = 0; length <= sizeof error.message + LONGEST; length++) {
			char *string = string_of(fillings[i], length);
			const size_t most = sizeof error.message - 1;
			size_t end;

			(void)pga_fail(&error, NULL, "%s", string);
			end = strlen(error.message);
			assert_true(end == length ||
				    (length > most && end <= most && end > most - 4));
			if (length > most)
				assert_string_equal(error.message + end - 3, "...");
			errno = ENOENT;
			(void)pga_fail_errno(&error, NULL, "%s", string);
			end = strlen(error.message);
			assert_true(end <= most && end >= strlen(reason));
			end -= strlen(reason);
			assert_string_equal(error.message + end, reason);
			assert_true(end == length ||
				    strncmp(error.message + end - 3, "...", 3) == 0);
			free(string);
		}
}

/* ---- a string that another thread changes: here, a conversion whose length is another each time
 * ---- */

static const int *lengths_to_print;

static int print_next(FILE *stream, const struct printf_info *info, const void *const *arguments)
{
	const int length = *lengths_to_print++;

	(void)info;
	(void)arguments;
	for (int i = 0; i < length; i++)
		(void)fputc('y', stream);
	return length;
}

/* printf_arginfo_size_function has it so. NOLINTNEXTLINE(readability-non-const-parameter) */
static int takes_nothing(const struct printf_info *info, size_t count, int *types, int *sizes)
{
	(void)info;
	(void)count;
	(void)types;
	(void)sizes;
	return 0;
}

static void what_was_written_is_what_counts(void **state)
{
	static const int lengths[][4] = {{10, 3}, {3, 10}, {500, 3}, {500, 0}, {500, 2000, 7}, {0}};
	/* Without what tells the compiler that it takes printf()'s conversions. */
	void (*const add)(struct pga_text * text, const char *format, ...) = pga_text_addf;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* ASan looks at formats itself, and does not know this conversion */
#endif
	assert_int_equal(register_printf_specifier('Y', print_next, takes_nothing), 0);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		lengths_to_print = lengths[i];
		add(&text, "<%Y>");
		assert_false(text.failed);
		assert_int_equal(text.length, strlen(text.bytes));
		assert_int_equal(text.bytes[text.length - 1], '>');
		assert_int_equal(text.length, lengths_to_print[-1] + 2);
		pga_text_free(&text);
	}
}

static void line_by_line(void **state)
{
	/* What each is cut into, with a "|" behind each. */
	static const char *const rows[][2] = {
	    {"", ""},    {"a", "a|"},         {"a\n", "a|"},
	    {"\n", "|"}, {"a\n\nb", "a||b|"}, {"\n\na\r\n", "||a\r|"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pga_text lines = PGA_TEXT_EMPTY;
		const char *rest = rows[i][0];
		const char *line;
		size_t length;

		while (pga_next_line(&rest, &line, &length)) {
			pga_text_add_bytes(&lines, line, length);
			pga_text_add(&lines, "|");
		}
		assert_string_equal(pga_text_string(&lines), rows[i][1]);
		assert_string_equal(rest, "");
		pga_text_free(&lines);
	}
}

static void digits_of_bytes(void **state)
{
	static const unsigned char bytes[] = {0x00, 0x0f, 0xa0, 0x9c, 0xff};
	char hex[2 * sizeof bytes + 2];

	(void)state;
	memset(hex, 'x', sizeof hex);
	pga_hex(bytes, sizeof bytes, hex);
	assert_string_equal(hex, "000fa09cff");
	assert_int_equal(hex[sizeof hex - 1], 'x');
	pga_hex(bytes, 0, hex);
	assert_string_equal(hex, "");
}

static void what_is_blank(void **state)
{
	(void)state;
	for (int byte = 0; byte <= 0xFF; byte++)
		assert_int_equal(pga_is_blank((char)byte),
				 byte != 0 && strchr(" \t\n\v\f\r", byte) != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_characters_and_three_dots),
	    cmocka_unit_test(every_limit),
	    cmocka_unit_test(errors_of_every_length),
	    cmocka_unit_test(what_is_no_character),
	    cmocka_unit_test(what_is_printed),
	    cmocka_unit_test(errors_keep_their_reason),
	    cmocka_unit_test(what_was_written_is_what_counts),
	    cmocka_unit_test(line_by_line),
	    cmocka_unit_test(digits_of_bytes),
	    cmocka_unit_test(what_is_blank),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
