/* base/shell_word.h, base/terminal.h, report/table.h: what a person copies from the terminal, and
 * what reaches it.
 */
#include "cmocka_start.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "report/table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void words_of_a_shell(void **state)
{
	static const struct {
		const char *word;
		const char *written;
	} cases[] = {
	    {"", "''"},
	    {"plain", "plain"},
	    {"AZaz09_.-/:@%+,=", "AZaz09_.-/:@%+,="},
	    {"=a", "'=a'"},
	    {"a=b", "a=b"},
	    {"a b", "'a b'"},
	    {"~", "'~'"},
	    {"a!b", "'a!b'"},
	    {"'", "\\'"},
	    {"a'b", "'a'\\''b'"},
	    {"''", "\\'\\'"},
	    {"a\nb", "'a'$'\\012''b'"},
	    {"\n", "$'\\012'"},
	    {"\t", "\"$(printf '\\011')\""},
	    {"a\tb", "'a'\"$(printf '\\011')\"'b'"},
	    {"\033[1m", "\"$(printf '\\033')\"'[1m'"},
	    {"\xFF", "\"$(printf '\\377')\""},
	    {"\xFF\n\xFF", "\"$(printf '\\377')\"$'\\012'\"$(printf '\\377')\""},
	    {"\xC3\xA9", "'\xC3\xA9'"},
	    /* NOLINTNEXTLINE(misc-misleading-bidirectional): that is the point */
	    {"\xE2\x80\xAEx", "\"$(printf '\\342\\200\\256')\"'x'"},
	    {"a\n'\t", "'a'$'\\012'\\'\"$(printf '\\011')\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;

		pga_text_add(&text, "echo ");
		pga_text_add_shell_word(&text, cases[i].word);
		assert_string_equal(text.bytes + 5, cases[i].written);
		pga_text_free(&text);
	}
}

/* ---- a stream that is a terminal, or none ---- */

static FILE *stream;
static int other_end;

static void open_terminal(void)
{
	struct termios mode;
	int slave;

	other_end = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(other_end >= 0);
	assert_int_equal(grantpt(other_end) | unlockpt(other_end), 0);
	slave = open(ptsname(other_end), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &mode), 0);
	cfmakeraw(&mode);
	assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
	stream = fdopen(slave, "w");
	assert_non_null(stream);
}

static void open_pipe(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	other_end = ends[0];
	stream = fdopen(ends[1], "w");
	assert_non_null(stream);
}

/* What has come out of the stream, which is closed. */
static void assert_printed(const char *expected)
{
	char printed[4096] = "";
	size_t length = 0;

	assert_int_equal(fflush(stream), 0);
	while (length < strlen(expected)) {
		ssize_t count = read(other_end, printed + length, sizeof printed - 1 - length);

		assert_true(count > 0);
		length += (size_t)count;
	}
	assert_int_equal(fcntl(other_end, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(other_end, printed + length, 1), -1);
	printed[length] = '\0';
	assert_string_equal(printed, expected);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(close(other_end), 0);
}

static void set(const char *name, const char *value)
{
	assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void when_there_is_colour(void **state)
{
	static const struct {
		const char *no_color;
		const char *term;
		bool terminal;
		bool coloured;
	} cases[] = {
	    {NULL, "xterm", true, true},  {"", "xterm", true, true},
	    {"1", "xterm", true, false},  {NULL, NULL, true, false},
	    {NULL, "dumb", true, false},  {NULL, "xterm", false, false},
	    {NULL, "dumber", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		set("NO_COLOR", cases[i].no_color);
		set("TERM", cases[i].term);
		if (cases[i].terminal)
			open_terminal();
		else
			open_pipe();
		pga_print(stream, "%sbold%sred%sgreen%syellow%splain", pga_colour(stream, PGA_BOLD),
			  pga_colour(stream, PGA_RED), pga_colour(stream, PGA_GREEN),
			  pga_colour(stream, PGA_YELLOW), pga_colour(stream, PGA_PLAIN));
		assert_printed(cases[i].coloured
				   ? "\033[1mbold\033[31mred\033[32mgreen\033[33myellow\033[0mplain"
				   : "boldredgreenyellowplain");
	}
}

/* Lines, tabs and our own colours pass; nobody else's sequences do, on a terminal or off it. */
static void what_is_quoted_steers_nothing(void **state)
{
	(void)state;
	set("NO_COLOR", NULL);
	set("TERM", "xterm");
	open_terminal();
	pga_print(stream, "a\tb\n%s", "\033[31mred\033[0m\033[2J\033\033[7m\xFF");
	assert_printed("a\tb\n\033[31mred\033[0m\\x1B[2J\\x1B\\x1B[7m\\xFF");
	open_pipe();
	pga_print(stream, "a\tb\n%s", "\033[31mred\033[0m\r\n");
	assert_printed("a\tb\n\\x1B[31mred\\x1B[0m\\x0D\n");
}

static void a_table(void **state)
{
	static const char *const heading[] = {"NAME", "HOST", "X"};
	static const char *const cells[] = {"a",
					    "b\033c",
					    "1",
					    "longer",
					    NULL,
					    "2",
					    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9",
					    "h\xE2\x82\xAC",
					    NULL};
	static const enum pga_colour marks[] = {PGA_PLAIN, PGA_RED, PGA_GREEN};

	(void)state;
	set("NO_COLOR", NULL);
	set("TERM", "xterm");
	open_pipe();
	pga_print_table(stream, heading, cells, 3, 3, marks);
	assert_printed("NAME    HOST    X\n"
		       "a       b\\x1Bc  1\n"
		       "longer          2\n"
		       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9   h\xE2\x82\xAC      \n");
	open_terminal();
	pga_print_table(stream, heading, cells, 3, 3, marks);
	assert_printed(
	    "\033[1mNAME    HOST    X\033[0m\n"
	    "a       b\\x1Bc  1\n"
	    "\033[31mlonger          2\033[0m\n"
	    "\033[32m\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9   h\xE2\x82\xAC      \033[0m\n");
	open_terminal();
	pga_print_table(stream, heading, cells, 3, 1, NULL);
	assert_printed("\033[1mNAME  HOST    X\033[0m\na     b\\x1Bc  1\n");
	open_pipe();
	pga_print_table(stream, heading, cells, 3, 0, NULL);
	assert_printed("NAME  HOST  X\n");
}

/* What goes to standard error, which is the stream meanwhile. */
static void assert_said(void (*say)(void), bool terminal, const char *expected)
{
	const int before = dup(2);

	if (terminal)
		open_terminal();
	else
		open_pipe();
	assert_int_equal(dup2(fileno(stream), 2), 2);
	say();
	assert_int_equal(dup2(before, 2), 2);
	assert_int_equal(close(before), 0);
	assert_printed(expected);
}

static void say_error(void)
{
	const struct pga_error error = {"it failed: \033x", "do that \033x"};

	pga_print_error(&error);
}

static void say_error_alone(void)
{
	const struct pga_error error = {"it failed", ""};

	pga_print_error(&error);
}

static void say_warning(void)
{
	pga_print_warning("mind %s", "this \033x");
}

static void errors_and_warnings(void **state)
{
	(void)state;
	set("NO_COLOR", NULL);
	set("TERM", "xterm");
	assert_said(say_error, false, "pganchor: it failed: \\x1Bx\n    do that \\x1Bx\n");
	assert_said(say_error, true,
		    "\033[31mpganchor: it failed: \\x1Bx\033[0m\n    do that \\x1Bx\n");
	assert_said(say_error_alone, false, "pganchor: it failed\n");
	assert_said(say_warning, false, "pganchor: warning: mind this \\x1Bx\n");
	assert_said(say_warning, true, "\033[33mpganchor: warning:\033[0m mind this \\x1Bx\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_of_a_shell),
	    cmocka_unit_test(when_there_is_colour),
	    cmocka_unit_test(what_is_quoted_steers_nothing),
	    cmocka_unit_test(a_table),
	    cmocka_unit_test(errors_and_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
