/* report/table.h: columns, on a terminal and off it, and where memory runs out. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "report/table.h"

static bool is_terminal;

int __wrap_isatty(int file);
int __wrap_isatty(int file)
{
	assert_int_equal(file, 1);
	return is_terminal ? 1 : 0;
}

/* Its first columns and rows. */
struct part {
	size_t columns;
	size_t rows;
	bool marked;
};

static int print_part(void *context)
{
	static const char *const heading[] = {"NAME", "WHAT", "END"};
	static const char *const cells[] = {
	    "a",  "long enough", "x", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F!", NULL, "y",
	    NULL, "b\033[31m",   NULL};
	static const enum pga_colour marks[] = {PGA_GREEN, PGA_PLAIN, PGA_RED};
	const struct part *part = context;

	pga_print_table(stdout, heading, cells, part->columns, part->rows,
			part->marked ? marks : NULL);
	return 0;
}

static void assert_table(size_t columns, size_t rows, bool marked, const char *output)
{
	struct part part = {columns, rows, marked};

	assert_int_equal(prints(print_part, &part), 0);
	assert_string_equal(printed.output, output);
	assert_string_equal(printed.errors, "");
}

#define WHOLE                                                 \
	"NAME   WHAT         END\n"                           \
	"a      long enough  x\n"                             \
	"\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F!               y\n" \
	"       b\\x1B[31m    \n"

static void columns(void **state)
{
	(void)state;
	assert_int_equal(setenv("TERM", "xterm", 1) | unsetenv("NO_COLOR"), 0);
	is_terminal = true;
	assert_table(3, 3, true,
		     "\033[1mNAME   WHAT         END\033[0m\n"
		     "\033[32ma      long enough  x\033[0m\n"
		     "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F!               y\n"
		     "\033[31m       b\\x1B[31m    \033[0m\n");
	is_terminal = false;
	assert_table(3, 3, true, WHOLE);
	assert_table(1, 2, false, "NAME\na\nlong enough\n");
}

/* Nothing of a stranger's is printed as it is for want of memory, and a table that is not there is
 * told of. */
static void without_memory(void **state)
{
	struct part part = {3, 3, true};
	long number = 0;

	(void)state;
	is_terminal = false;
	do {
		has_failed = false;
		left = ++number;
		assert_int_equal(prints(print_part, &part), 0);
		left = 0;
		assert_null(strchr(printed.output, '\033'));
		if (has_failed)
			assert_string_equal(printed.output, "out of memory\n");
	} while (has_failed);
	assert_true(number > 1);
	assert_string_equal(printed.output, WHOLE);
	pga_cells_free(NULL, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
