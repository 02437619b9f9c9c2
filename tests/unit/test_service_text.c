/* What people type for a service entry: its hosts, its settings, its name. */
#include "cmocka_start.h"
#include "policy/linked.h"

#include "service/host_name.h"
#include "policy/hostlist.h"
#include "service/settings.h"
#include "service/choose_anchor.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* What libpq says of itself. */
static int played_version = 150018;

int PQlibVersion(void)
{
	return played_version;
}

#define TEN      "a234567890"
#define FIFTY    TEN TEN TEN TEN TEN
#define LABEL_63 FIFTY TEN "123"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." FIFTY TEN "a"

static const char *const hosts[] = {
    "db.example.com",
    "db.example.com.",
    "a,,b",
    ",",
    "",
    "ABCXYZabcxyz0189-_.x",
    "/run/my sockets:1",
    "@abstract name",
    "::1",
    "fe80::1%eth0",
    "::ffff:192.0.2.1",
    "2001:0db8:0000:0000:0000:ffff:192.168.100.228",
    "b\u00fccher.example",
    "\x80",
    LABEL_63,
    LABEL_63 ".a",
    NAME_253,
};

static void what_can_be_a_host(void **state)
{
	struct pga_error error;

	(void)state;
	assert_int_equal(strlen(NAME_253), 253);
	assert_int_equal(pga_hosts_check(NULL, &error), 0);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (pga_hosts_check(hosts[i], &error) != 0)
			fail_msg("%s: %s", hosts[i], error.message);
}

#define ALONE "write the name, or the address, alone"

static const struct {
	const char *typed;
	const char *message;
	const char *hint;
} no_hosts[] = {
    {"https://db", "host https://db: a URL, not the name of a host",
     "write the host's name alone, and port, dbname and user as settings"},
    {"postgresql://u:S3CRET@db/d",
     "host postgresql://u:********@db/d: a URL, not the name of a host",
     "write the host's name alone, and port, dbname and user as settings"},
    {"a password=S3CRET", "host \"a password=********\": holds a blank",
     "leave it out; a service file has no comments behind a value, and a list has commas alone "
     "between its hosts"},
    {"db:5432", "host db:5432: with a port behind the name",
     "the port is a setting of its own: --host db --port 5432"},
    {"db_1.example.com:5", "host db_1.example.com:5: with a port behind the name",
     "the port is a setting of its own: --host db_1.example.com --port 5"},
    {FIFTY TEN ":67", "host " FIFTY TEN ":67: with a port behind the name",
     "the port is a setting of its own: --host " FIFTY TEN " --port 67"},
    {FIFTY TEN ":678", "host " FIFTY TEN ":678: with a port behind the name",
     "the port is a setting of its own: --host " FIFTY TEN " --port 678"},
    {FIFTY TEN ":6789", "host " FIFTY TEN ":6789: neither a name nor an IPv6 address", ALONE},
    {"db:", "host db:: neither a name nor an IPv6 address", ALONE},
    {"db:5x", "host db:5x: neither a name nor an IPv6 address", ALONE},
    {"db:5:6", "host db:5:6: neither a name nor an IPv6 address", ALONE},
    {"$(x):5", "host $(x):5: neither a name nor an IPv6 address", ALONE},
    {"fe80::1%", "host fe80::1%: neither a name nor an IPv6 address", ALONE},
    {"fe80::g", "host fe80::g: neither a name nor an IPv6 address", ALONE},
    {"2001:0db8:0000:0000:0000:ffff:192.168.100.2289",
     "host 2001:0db8:0000:0000:0000:ffff:192.168.100.2289: neither a name nor an IPv6 address",
     ALONE},
    {"[::1]", "host [::1]: brackets are for URLs",
     "write an IPv6 address without them, such as ::1, and the port as a setting of its own"},
    {"a]", "host a]: brackets are for URLs",
     "write an IPv6 address without them, such as ::1, and the port as a setting of its own"},
    {"a/b", "host a/b: a name cannot hold \"/\"",
     "write the name alone; a socket's directory starts with a slash"},
    {"a b", "host \"a b\": holds a blank", NULL},
    {"a:1 # main", "host a:1 # main: a name cannot hold \":\"", ALONE},
    {"a\tb", "host \"a\tb\": holds a blank", NULL},
    {"a\x7f", "host \"a\x7f\": holds a blank", NULL},
    {"me@db", "host me@db: with a user before the name",
     "the user is a setting of its own: --user"},
    {"me:x@db", "host me:********@db: a name cannot hold \":\"", ALONE},
    {"\"db\"", "host \"db\": the quotes would be part of the name",
     "leave the quotes out: a service file has none"},
    {"'db'", "host 'db': the quotes would be part of the name",
     "leave the quotes out: a service file has none"},
    {"a;b", "host a;b: a name cannot hold \";\"", ALONE},
    {".a", "host .a: a dot with nothing before it", "write the name without it"},
    {"a..b", "host a..b: a dot with nothing before it", "write the name without it"},
    {"a" LABEL_63, "host a" LABEL_63 ": more than 63 characters between two dots",
     "is it the right name?"},
    {"x.a" LABEL_63, "host x.a" LABEL_63 ": more than 63 characters between two dots",
     "is it the right name?"},
    {NAME_253 "b", "host " NAME_253 "b: longer than the 253 characters that a name may have",
     "is it the right name?"},
    {"a,b,c d", "host \"c d\": holds a blank", NULL},
    {"a b,c", "host \"a b\": holds a blank", NULL},
    {"a,b c,d", "host \"b c\": holds a blank", NULL},
};

static void what_can_be_no_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof no_hosts / sizeof no_hosts[0]; i++) {
		struct pga_error error;

		if (pga_hosts_check(no_hosts[i].typed, &error) != 1)
			fail_msg("%s", no_hosts[i].typed);
		assert_string_equal(error.message, no_hosts[i].message);
		if (no_hosts[i].hint != NULL)
			assert_string_equal(error.hint, no_hosts[i].hint);
		else
			assert_memory_equal(error.hint, "leave it out; ", 14);
	}
}

/* A setting by itself, checked. */
static int check(const char *keyword, const char *value, struct pga_error *error)
{
	struct pga_settings settings = {.items = NULL};
	int result = pga_settings_add(&settings, keyword, value, error);

	if (result == 0)
		result = pga_settings_check(&settings, error);
	pga_settings_free(&settings);
	assert_null(settings.items);
	assert_int_equal(settings.count, 0);
	return result;
}

static const char *const good_settings[][2] = {
    {"host", "a,b"},
    {"port", "1"},
    {"port", "65535"},
    {"port", ",1,,65535,"},
    {"port", " 5432 "},
    {"connect_timeout", "-1"},
    {"connect_timeout", "2147483647"},
    {"connect_timeout", "-2147483648"},
    {"keepalives", "0"},
    {"keepalives_idle", "60"},
    {"keepalives_interval", "1"},
    {"keepalives_count", "1"},
    {"tcp_user_timeout", "0"},
    {"dbname", "1x"},
    {"sslrootcert", "/etc/root.crt"},
    {"sslkey", "engine:key"},
    {"sslkey", "/key"},
    {"application_name", "a\tb c"},
};

static void settings_that_can_be_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good_settings / sizeof good_settings[0]; i++) {
		struct pga_error error;

		/* port's blank behind it is a line's end, which libpq strips. */
		if (strcmp(good_settings[i][1], " 5432 ") == 0)
			assert_int_equal(pga_number_check("port", " 5432 ", &error), 0);
		else if (check(good_settings[i][0], good_settings[i][1], &error) != 0)
			fail_msg("%s=%s: %s", good_settings[i][0], good_settings[i][1],
				 error.message);
	}
}

#define NO_NUMBER(keyword, value) \
	"invalid integer value \"" value "\" for connection option \"" keyword "\""
#define RELATIVE ": a relative path is another file in every directory"

static const struct {
	const char *keyword;
	const char *value;
	const char *message;
} bad_settings[] = {
    {"service", "x", "service: an entry cannot refer to another one"},
    {"servicefile", "x", "servicefile: an entry cannot refer to another one"},
    {"dbname", "", "dbname: the value is empty"},
    {"dbname", "...", "dbname=...: the value itself is missing"},
    {"dbname", "a\nb", "dbname: the value holds a line break"},
    {"dbname", "a\rb", "dbname: the value holds a line break"},
    {"dbname", "a ", "dbname: the value ends in a blank"},
    {"dbname", "a\t", "dbname: the value ends in a blank"},
    {"dbname", "a\v", "dbname: the value ends in a blank"},
    {"port", "x", NO_NUMBER("port", "x")},
    {"port", "1x", NO_NUMBER("port", "1x")},
    {"port", "1,x", NO_NUMBER("port", "1,x")},
    {"port", "1,2x,3", NO_NUMBER("port", "1,2x,3")},
    {"port", "5432 # main", NO_NUMBER("port", "5432 # main")},
    {"port", "1, ,2", NO_NUMBER("port", "1, ,2")},
    {"port", "0", "invalid port number: \"0\""},
    {"port", "-1", "invalid port number: \"-1\""},
    {"port", "65536", "invalid port number: \"65536\""},
    {"port", "1,65536", "invalid port number: \"1,65536\""},
    {"connect_timeout", "1,2", NO_NUMBER("connect_timeout", "1,2")},
    {"connect_timeout", "2147483648", NO_NUMBER("connect_timeout", "2147483648")},
    {"connect_timeout", "-2147483649", NO_NUMBER("connect_timeout", "-2147483649")},
    {"connect_timeout", "99999999999999999999",
     NO_NUMBER("connect_timeout", "99999999999999999999")},
    {"connect_timeout", "10s", NO_NUMBER("connect_timeout", "10s")},
    {"keepalives", "yes", NO_NUMBER("keepalives", "yes")},
    {"keepalives_idle", "1s", NO_NUMBER("keepalives_idle", "1s")},
    {"keepalives_interval", "1.5", NO_NUMBER("keepalives_interval", "1.5")},
    {"keepalives_count", "x", NO_NUMBER("keepalives_count", "x")},
    {"tcp_user_timeout", "x", NO_NUMBER("tcp_user_timeout", "x")},
    {"sslrootcert", "root.crt", "sslrootcert=root.crt" RELATIVE},
    {"sslrootcert", "a:b/root.crt", "sslrootcert=a:b/root.crt" RELATIVE},
    {"sslrootcert", "~/root.crt", "sslrootcert=~/root.crt" RELATIVE},
    {"sslcert", "system", "sslcert=system" RELATIVE},
    {"sslcert", "a:b", "sslcert=a:b" RELATIVE},
    {"sslkey", "key", "sslkey=key" RELATIVE},
    {"sslcrl", "x", "sslcrl=x" RELATIVE},
    {"sslcrldir", "x", "sslcrldir=x" RELATIVE},
    {"passfile", "x", "passfile=x" RELATIVE},
    {"host", "a b", "host \"a b\": holds a blank"},
};

static void settings_that_cannot(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_settings / sizeof bad_settings[0]; i++) {
		struct pga_error error;

		if (check(bad_settings[i].keyword, bad_settings[i].value, &error) != -1)
			fail_msg("%s=%s", bad_settings[i].keyword, bad_settings[i].value);
		assert_string_equal(error.message, bad_settings[i].message);
		assert_true(error.hint[0] != '\0');
	}
}

/* For which libpq the word is a file's name. */
static void roots_of_the_system(void **state)
{
	static const struct {
		int version;
		const char *message; /* NULL: it knows the word */
	} cases[] = {
	    {100023, "10.23"}, {159999, "15.9999"}, {160000, NULL}, {160001, NULL}, {180002, NULL},
	};
	struct pga_error error;
	char message[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		played_version = cases[i].version;
		assert_int_equal(check("sslrootcert", "system", &error),
				 cases[i].message == NULL ? 0 : -1);
		if (cases[i].message == NULL)
			continue;
		(void)snprintf(message, sizeof message,
			       "sslrootcert=system: for the installed libpq (%s) that is a file of "
			       "this name in whatever directory the program runs in; the roots of "
			       "the system it is from 16 on",
			       cases[i].message);
		assert_string_equal(error.message, message);
		assert_non_null(strstr(error.hint, "/etc/ssl/certs/ca-certificates.crt"));
		assert_int_equal(check("whatever", "x", &error), -1);
		(void)snprintf(
		    message, sizeof message,
		    "whatever: the installed libpq (%s) knows no such setting, and would "
		    "refuse the whole service",
		    cases[i].message);
		assert_string_equal(error.message, message);
	}
	played_version = 150018;
}

/* Each is looked at, wherever it comes in the list. */
static void every_setting_is_checked(void **state)
{
	(void)state;
	for (int bad = 0; bad < 3; bad++) {
		static const char *const keywords[] = {"connect_timeout", "keepalives_idle",
						       "tcp_user_timeout"};
		struct pga_settings settings = {.items = NULL};
		struct pga_error error;

		for (int i = 0; i < 3; i++)
			assert_int_equal(
			    pga_settings_add(&settings, keywords[i], i == bad ? "x" : "1", &error),
			    0);
		assert_int_equal(pga_settings_check(&settings, &error), -1);
		assert_non_null(strstr(error.message, keywords[bad]));
		pga_settings_free(&settings);
	}
}

static void a_line_of_1022_bytes(void **state)
{
	char value[PGA_SERVICE_LINE_LIMIT];
	struct pga_error error;
	const size_t longest = PGA_SERVICE_LINE_LIMIT - strlen("dbname=") - 2;

	(void)state;
	memset(value, 'x', sizeof value);
	value[longest] = '\0';
	assert_int_equal(check("dbname", value, &error), 0);
	value[longest] = 'x';
	value[longest + 1] = '\0';
	assert_int_equal(check("dbname", value, &error), -1);
	assert_string_equal(error.message,
			    "dbname: the line would have 1023 bytes, and may have 1022");
}

static void settings_are_kept_in_order(void **state)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_error error;

	(void)state;
	assert_null(pga_settings_value(&settings, "host"));
	assert_int_equal(pga_settings_add(&settings, "host", "h", &error), 0);
	assert_int_equal(pga_settings_add(&settings, "port", "1", &error), 0);
	assert_int_equal(pga_settings_add(&settings, "user", "u", &error), 0);
	assert_int_equal(pga_settings_add(&settings, "port", "2", &error), -1);
	assert_string_equal(error.message, "port: given twice");
	assert_string_equal(error.hint, "give it once");
	assert_int_equal(settings.count, 3);
	assert_string_equal(settings.items[2].keyword, "user");
	assert_string_equal(pga_settings_value(&settings, "host"), "h");
	assert_string_equal(pga_settings_value(&settings, "port"), "1");
	assert_string_equal(pga_settings_value(&settings, "user"), "u");
	assert_null(pga_settings_value(&settings, "hos"));
	pga_settings_free(&settings);
	assert_true(pga_linked_libpq_knows("host"));
	assert_true(pga_linked_libpq_knows("target_session_attrs"));
	assert_false(pga_linked_libpq_knows("bogus"));
}

/* And what is meant; NULL: nothing that is near. */
static const char *const unknown[][2] = {
    {"database", "dbname"},
    {"db", "dbname"},
    {"username", "user"},
    {"hostname", "host"},
    {"server", "host"},
    {"ssl", "sslmode"},
    {"ca", "sslrootcert"},
    {"sslca", "sslrootcert"},
    {"hsot", "host"},
    {"pass", "password"},
    {"timeout", "connect_timeout"},
    {"sslroot", NULL},
    {"whatever", NULL},
};

static void settings_that_libpq_does_not_know(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		const char *keyword = unknown[i][0];
		struct pga_error error;

		assert_int_equal(check(keyword, "x", &error), -1);
		assert_memory_equal(error.message, keyword, strlen(keyword));
		assert_memory_equal(error.message + strlen(keyword), ": the installed libpq (", 23);
		if (unknown[i][1] == NULL) {
			assert_string_equal(error.hint,
					    "libpq's manual lists them: Parameter Key Words");
		} else {
			assert_memory_equal(error.hint, "did you mean ", 13);
			assert_non_null(strstr(error.hint, unknown[i][1]));
			assert_int_equal(error.hint[strlen(error.hint) - 1], '?');
			assert_null(strstr(error.hint, "service"));
		}
	}
}

static const struct {
	const char *name;
	const char *message; /* NULL: it is one */
	bool there;          /* and one that is there already may be so */
} names[] = {
    {"prod", NULL, true},
    {"a b", NULL, true},
    {"[x", NULL, true},
    {"gr\u00f6\u00dfe", NULL, true},
    {"", "the service's name is empty", false},
    {" a", "service \" a\": the name starts or ends with a blank", false},
    {"a ", "service \"a \": the name starts or ends with a blank", false},
    {"\ta", "service \"\ta\": the name starts or ends with a blank", false},
    {"a\v", "service \"a\v\": the name starts or ends with a blank", false},
    {"a\r", "service \"a\r\": the name starts or ends with a blank", false},
    {"a]b", "service \"a]b\": the name holds a ]", false},
    {"postgresql://u:S3CRET@h/d", "the service's name may hold a password", true},
    {"u:S3CRET@h", "the service's name may hold a password", true},
    {"scram_client_key=S3CRET", "the service's name may hold a password", true},
    {"prod@eu", NULL, true},
    {"a\nb", "the service's name holds a control character", false},
    {"a\rb", "the service's name holds a control character", false},
    {"a\tb", "the service's name holds a control character", true},
    {"a\x7f", "the service's name holds a control character", true},
    {"\x1b", "the service's name holds a control character", true},
};

static void names_of_services(void **state)
{
	char longest[PGA_SERVICE_LINE_LIMIT];
	struct pga_error error;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		int result = pga_service_name_check(names[i].name, false, &error);

		if (result != (names[i].message == NULL ? 0 : -1))
			fail_msg("\"%s\": %d", names[i].name, result);
		if (result != 0) {
			assert_string_equal(error.message, names[i].message);
			assert_true(error.hint[0] != '\0');
		}
		assert_int_equal(pga_service_name_check(names[i].name, true, &error),
				 names[i].there ? 0 : -1);
	}
	memset(longest, 'x', sizeof longest);
	longest[PGA_SERVICE_LINE_LIMIT - 4] = '\0';
	assert_int_equal(pga_service_name_check(longest, false, &error), 0);
	longest[PGA_SERVICE_LINE_LIMIT - 4] = 'x';
	longest[PGA_SERVICE_LINE_LIMIT - 3] = '\0';
	assert_int_equal(pga_service_name_check(longest, true, &error), -1);
	assert_string_equal(error.message, "the service's name is too long for a line of the file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_can_be_a_host),
	    cmocka_unit_test(what_can_be_no_host),
	    cmocka_unit_test(settings_that_can_be_written),
	    cmocka_unit_test(settings_that_cannot),
	    cmocka_unit_test(roots_of_the_system),
	    cmocka_unit_test(every_setting_is_checked),
	    cmocka_unit_test(a_line_of_1022_bytes),
	    cmocka_unit_test(settings_are_kept_in_order),
	    cmocka_unit_test(settings_that_libpq_does_not_know),
	    cmocka_unit_test(names_of_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
