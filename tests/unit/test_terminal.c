/* base/terminal.h: what a terminal is shown, and what goes to a file; and what is printed where
 * memory runs out. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "base/error.h"
#include "base/terminal.h"

#include <stdarg.h>

static bool is_terminal;
static bool no_message; /* vasprintf() has no memory */

int __wrap_isatty(int file);
int __real_vasprintf(char **result, const char *format, va_list arguments);
int __wrap_vasprintf(char **result, const char *format, va_list arguments);
int __wrap___vasprintf_chk(char **result, int flag, const char *format, va_list arguments);

int __wrap_isatty(int file)
{
	assert_true(file == 1 || file == 2);
	return is_terminal ? 1 : 0;
}

__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **result, const char *format,
							   va_list arguments)
{
	static char garbage[] = "garbage";

	if (!no_message)
		return __real_vasprintf(result, format, arguments);
	/* What it leaves there nobody may look at. */
	*result = garbage;
	return -1;
}

/* The same, as a build with _FORTIFY_SOURCE calls it. */
__attribute__((format(printf, 3, 0))) int __wrap___vasprintf_chk(char **result, int flag,
								 const char *format,
								 va_list arguments)
{
	(void)flag;
	return __wrap_vasprintf(result, format, arguments);
}

static int make_terminal(void **state)
{
	(void)state;
	is_terminal = true;
	no_message = false;
	left = 0;
	return setenv("TERM", "xterm", 1) | unsetenv("NO_COLOR");
}

static void colours_of_a_terminal(void **state)
{
	static const char *const sequences[] = {[PGA_PLAIN] = "\033[0m",
						[PGA_BOLD] = "\033[1m",
						[PGA_RED] = "\033[31m",
						[PGA_GREEN] = "\033[32m",
						[PGA_YELLOW] = "\033[33m"};
	static const struct {
		const char *term;
		const char *no_color;
		bool terminal;
		bool coloured;
	} cases[] = {
	    {"xterm", NULL, true, true},  {"xterm", "", true, true}, {"xterm", "1", true, false},
	    {"dumb", NULL, true, false},  {NULL, NULL, true, false}, {"xterm", NULL, false, false},
	    {"dumber", NULL, true, true}, {"dum", "", true, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		is_terminal = cases[i].terminal;
		assert_int_equal(
		    cases[i].term != NULL ? setenv("TERM", cases[i].term, 1) : unsetenv("TERM"), 0);
		assert_int_equal(cases[i].no_color != NULL
				     ? setenv("NO_COLOR", cases[i].no_color, 1)
				     : unsetenv("NO_COLOR"),
				 0);
		for (int colour = PGA_PLAIN; colour <= PGA_YELLOW; colour++)
			assert_string_equal(pga_colour(stdout, (enum pga_colour)colour),
					    cases[i].coloured ? sequences[colour] : "");
	}
}

/* What is printed by a call of one of the functions. */
enum what { TEXT, ERROR, WARNING };

struct printing {
	enum what what;
	const char *text;
	const char *hint;
};

static int print_it(void *context)
{
	const struct printing *printing = context;
	struct pga_error error;

	switch (printing->what) {
	case TEXT:
		pga_print(stdout, "%s", printing->text);
		break;
	case ERROR:
		(void)pga_fail(&error, printing->hint, "%s", printing->text);
		pga_print_error(&error);
		break;
	case WARNING:
		pga_print_warning("%s", printing->text);
		break;
	}
	return 0;
}

static void assert_printed(enum what what, const char *text, const char *hint, const char *output,
			   const char *errors)
{
	struct printing printing = {what, text, hint};

	assert_int_equal(prints(print_it, &printing), 0);
	assert_string_equal(printed.output, output);
	assert_string_equal(printed.errors, errors);
}

/* Our colours stay, and nobody else's do. */
static void what_could_steer_a_terminal(void **state)
{
	(void)state;
	assert_printed(TEXT, "", NULL, "", "");
	assert_printed(TEXT, "a\tb\n", NULL, "a\tb\n", "");
	assert_printed(TEXT, "\033[31mred\033[0m", NULL, "\033[31mred\033[0m", "");
	assert_printed(TEXT, "\033[1m\033[32m\033[33m", NULL, "\033[1m\033[32m\033[33m", "");
	assert_printed(TEXT, "a\033[34mb\033c\033[0mz", NULL, "a\\x1B[34mb\\x1Bc\033[0mz", "");
	assert_printed(TEXT, "\033", NULL, "\\x1B", "");
	assert_printed(TEXT, "\r\xE2\x80\xAE", NULL, "\\x0D\\xE2\\x80\\xAE", "");
	is_terminal = false;
	assert_printed(TEXT, "\033[31mred", NULL, "\\x1B[31mred", "");
	assert_printed(TEXT, "a\033[0m", NULL, "a\\x1B[0m", "");
}

static void errors_and_warnings(void **state)
{
	static char endless[6000];
	static char cut[4096];

	(void)state;
	assert_string_equal(pga_warnings(), "");
	assert_printed(ERROR, "a\nb\a", NULL, "", "\033[31mpganchor: a\nb\\x07\033[0m\n");
	assert_printed(ERROR, "a", "do b\033", "", "\033[31mpganchor: a\033[0m\n    do b\\x1B\n");
	assert_printed(WARNING, "one", NULL, "", "\033[33mpganchor: warning:\033[0m one\n");
	assert_string_equal(pga_warnings(), "one");
	is_terminal = false;
	assert_printed(ERROR, "a", "do b", "", "pganchor: a\n    do b\n");
	/* In a report a warning is one line. */
	assert_printed(WARNING, "two\n    more\n  and  more\n", NULL, "",
		       "pganchor: warning: two\n    more\n  and  more\n\n");
	assert_string_equal(pga_warnings(), "one\ntwo more and  more");
	assert_printed(WARNING, "", NULL, "", "pganchor: warning: \n");
	assert_printed(WARNING, "three\033", NULL, "", "pganchor: warning: three\\x1B\n");
	assert_string_equal(pga_warnings(), "one\ntwo more and  more\n\nthree\033");
	no_message = true;
	assert_printed(WARNING, "four", NULL, "", "pganchor: warning: four\n");
	assert_string_equal(pga_warnings(), "one\ntwo more and  more\n\nthree\033\nfour");
	/* What there is to tell is told from the stack, as far as there is room. */
	assert_printed(TEXT, "five", NULL, "five", "");
	memset(endless, 'x', sizeof endless - 1);
	memset(cut, 'x', sizeof cut - sizeof "...");
	memcpy(cut + sizeof cut - sizeof "...", "...", sizeof "...");
	assert_printed(TEXT, endless, NULL, cut, "");
}

/* Nothing of a stranger's is printed as it is for want of memory, and all of ours is. */
static void without_memory(void **state)
{
	static const struct printing texts[] = {
	    {TEXT, "a\r\nb", NULL}, {WARNING, "w\r\nb", NULL}, {ERROR, "e\r\nb", NULL}};
	static const char *const expected[] = {"a?\nb", "pganchor: warning: w?\nb\n",
					       "pganchor: e?\nb\n"};

	(void)state;
	is_terminal = false;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct printing printing = texts[i];
		char whole[2][sizeof printed.output];
		long number = 0;

		assert_int_equal(prints(print_it, &printing), 0);
		(void)snprintf(whole[0], sizeof whole[0], "%s", printed.output);
		(void)snprintf(whole[1], sizeof whole[1], "%s", printed.errors);
		do {
			has_failed = false;
			left = ++number;
			assert_int_equal(prints(print_it, &printing), 0);
			left = 0;
			if (has_failed)
				assert_string_equal(texts[i].what == TEXT ? printed.output
									  : printed.errors,
						    expected[i]);
		} while (has_failed);
		assert_true(number > 1);
		assert_string_equal(printed.output, whole[0]);
		assert_string_equal(printed.errors, whole[1]);
	}
	left = 1;
	assert_null(pga_printable("a"));
	left = 0;
}

#define ON_A_TERMINAL(test) cmocka_unit_test_setup(test, make_terminal)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_A_TERMINAL(colours_of_a_terminal),
	    ON_A_TERMINAL(what_could_steer_a_terminal),
	    ON_A_TERMINAL(errors_and_warnings),
	    ON_A_TERMINAL(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
