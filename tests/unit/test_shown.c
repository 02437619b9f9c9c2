/* policy/secrets.h, policy/options.h: which settings are shown, and which options are known. */
#include "cmocka_start.h"

#include "base/text.h"
#include "policy/options.h"
#include "policy/secrets.h"
#include "settings.h"

/* The value of a setting, and whether it is shown or masked. */
static const struct {
	const char *keyword;
	const char *value;
	bool shown;
} values[] = {
    {"host", "h", true},
    {"host", "db.example.com,10.0.0.1,,::1", true},
    {"host", "/run/a b:c,h", true},
    {"host", "h,/run/a:b", true},
    {"host", "/run/u@h", false},
    {"host", "@socket", true},
    {"host", "@socket,h", true},
    {"host", "@sock@et", false},
    {"host", "h,@socket", false},
    {"host", "fe80::1%eth0", true},
    {"host", "fe80::1%eth0,h", true},
    {"host", "FE80::1%eth0", true},
    {"host", "fe80::1%eth0:p", false},
    {"host", "fe80::1%", true},
    {"host", "fe80::1", true},
    {"host", "::ffff:10.0.0.1", true},
    {"host", "u:p", false},
    {"host", "fe80::g", false},
    {"host", "h:5432", false},
    {"host", "a:b", true},
    {"host",
     "gr\xC3\xB6\xC3\x9F"
     "e",
     true},
    {"host", "\x80\xFF", true},
    {"host", "AZaz09.-_%", true},
    {"host", "a b", false},
    {"host", "a=b", false},
    {"host", "h,", true},
    {"host", ",", true},
    {"host", "h,p@x", false},
    {"hostaddr", "10.0.0.1", true},
    {"hostaddr", "u:p@h", false},
    {"port", "5432", true},
    {"port", "5432,5433", true},
    {"port", ",", true},
    {"port", "0", true},
    {"port", "9", true},
    {"port", "65535", true},
    {"port", "65536", false},
    {"port", "65535,65536", false},
    {"port", "65536,1", false},
    {"port", "99999999999999999999999", false},
    {"port", "5432x", false},
    {"port", "x", false},
    {"port", "/", false},
    {"port", ":", false},
    {"port", "-1", false},
    {"user", "me", true},
    {"user", "me@realm", true},
    {"user", "u:p", false},
    {"user", "u=p", false},
    {"user", "u/p", false},
    {"dbname", "app", true},
    {"dbname", "a:b", false},
    {"dbname", "a=b", false},
    {"dbname", "a/b", false},
    {"service", "prod", true},
    {"service", "a/b", true},
    {"service", "a=b", false},
    {"service", "a:b", false},
    {"service", "a@b", false},
    {"sslmode", "require", true},
    {"sslmode", "a=b", false},
    {"sslrootcert", "/p:q/r", true},
    {"sslrootcert", "a=b", false},
    {"sslrootcert", "a@b", false},
    {"gssencmode", "a:b", true},
    {"gssencmode", "a=b", false},
    {"ssl_min_protocol_version", "TLSv1.2", true},
    {"ssl_min_protocol_version", "a=b", false},
    {"ssl_max_protocol_version", "TLSv1.2", true},
    {"ssl_max_protocol_version", "a=b", false},
    {"password", "p", false},
    {"sslkeylogfile", "/f", true},
    {"application_name", "a=b", true},
    {"application_name", "the password", true},
    {"application_name", "the password \t", true},
    {"brand_new", "v", false},
};

static void which_values_are_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		PQconninfoOption *option;

		make_settings(&settings, "");
		option = &settings.options[option_of(&settings, values[i].keyword)];
		option->val = (char *)(uintptr_t)values[i].value;
		pga_text_add_setting(&text, option, false);
		if (strcmp(pga_text_string(&text), values[i].shown ? values[i].value : PGA_MASK) !=
		    0)
			fail_msg("%s=%s: %s", values[i].keyword, values[i].value,
				 pga_text_string(&text));
		pga_text_free(&text);
	}
}

static void what_is_not_set_is_shown_as_nothing(void **state)
{
	static const char *const keywords[] = {"password", "host", "brand_new", "user"};
	static char none[] = "";

	(void)state;
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct settings settings;
		PQconninfoOption *option;

		make_settings(&settings, "");
		option = &settings.options[option_of(&settings, keywords[i])];
		pga_text_add_setting(&text, option, true);
		option->val = none;
		pga_text_add_setting(&text, option, true);
		assert_string_equal(pga_text_string(&text), "");
	}
}

/* Of one of them nobody knows what it is: all that say where to go are masked, and no other. */
static void what_moved_is_masked(void **state)
{
	static const char *const masked[] = {"host", "hostaddr", "port", "dbname"};
	static const char *const shown[] = {"user", "sslmode", "service", "application_name"};
	static char value[] = "1";

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pga_text one = PGA_TEXT_EMPTY;
		struct pga_text other = PGA_TEXT_EMPTY;
		struct settings settings;
		PQconninfoOption *option;

		make_settings(&settings, "");
		option = &settings.options[option_of(&settings, masked[i])];
		option->val = value;
		pga_text_add_setting(&one, option, true);
		assert_string_equal(pga_text_string(&one), PGA_MASK);
		option = &settings.options[option_of(&settings, shown[i])];
		option->val = value;
		pga_text_add_setting(&other, option, true);
		assert_string_equal(pga_text_string(&other), value);
		pga_text_free(&one);
		pga_text_free(&other);
	}
}

static void what_may_hold_a_password(void **state)
{
	static const struct {
		const char *settings;
		bool expected;
	} rows[] = {
	    {"", false},
	    {"host=h hostaddr=1.2.3.4 port=1 dbname=d user=u", false},
	    {"host=h !ambiguous", true},
	    {"host=u:p@h", true},
	    {"hostaddr=u:p@h", true},
	    {"port=p@h", true},
	    {"dbname=a@b", true},
	    {"dbname=a:b", true},
	    {"dbname=a/b", true},
	    {"dbname=a=b", true},
	    {"dbname=a@b user=a@b", false},
	    {"dbname=a@b user=a@bc", true},
	    {"dbname=a@b -user", true},
	    {"user=a@b", false},
	    {"-host -hostaddr -port -dbname", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct settings settings;

		make_settings(&settings, rows[i].settings);
		if (pga_may_hold_a_password(&settings.effective) != rows[i].expected)
			fail_msg("%s", rows[i].settings);
	}
}

static void which_parameters_are_ambiguous(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		bool expected;
	} rows[] = {
	    {"postgres://u:p@h", NULL, false},
	    {"postgres://u:p@q@h", NULL, true},
	    {"u@v@h", NULL, false},
	    {NULL, "postgres://u:p@q@h", true},
	    {"u@postgres://v@h", NULL, false},
	    {"postgres://u", "a@b", false},
	    {"postgres://u@h", "x://y@z@", true},
	    {"host=h", "postgres:/u@v@h", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const keywords[] = {"host", "dbname", NULL};
		const char *const given[] = {rows[i].first, rows[i].second, NULL};
		const struct pga_parameters parameters = {keywords, given, 0};

		assert_int_equal(pga_is_ambiguous(&parameters), rows[i].expected);
	}
}

static void all_values_are_masked_at_once(void **state)
{
	static const char *const expected[][2] = {{"password", PGA_MASK}, {"host", PGA_MASK},
						  {"user", "me"},         {"dbname", PGA_MASK},
						  {"port", ""},           {"sslmode", NULL}};
	struct settings settings;

	(void)state;
	make_settings(&settings, "password=secret host=h port= user=me dbname=a@b");
	for (PQconninfoOption *option = settings.options; option->keyword != NULL; option++)
		if (option->val != NULL)
			option->val = strdup(option->val);
	assert_int_equal(pga_effective_mask(&settings.effective), 0);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const char *value = settings.options[option_of(&settings, expected[i][0])].val;

		if (expected[i][1] == NULL)
			assert_null(value);
		else
			assert_string_equal(value, expected[i][1]);
	}
	for (PQconninfoOption *option = settings.options; option->keyword != NULL; option++)
		free(option->val);
	settings.effective.options = NULL;
	assert_int_equal(pga_effective_mask(&settings.effective), 0);
}

static void a_line_need_not_end(void **state)
{
	static const char line[] = "password=secret\nhost=h";
	struct pga_text text = PGA_TEXT_EMPTY;

	(void)state;
	pga_text_add_masked_line(&text, line, strlen("password=sec"));
	assert_string_equal(pga_text_string(&text), "password=" PGA_MASK);
	pga_text_add_masked_line(&text, line + strlen("password=secret\n"), strlen("host="));
	assert_string_equal(pga_text_string(&text), "password=" PGA_MASK "host=");
	pga_text_free(&text);
}

static void which_options_are_known(void **state)
{
	/* The first, the last, and one in the middle. */
	static const char *const reviewed[] = {"host", "scram_channel_binding", "sslmode"};
	static const char *const not [] = {"", "hos", "hosts", "brand_new"};

	(void)state;
	for (size_t i = 0; i < sizeof reviewed / sizeof reviewed[0]; i++)
		assert_true(pga_option_is_reviewed(reviewed[i]));
	for (size_t i = 0; i < sizeof not / sizeof not [0]; i++)
		assert_false(pga_option_is_reviewed(not [i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which_values_are_shown),
	    cmocka_unit_test(what_is_not_set_is_shown_as_nothing),
	    cmocka_unit_test(what_moved_is_masked),
	    cmocka_unit_test(what_may_hold_a_password),
	    cmocka_unit_test(which_parameters_are_ambiguous),
	    cmocka_unit_test(all_values_are_masked_at_once),
	    cmocka_unit_test(a_line_need_not_end),
	    cmocka_unit_test(which_options_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
