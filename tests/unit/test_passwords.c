/* policy/passwords.c: which passwords the keyring has, line by line; policy/release.c: whom they
 * may go to. */
#include "cmocka_start.h"

#include "default_policy.h"
#include "policy/passwords.h"
#include "policy/release.h"

#include <stdio.h>
#include <string.h>

#define LINE(host, port, dbname, user) \
	"password host=\"" host "\" port=\"" port "\" dbname=\"" dbname "\" user=\"" user "\"\n"

static struct pga_passwords passwords;
static struct pga_error error;

static int parse(const char *text)
{
	pga_passwords_free(&passwords);
	return pga_passwords_parse(&passwords, "FILE", text, strlen(text), &error);
}

static int end(void **state)
{
	(void)state;
	pga_passwords_free(&passwords);
	return 0;
}

static void lines_are_read(void **state)
{
	(void)state;
	assert_int_equal(
	    parse("# mine\n\n" LINE("db", "*", "a\\x22b", "joe") "\r\n"
								 "passphrase file=\"/k\""),
	    0);
	assert_int_equal(passwords.count, 2);
	assert_string_equal(passwords.entries[0].words[PGA_SECRET_DBNAME], "a\"b");
	assert_int_equal(passwords.entries[0].line, 3);
	assert_int_equal(passwords.entries[1].kind, PGA_SECRET_PASSPHRASE);
	assert_ptr_equal(pga_passphrase_for(&passwords, "/k"), &passwords.entries[1]);
	assert_null(pga_passphrase_for(&passwords, "/other"));
}

static void what_is_no_line_is_an_error(void **state)
{
	static const char *const bad[] = {
	    "word\n",
	    "password\n",
	    "password host=\"h\" port=\"*\" dbname=\"*\"\n",
	    "password host=\"\" port=\"*\" dbname=\"*\" user=\"u\"\n",
	    "password host=\"h\" port=\"*\" dbname=\"*\" user=\"u\" user=\"u\"\n",
	    "password host=\"h\" port=\"*\" dbname=\"*\" user=\"u\" file=\"f\"\n",
	    "password host=\"h\" port=\"*\" dbname=\"*\" user=\"u\n",
	    "passphrase host=\"h\"\n",
	    "passphrase\n",
	    "pins file=\"/anchors.conf\"\n",
	    "passwords host=\"h\" port=\"*\" dbname=\"*\" user=\"u\"\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(parse(bad[i]), -1);
		assert_non_null(strstr(error.message, "FILE, line 1: not a line about a password"));
	}
	pga_passwords_free(&passwords);
	assert_int_equal(
	    pga_passwords_parse(&passwords, "FILE", "passphrase file=\"a\0b\"\n", 22, &error), -1);
}

/* The line that counts for a connection; 0: none. */
static size_t line_for(const char *host, const char *port, const char *dbname, const char *user)
{
	const struct pga_password_entry *entry =
	    pga_password_for(&passwords, host, port, dbname, user);

	return entry != NULL ? entry->line : 0;
}

static void the_first_that_fits_counts(void **state)
{
	(void)state;
	assert_int_equal(parse(LINE("db", "5433", "*", "joe") LINE("db", "*", "app", "*")
				   LINE("*", "5432", "*", "joe") "passphrase file=\"db\"\n"),
			 0);
	assert_int_equal(line_for("db", "5433", "app", "joe"), 1);
	assert_int_equal(line_for("db", "5432", "app", "joe"), 2);
	assert_int_equal(line_for("db", "", "other", "joe"), 3);
	assert_int_equal(line_for("DB", "5433", "app", "joe"), 0);
	assert_int_equal(line_for("other", "5432", "x", "ann"), 0);
	assert_int_equal(line_for("other", "", "x", "joe"), 3);
}

static void which_is_for_more(void **state)
{
	const struct pga_password_entry *at;

	(void)state;
	assert_int_equal(parse(LINE("db", "*", "*", "joe") LINE("db", "1", "*", "joe")
				   LINE("db", "*", "app", "joe")
				       LINE("x", "*", "*", "*") "passphrase file=\"db\"\n"),
			 0);
	at = passwords.entries;
	assert_true(pga_password_entry_covers(&at[0], &at[1]));
	assert_true(pga_password_entry_covers(&at[0], &at[0]));
	assert_false(pga_password_entry_covers(&at[1], &at[0]));
	assert_false(pga_password_entry_covers(&at[1], &at[2]));
	assert_true(pga_password_entry_meets(&at[1], &at[0]));
	assert_true(pga_password_entry_meets(&at[1], &at[2]));
	assert_false(pga_password_entry_meets(&at[0], &at[3]));
	assert_false(pga_password_entry_meets(&at[0], &at[4]));
	assert_false(pga_password_entry_covers(&at[4], &at[4]));
}

static void check_words(const char *line, const char *words)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_text again = PGA_TEXT_EMPTY;

	assert_int_equal(parse(line), 0);
	pga_password_entry_add_words(&text, &passwords.entries[0]);
	assert_string_equal(pga_text_string(&text), words);
	pga_password_entry_add_line(&again, &passwords.entries[0]);
	assert_string_equal(pga_text_string(&again), line);
	pga_text_free(&text);
	pga_text_free(&again);
}

static void an_entry_is_a_commands_words(void **state)
{
	(void)state;
	check_words(LINE("db", "*", "*", "joe"), "db -U joe");
	check_words(LINE("db", "1", "a b", "*"), "db -p 1 -d 'a b' -U '*'");
	check_words("passphrase file=\"/a b\"\n", "--key '/a b'");
}

static void whom_it_may_go_to(void **state)
{
	static const char conf[] =
	    "[a]\npin = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	    "hosts = db *.example.com\n";
	struct pga_policy policy = DEFAULT_POLICY;
	struct pga_pins pins = {0};
	struct pga_pins none = {0};

	(void)state;
	assert_int_equal(pga_pins_parse(&pins, "FILE", conf, sizeof conf - 1, &error), 0);
	assert_int_equal(pga_release_to(&policy, &pins, "db"), PGA_RELEASE);
	assert_int_equal(pga_release_to(&policy, &pins, "x.example.com"), PGA_RELEASE);
	assert_int_equal(pga_release_to(&policy, &pins, "other"), PGA_RELEASE_UNPINNED);
	assert_int_equal(pga_release_to(&policy, &pins, ""), PGA_RELEASE_LOCAL);
	assert_int_equal(pga_release_to(&policy, &pins, "/run"), PGA_RELEASE_LOCAL);
	assert_int_equal(pga_release_to(&policy, &pins, "@run"), PGA_RELEASE_LOCAL);
	assert_int_equal(pga_release_to(&policy, &none, "db"), PGA_RELEASE_NOT_BY_PINS);
	policy.trust = PGA_TRUST_VERIFIED;
	assert_int_equal(pga_release_to(&policy, &pins, "db"), PGA_RELEASE_NOT_BY_PINS);
	policy.mode = PGA_MODE_AUDIT;
	assert_int_equal(pga_release_to(&policy, &pins, "db"), PGA_RELEASE_NOT_ENFORCED);
	for (enum pga_release release = PGA_RELEASE_LOCAL; release <= PGA_RELEASE_UNPINNED;
	     release++)
		assert_true(pga_release_reason(release)[0] != '\0');
	pga_pins_free(&pins);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_read),
	    cmocka_unit_test(what_is_no_line_is_an_error),
	    cmocka_unit_test(the_first_that_fits_counts),
	    cmocka_unit_test(which_is_for_more),
	    cmocka_unit_test(an_entry_is_a_commands_words),
	    cmocka_unit_test(whom_it_may_go_to),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
