/* base/home_text.h: where the user's home becomes ~, and where it does not. */
#include "cmocka_start.h"

#include "base/home_text.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/types.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uid_t acting;
static struct passwd entry;
static bool unknown;

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return acting;
}

struct passwd *__wrap_getpwuid(uid_t user);
struct passwd *__wrap_getpwuid(uid_t user)
{
	assert_int_equal(user, acting);
	return unknown ? NULL : &entry;
}

static void assert_shown(const char *message, const char *shown)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add_home_short(&text, message);
	assert_string_equal(pga_text_string(&text), shown);
	pga_text_free(&text);
}

static int begin(void **state)
{
	static char home[] = "/home/u";

	(void)state;
	acting = 1000;
	unknown = false;
	entry.pw_dir = home;
	return setenv("HOME", "/home/u", 1);
}

static void where_a_word_begins_with_it(void **state)
{
	static const struct {
		const char *message;
		const char *shown;
	} cases[] = {
	    {"/home/u", "~"},
	    {"/home/u/.pgpass: no", "~/.pgpass: no"},
	    {"in /home/u/a, /home/u: (/home/u/b) or /home/u;", "in ~/a, ~: (~/b) or ~;"},
	    {"a\n    /home/u/b\t/home/u", "a\n    ~/b\t~"},
	    {"/home/user/a", "/home/user/a"},
	    {"/srv/home/u/a", "/srv/home/u/a"},
	    {"HOME=/home/u x", "HOME=/home/u x"},
	    {"a:/home/u '/home/u/a b' \"/home/u\"", "a:/home/u '/home/u/a b' \"/home/u\""},
	    {"/home/u/home/u", "~/home/u"},
	    {"/home/u/home/u/ /home/u", "~/home/u/ ~"},
	    {"", ""},
	    {"none", "none"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_shown(cases[i].message, cases[i].shown);
}

static void whose_it_may_not_be(void **state)
{
	static char other[] = "/home/other";
	static char with_slash[] = "/home/u/";
	static char relative[] = "home";

	(void)state;
	acting = 0;
	assert_shown("/home/u/a", "/home/u/a");
	acting = 1000;
	unknown = true;
	assert_shown("/home/u/a", "/home/u/a");
	unknown = false;
	entry.pw_dir = other;
	assert_shown("/home/u/a", "/home/u/a");
	entry.pw_dir = with_slash;
	assert_int_equal(setenv("HOME", with_slash, 1), 0);
	assert_shown("/home/u/a", "/home/u/a");
	entry.pw_dir = relative;
	assert_int_equal(setenv("HOME", relative, 1), 0);
	assert_shown("home/a", "home/a");
	assert_int_equal(unsetenv("HOME"), 0);
	assert_shown("/home/u/a", "/home/u/a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(where_a_word_begins_with_it, begin),
	    cmocka_unit_test_setup(whose_it_may_not_be, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
