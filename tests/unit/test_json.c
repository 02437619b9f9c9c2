/* report/json.h: any bytes become JSON that a terminal can be shown, or there is no report. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "base/terminal.h"
#include "cli/cli.h"
#include "report/json.h"

/* ---- strings ---- */

static const struct {
	const char *text;
	const char *string;
} texts[] = {
    {"", ""},
    {"plain", "plain"},
    {"line\nnext", "line\nnext"},
    {"\xC3\xA4", "\xC3\xA4"},
    {"\xFF", "\\xFF"},
    {"\xFF\xFE", "\\xFF\\xFE"},
    {"a\xC3\xA4\x80z", "a\xC3\xA4\\x80z"},
    {"\xE2\x82", "\\xE2\\x82"},
    {"\xED\xA0\x80", "\\xED\\xA0\\x80"},
};

static void any_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		json_t *string = pga_json_text(texts[i].text);

		assert_string_equal(json_string_value(string), texts[i].string);
		json_decref(string);
	}
}

static const struct {
	const char *text;
	const char *lines[3];
} several[] = {
    {"", {NULL}},
    {"one", {"one"}},
    {"one\n", {"one"}},
    {"one\ntwo", {"one", "two"}},
    {"\none", {"", "one"}},
    {"one\n\ntwo\n", {"one", "", "two"}},
    {"\xFF\na\xFF", {"\\xFF", "a\\xFF"}},
};

static void assert_lines(const json_t *array, const char *const lines[3])
{
	size_t count = 0;

	while (count < 3 && lines[count] != NULL)
		count++;
	assert_int_equal(json_array_size(array), count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(json_string_value(json_array_get(array, i)), lines[i]);
}

static void lines_of_a_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(several); i++) {
		json_t *array = pga_json_lines(several[i].text);

		assert_true(json_is_array(array));
		assert_lines(array, several[i].lines);
		json_decref(array);
	}
}

/* ---- what is printed ---- */

static json_t *object;
static int status;

static int print(void *context)
{
	(void)context;
	return pga_json_print(object, status);
}

/* The object's "a" is this; it has warnings of its own. */
static void assert_prints(const char *string, const char *shown)
{
	char expected[200];

	object = json_pack("{s:s, s:[]}", "a", string, "warnings");
	assert_int_equal(prints(print, NULL), status);
	(void)snprintf(expected, sizeof expected, "{\n  \"a\": \"%s\",\n  \"warnings\": []\n}\n",
		       shown);
	assert_string_equal(printed.output, expected);
	assert_string_equal(printed.errors, "");
}

static void what_steers_a_terminal(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
	} cases[] = {
	    {"\033[31m", "\\u001B[31m"},
	    {"a\nb\"\\", "a\\nb\\\"\\\\"},
	    {"\x7F", "\\u007F"},
	    {"\xC2\x85z", "\\u0085z"},
	    {"\xC3\xA4", "\xC3\xA4"},
	    {"\xE2\x80\xAE", "\\u202E"},
	    {"\xEF\xBB\xBF", "\\uFEFF"},
	    {"\xF0\x90\x80\x80", "\xF0\x90\x80\x80"},
	    /* U+1D173, U+E0041 and U+E0FFF: as in RFC 8259, section 7. */
	    {"\xF0\x9D\x85\xB3", "\\uD834\\uDD73"},
	    {"\xF3\xA0\x81\x81", "\\uDB40\\uDC41"},
	    {"\xF3\xA0\xBF\xBF", "\\uDB43\\uDFFF"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		status = i % 2 == 0 ? PGA_EXIT_DONE : PGA_EXIT_WEAK;
		assert_prints(cases[i].text, cases[i].shown);
	}
}

static int warn(void *context)
{
	(void)context;
	pga_print_warning("first\n  of two");
	pga_print_warning("second");
	return 0;
}

static void what_was_warned_of(void **state)
{
	(void)state;
	status = PGA_EXIT_DONE;
	object = json_object();
	assert_int_equal(prints(print, NULL), PGA_EXIT_DONE);
	assert_string_equal(printed.output, "{\n  \"warnings\": []\n}\n");
	(void)prints(warn, NULL);
	object = json_object();
	assert_int_equal(prints(print, NULL), PGA_EXIT_DONE);
	assert_string_equal(
	    printed.output,
	    "{\n  \"warnings\": [\n    \"first of two\",\n    \"second\"\n  ]\n}\n");
	assert_prints("b", "b");
}

/* ---- want of memory ---- */

#define NO_REPORT "pganchor: could not write the report as JSON\n"

static void no_report(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		object = NULL;
		status = i == 0 ? PGA_EXIT_DONE : PGA_EXIT_WEAK;
		assert_int_equal(prints(print, NULL), PGA_EXIT_FAILED);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, NO_REPORT);
	}
}

static void no_string_is_a_part_of_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		long number = 0;

		do {
			json_t *string;

			has_failed = false;
			left = ++number;
			string = pga_json_text(texts[i].text);
			left = 0;
			/* What jansson had no memory for may be had by the second way. */
			if (string != NULL)
				assert_string_equal(json_string_value(string), texts[i].string);
			else
				assert_true(has_failed);
			json_decref(string);
		} while (has_failed);
		assert_true(number > 1);
	}
}

static void no_line_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(several); i++) {
		long number = 0;
		long failed = 0;

		do {
			json_t *array;

			has_failed = false;
			left = ++number;
			array = pga_json_lines(several[i].text);
			left = 0;
			failed += array == NULL;
			assert_true(array != NULL || has_failed);
			if (array != NULL)
				assert_lines(array, several[i].lines);
			json_decref(array);
		} while (has_failed);
		assert_true(failed > 0);
	}
}

static void all_is_printed_or_nothing(void **state)
{
	long number = 0;
	long failed = 0;

	(void)state;
	status = PGA_EXIT_WEAK;
	do {
		int result;

		object = json_pack("{s:s}", "a", "\xE2\x80\xAE");
		assert_non_null(object);
		has_failed = false;
		left = ++number;
		result = prints(print, NULL);
		left = 0;
		if (result == PGA_EXIT_WEAK) {
			assert_non_null(strstr(printed.output, "\\u202E"));
			assert_non_null(strstr(printed.output, "second"));
			assert_string_equal(printed.errors, "");
			continue;
		}
		failed++;
		assert_true(has_failed);
		assert_int_equal(result, PGA_EXIT_FAILED);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, NO_REPORT);
	} while (has_failed);
	assert_true(failed > 5);
}

/* What could not be added is not left out either. */
static int print_without(void *context)
{
	json_t *report = json_pack("{s:[]}", "list");

	if (context != NULL)
		pga_json_add(json_object_get(report, "list"), NULL);
	else
		pga_json_set(report, "key", NULL);
	return pga_json_print(report, PGA_EXIT_WEAK);
}

static int print_with(void *context)
{
	json_t *report = json_pack("{s:[]}", "list");

	(void)context;
	pga_json_add(json_object_get(report, "list"), json_string("item"));
	pga_json_set(report, "key", json_string("value"));
	return pga_json_print(report, PGA_EXIT_WEAK);
}

static void what_is_added(void **state)
{
	static char list[] = "list";

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(prints(print_without, i == 0 ? list : NULL), PGA_EXIT_FAILED);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, NO_REPORT);
		/* It is not so for ever. */
		assert_int_equal(prints(print_with, NULL), PGA_EXIT_WEAK);
		assert_non_null(strstr(printed.output, "\"item\""));
		assert_non_null(strstr(printed.output, "\"key\": \"value\""));
		assert_string_equal(printed.errors, "");
	}
}

/* jansson's memory runs out as ours does. */
static int lead_jansson(void **state)
{
	(void)state;
	json_set_alloc_funcs(malloc, free);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_bytes),
	    cmocka_unit_test(lines_of_a_text),
	    cmocka_unit_test(what_steers_a_terminal),
	    cmocka_unit_test(what_was_warned_of),
	    cmocka_unit_test(no_report),
	    cmocka_unit_test(no_string_is_a_part_of_one),
	    cmocka_unit_test(no_line_is_left_out),
	    cmocka_unit_test(all_is_printed_or_nothing),
	    cmocka_unit_test(what_is_added),
	};

	return cmocka_run_group_tests(tests, lead_jansson, NULL);
}
