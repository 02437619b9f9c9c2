/* password/pins_copy.h: the line that the keyring keeps of the pins, what differs from it, and what
 * bootstrap has it follow. */
#include "failing.h"

#include "password/pins_copy.h"

#include <stdio.h>
#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

#define BEGUN(count) "pins version=\"1\" anchors=\"" count "\""
#define ANCHOR(name, pin, hosts, scope) \
	" name=\"" name "\" pin=\"" pin "\" hosts=\"" hosts "\" scope=\"" scope "\""

/* The copy of an anchors.conf. */
static void make(struct pga_pins_copy *copy, const char *conf)
{
	struct pga_pins pins;
	struct pga_error error;

	assert_int_equal(pga_pins_parse(&pins, "conf", conf, strlen(conf), &error), 0);
	assert_int_equal(pga_pins_copy_make(copy, &pins, &error), 0);
	pga_pins_free(&pins);
}

static void assert_line(const struct pga_pins_copy *copy, const char *expected)
{
	struct pga_text line = PGA_TEXT_EMPTY;

	pga_pins_copy_write(copy, &line);
	assert_string_equal(pga_text_string(&line), expected);
	pga_text_free(&line);
}

static void the_line_of_a_file(void **state)
{
	static const char expected[] = BEGUN("2") ANCHOR("a", B, "*", "scoped")
	    ANCHOR("b", A, "*.example.com 10.0.0.1 db.example.org", "root.crt");
	struct pga_pins_copy copy;
	struct pga_pins_copy again;
	struct pga_error error;

	(void)state;
	make(&copy,
	     "[b]\nsubject = x\nhosts = db.example.org, *.Example.COM\t10.0.0.1 "
	     "DB.example.org\npin = " A "\n[a]\nscope = scoped\npinned = now\npin = " B "\n");
	assert_line(&copy, expected);
	assert_int_equal(pga_pins_copy_read(&again, expected, &error), 0);
	assert_line(&again, expected);
	pga_pins_copy_free(&again);
	pga_pins_copy_free(&copy);
	assert_line(&copy, BEGUN("0"));
	assert_int_equal(pga_pins_copy_read(&again, BEGUN("0"), &error), 0);
	assert_int_equal(again.count, 0);
}

static void those_of_the_system_are_no_part_of_it(void **state)
{
	static const char conf[] = "[b]\npin = " A "\n";
	struct pga_pins_copy copy;
	struct pga_pins pins;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_pins_parse_file(&pins, "conf", conf, sizeof conf - 1, true, &error),
			 0);
	pins.system_count = pins.count;
	assert_int_equal(pga_pins_copy_make(&copy, &pins, &error), 0);
	assert_int_equal(copy.count, 0);
	pga_pins_free(&pins);
}

static void what_is_no_such_line(void **state)
{
	static const char *const lines[] = {
	    "",
	    "pins",
	    "pins version=\"2\" anchors=\"0\"",
	    "pins  anchors=\"0\" version=\"1\"",
	    "pin version=\"1\" anchors=\"0\"",
	    BEGUN(""),
	    BEGUN("1"),
	    BEGUN("0") "x",
	    BEGUN("0") " ",
	    BEGUN("0") "\n",
	    BEGUN("0") ANCHOR("a", A, "*", "scoped"),
	    BEGUN("2") ANCHOR("a", A, "*", "scoped"),
	    BEGUN("1") " name=\"a\" pin=\"" A "\" hosts=\"*\"",
	    BEGUN("1") " pin=\"" A "\" name=\"a\" hosts=\"*\" scope=\"scoped\"",
	    BEGUN("1") ANCHOR("a", A, "*", "scoped") " ",
	    BEGUN("2") ANCHOR("b", A, "*", "scoped") ANCHOR("a", B, "*", "scoped"),
	    BEGUN("2") ANCHOR("a", A, "*", "scoped") ANCHOR("a", B, "*", "scoped"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pga_pins_copy copy;
		struct pga_error error;

		if (pga_pins_copy_read(&copy, lines[i], &error) == 0)
			fail_msg("%s", lines[i]);
		assert_string_equal(error.message, "what the keyring has as the copy of the pins "
						   "cannot be read");
		pga_pins_copy_free(&copy);
	}
}

/* What differs, as a letter each. */
static void compare(const char *kept_conf, const char *now_conf, const char *expected)
{
	static const char letters[PGA_PINS_CHANGES + 1] = "+-pwnhs";
	struct pga_pins_difference *differences;
	struct pga_pins_copy kept;
	struct pga_pins_copy now;
	struct pga_error error;
	char found[16] = "";
	size_t count;

	make(&kept, kept_conf);
	make(&now, now_conf);
	assert_int_equal(pga_pins_copy_compare(&kept, &now, &differences, &count, &error), 0);
	for (size_t i = 0; i < count; i++) {
		found[i] = letters[differences[i].change];
		assert_int_equal(differences[i].kept == NULL,
				 differences[i].change == PGA_PINS_ADDED);
		assert_int_equal(differences[i].now == NULL,
				 differences[i].change == PGA_PINS_GONE);
	}
	if (strcmp(found, expected) != 0)
		fail_msg("%s against %s: %s", now_conf, kept_conf, found);
	free(differences);
	pga_pins_copy_free(&kept);
	pga_pins_copy_free(&now);
}

static void compare_hosts(const char *kept, const char *now, const char *expected)
{
	char before[512];
	char after[512];

	(void)snprintf(before, sizeof before, "[a]\nhosts = %s\npin = " A "\n", kept);
	(void)snprintf(after, sizeof after, "[a]\nhosts = %s\npin = " A "\n", now);
	compare(before, after, expected);
}

static void what_differs(void **state)
{
	static const char one[] = "[a]\npin = " A "\n";
	static const char all[] = "[a]\npin = " A "\n[b]\npin = " B "\n[c]\npin = " C "\n";

	(void)state;
	compare(all, "[c]\npin = " C "\n[a]\npin = " A "\n[b]\npin = " B "\n", "");
	compare(one, "[a]\npin = " B "\n", "p");
	compare(one, "[b]\npin = " A "\n", "-+");
	compare("[b]\npin = " A "\n", one, "+-");
	compare(one, all, "++");
	compare(all, one, "--");
	compare(all, "[a]\npin = " A "\n[bb]\npin = " B "\n[c]\npin = " C "\n", "-+");
	compare(one, "[a]\nscope = scoped\npin = " A "\n", "s");
	compare(one, "[a]\nscope = root.crt\nhosts = *\nsource = x\npin = " A "\n", "");
	compare(one, "[a]\nscope = scoped\nhosts = h\npin = " B "\n", "pns");
}

static void which_hosts_differ(void **state)
{
	(void)state;
	compare_hosts("a b", "b,a", "");
	compare_hosts("a.example.com", "A.EXAMPLE.COM a.example.com", "");
	compare_hosts("*.example.com", "*.example.com db.example.com *.sub.example.com", "");
	compare_hosts("a", "a b", "w");
	compare_hosts("a b", "a", "n");
	compare_hosts("a", "b", "h");
	compare_hosts("a b", "a c", "h");
	compare_hosts("*.example.com", "*", "w");
	compare_hosts("*", "*.example.com", "n");
	compare_hosts("*.sub.example.com", "*.example.com", "w");
	compare_hosts("*.example.com", "*.sub.example.com", "n");
	compare_hosts("db.example.com", "*.example.com", "w");
	compare_hosts("*.example.com", "example.com", "h");
	compare_hosts("*.example.com", "*.badexample.com", "h");
}

static void follow(const char *copy_conf, const char *before_conf, const char *after_conf,
		   const char *expected)
{
	struct pga_pins_copy copy;
	struct pga_pins_copy before;
	struct pga_pins_copy after;
	struct pga_error error;

	make(&copy, copy_conf);
	make(&before, before_conf);
	make(&after, after_conf);
	assert_int_equal(pga_pins_copy_follow(&copy, &before, &after, &error), 0);
	assert_line(&copy, expected);
	pga_pins_copy_free(&copy);
	pga_pins_copy_free(&before);
	pga_pins_copy_free(&after);
}

static void what_the_user_has_changed_is_followed(void **state)
{
	static const char one[] = "[m]\npin = " A "\n";

	(void)state;
	follow(one, one, "[m]\npin = " A "\n[b]\nhosts = h\npin = " B "\n",
	       BEGUN("2") ANCHOR("b", B, "h", "root.crt") ANCHOR("m", A, "*", "root.crt"));
	follow(one, one, "[m]\npin = " B "\n", BEGUN("1") ANCHOR("m", B, "*", "root.crt"));
	follow(one, one, "[m]\nscope = scoped\nhosts = h\npin = " A "\n",
	       BEGUN("1") ANCHOR("m", A, "h", "scoped"));
}

static void what_was_different_before_stays_so(void **state)
{
	static const char one[] = "[m]\nhosts = h\npin = " A "\n";
	static const char evil[] = "[m]\nhosts = *\npin = " B "\n[x]\npin = " C "\n";

	(void)state;
	follow(one, evil, evil, BEGUN("1") ANCHOR("m", A, "h", "root.crt"));
	/* The pin alone is the user's, or the hosts alone. */
	follow(one, evil, "[m]\nhosts = *\npin = " A "\n[x]\npin = " C "\n",
	       BEGUN("1") ANCHOR("m", A, "h", "root.crt"));
	follow(one, evil, "[m]\nhosts = i\npin = " B "\n[x]\nhosts = i\npin = " C "\n",
	       BEGUN("1") ANCHOR("m", A, "i", "root.crt"));
	/* What was taken out of the file is pinned anew as the user says now. */
	follow(one, "[x]\npin = " C "\n", "[m]\npin = " B "\n[x]\npin = " C "\n",
	       BEGUN("1") ANCHOR("m", B, "*", "root.crt"));
}

static int all_of_it(struct pga_error *error)
{
	static const char conf[] = "[b]\nhosts = h i\npin = " A "\n[a]\npin = " B "\n";
	static const char other[] = "[c]\nhosts = h i\npin = " A "\n[a]\nhosts = h\npin = " C "\n";
	struct pga_pins_difference *differences = NULL;
	struct pga_pins_copy copy = {NULL, 0};
	struct pga_pins_copy now = {NULL, 0};
	struct pga_pins pins;
	struct pga_pins others;
	size_t count;
	int result = pga_pins_parse(&pins, "conf", conf, sizeof conf - 1, error);

	if (pga_pins_parse(&others, "conf", other, sizeof other - 1, error) != 0)
		result = -1;
	if (result == 0)
		result = pga_pins_copy_make(&copy, &pins, error);
	if (result == 0)
		result = pga_pins_copy_make(&now, &others, error);
	if (result == 0)
		result = pga_pins_copy_compare(&copy, &now, &differences, &count, error);
	if (result == 0)
		assert_int_equal(count, 4);
	if (result == 0)
		result = pga_pins_copy_follow(&copy, &copy, &now, error);
	free(differences);
	pga_pins_copy_free(&copy);
	pga_pins_copy_free(&now);
	pga_pins_free(&others);
	pga_pins_free(&pins);
	return result;
}

static void without_memory(void **state)
{
	(void)state;
	without_each(all_of_it, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_line_of_a_file),
	    cmocka_unit_test(those_of_the_system_are_no_part_of_it),
	    cmocka_unit_test(what_is_no_such_line),
	    cmocka_unit_test(what_differs),
	    cmocka_unit_test(which_hosts_differ),
	    cmocka_unit_test(what_the_user_has_changed_is_followed),
	    cmocka_unit_test(what_was_different_before_stays_so),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
