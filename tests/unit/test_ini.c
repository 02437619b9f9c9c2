/* base/ini.h: every byte comes back, and the lines are what libpq (parseServiceFile()) and our own
 * files take them for.
 */
#include "cmocka_start.h"

#include "base/ini.h"

#include <stdlib.h>
#include <string.h>

static struct pga_ini_line read_one(const char *text, enum pga_ini_dialect dialect)
{
	struct pga_ini_reader reader = pga_ini_start(text, strlen(text), dialect);
	struct pga_ini_line line;

	assert_true(pga_ini_next(&reader, &line));
	return line;
}

static void assert_span(struct pga_ini_span span, const char *expected)
{
	char *copy = pga_ini_copy(span);

	assert_non_null(copy);
	assert_string_equal(copy, expected);
	assert_true(pga_ini_equals(span, expected));
	free(copy);
}

static void no_byte_is_lost(void **state)
{
	/* Line ends of every kind, none at the end, a NUL, blanks everywhere. */
	static const char bytes[] =
	    "\xEF\xBB\xBF# bom\r\n\r\n  [a] tail\r\n\tk = v \n\n=x\nldap://h\0z\n[open\nlast=1 \t";
	struct pga_ini_reader reader = pga_ini_start(bytes, sizeof bytes - 1, PGA_INI_PGSERVICE);
	struct pga_ini_line line;
	size_t length = 0;
	size_t count = 0;

	(void)state;
	while (pga_ini_next(&reader, &line)) {
		assert_ptr_equal(line.whole.bytes, bytes + length);
		assert_true(line.whole.length > 0);
		length += line.whole.length;
		assert_int_equal(line.number, ++count);
	}
	assert_int_equal(length, sizeof bytes - 1);
	assert_int_equal(count, 9);
	assert_false(pga_ini_next(&reader, &line));
}

static void nothing_has_no_lines(void **state)
{
	struct pga_ini_reader reader = pga_ini_start("", 0, PGA_INI_CONF);
	struct pga_ini_line line;

	(void)state;
	assert_false(pga_ini_next(&reader, &line));
	reader = pga_ini_start(NULL, 0, PGA_INI_CONF);
	assert_false(pga_ini_next(&reader, &line));
}

/* What libpq makes of a line, and what our own files do. */
static const struct {
	const char *text;
	const char *service_name;
	const char *service_value;
	const char *conf_name;
	const char *conf_value;
	enum pga_ini_kind service;
	enum pga_ini_kind conf;
} lines[] = {
    {" \t\r\n", "", "", "", "", PGA_INI_BLANK, PGA_INI_BLANK},
    {"  # [a] k=v\n", "", "", "", "", PGA_INI_COMMENT, PGA_INI_COMMENT},
    {"; k=v\n", "; k", "v", "; k", "v", PGA_INI_SETTING, PGA_INI_SETTING},
    {"[a]\n", "a", "", "a", "", PGA_INI_SECTION, PGA_INI_SECTION},
    {"  [a]  \r\n", "a", "", "a", "", PGA_INI_SECTION, PGA_INI_SECTION},
    {"[ a b ]\n", " a b ", "", " a b ", "", PGA_INI_SECTION, PGA_INI_SECTION},
    {"[]", "", "", "", "", PGA_INI_SECTION, PGA_INI_SECTION},
    {"[a] tail\n", "a", "", "", "", PGA_INI_SECTION, PGA_INI_OTHER},
    {"[a]]\n", "a", "", "", "", PGA_INI_SECTION, PGA_INI_OTHER},
    {"[a=b\n", "", "", "", "", PGA_INI_SECTION, PGA_INI_OTHER},
    {"k=v\n", "k", "v", "k", "v", PGA_INI_SETTING, PGA_INI_SETTING},
    {"k = v\n", "k ", " v", "k", "v", PGA_INI_SETTING, PGA_INI_SETTING},
    {"  k=v  \r\n", "k", "v", "k", "v", PGA_INI_SETTING, PGA_INI_SETTING},
    {"k=a=b\n", "k", "a=b", "k", "a=b", PGA_INI_SETTING, PGA_INI_SETTING},
    {"k=\n", "k", "", "k", "", PGA_INI_SETTING, PGA_INI_SETTING},
    {"k=v # no comment\n", "k", "v # no comment", "k", "v # no comment", PGA_INI_SETTING,
     PGA_INI_SETTING},
    {"=v\n", "", "", "", "", PGA_INI_OTHER, PGA_INI_OTHER},
    {"word\n", "", "", "", "", PGA_INI_OTHER, PGA_INI_OTHER},
    {"ldap://h/b?a?one?(x=y)\n", "", "", "ldap://h/b?a?one?(x", "y)", PGA_INI_OTHER,
     PGA_INI_SETTING},
    {" ldapx=1\n", "", "", "ldapx", "1", PGA_INI_OTHER, PGA_INI_SETTING},
    {"LDAP=1\n", "LDAP", "1", "LDAP", "1", PGA_INI_SETTING, PGA_INI_SETTING},
};

static void lines_are_what_libpq_takes_them_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pga_ini_line line = read_one(lines[i].text, PGA_INI_PGSERVICE);

		assert_int_equal(line.kind, lines[i].service);
		assert_span(line.name, lines[i].service_name);
		assert_span(line.value, lines[i].service_value);
	}
}

static void lines_of_our_own_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pga_ini_line line = read_one(lines[i].text, PGA_INI_CONF);

		assert_int_equal(line.kind, lines[i].conf);
		assert_span(line.name, lines[i].conf_name);
		assert_span(line.value, lines[i].conf_value);
	}
}

static void an_open_header_has_no_name(void **state)
{
	(void)state;
	assert_null(read_one("[prod\n", PGA_INI_PGSERVICE).name.bytes);
	assert_non_null(read_one("[]\n", PGA_INI_PGSERVICE).name.bytes);
}

static void equality_is_of_the_whole_span(void **state)
{
	struct pga_ini_line line = read_one("key=value", PGA_INI_CONF);

	(void)state;
	assert_true(pga_ini_equals(line.name, "key"));
	assert_false(pga_ini_equals(line.name, "ke"));
	assert_false(pga_ini_equals(line.name, "key="));
	assert_false(pga_ini_equals(line.name, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_byte_is_lost),
	    cmocka_unit_test(nothing_has_no_lines),
	    cmocka_unit_test(lines_are_what_libpq_takes_them_for),
	    cmocka_unit_test(lines_of_our_own_files),
	    cmocka_unit_test(an_open_header_has_no_name),
	    cmocka_unit_test(equality_is_of_the_whole_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
