/* What people type for a service entry: its hosts, its settings, its name; and which anchor
 * is valid for them. Each rule from both sides. */
#include "cmocka_start.h"
#include "policy/linked.h"

#include "service/host_name.h"
#include "policy/hostlist.h"
#include "service/settings.h"
#include "service/choose_anchor.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
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

/* host, hostaddr, port: the hosts as NAME|ADDRESS|PORT, with a ! before those that are local. */
static const struct {
	const char *host;
	const char *address;
	const char *port;
	const char *split;
	const char *labels;
} lists[] = {
    {NULL, NULL, NULL, "!||;", ";"},
    {"", "", "", "!||;", ";"},
    {"a", NULL, "1", "a||1;", "a;"},
    {"a,b,c", NULL, NULL, "a||;b||;c||;", "a;b;c;"},
    {"a,b,c", NULL, "1,2,3", "a||1;b||2;c||3;", "a;b;c;"},
    {"a,b,c", NULL, "1,,3", "a||1;b||;c||3;", "a;b;c;"},
    {"a,b,c", NULL, "1", "a||1;b||1;c||1;", "a;b;c;"},
    {"a,b,c", NULL, "1,2", "a||1;b||2;c||;", "a;b;c;"},
    {"/x,@y,,d", NULL, NULL, "!/x||;!@y||;!||;d||;", "/x;@y;;d;"},
    {"/x,b", "1.1.1.1,", NULL, "/x|1.1.1.1|;b||;", "/x;b;"},
    {NULL, "1.1.1.1,2.2.2.2", "7", "|1.1.1.1|7;|2.2.2.2|7;", "1.1.1.1;2.2.2.2;"},
    {"a", "1.1.1.1,2.2.2.2", NULL, "a|1.1.1.1|;|2.2.2.2|;", "a;2.2.2.2;"},
    {"a,b", "", NULL, "a||;b||;", "a;b;"},
};

static void hosts_one_by_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct pga_text split = PGA_TEXT_EMPTY;
		struct pga_text labels = PGA_TEXT_EMPTY;
		struct pga_hosts all;
		struct pga_error error;

		assert_int_equal(
		    pga_hosts_split(lists[i].host, lists[i].address, lists[i].port, &all, &error),
		    0);
		for (size_t k = 0; k < all.count; k++) {
			const struct pga_host *host = &all.items[k];

			pga_text_addf(&split, "%s%s|%s|%s;", host->local ? "!" : "", host->name,
				      host->address, host->port);
			pga_text_addf(&labels, "%s;", pga_host_label(host));
		}
		assert_string_equal(pga_text_string(&split), lists[i].split);
		assert_string_equal(pga_text_string(&labels), lists[i].labels);
		pga_text_free(&split);
		pga_text_free(&labels);
		pga_hosts_free(&all);
		assert_null(all.items);
		assert_int_equal(all.count, 0);
	}
}

#define DIGITS_63              "000000000000000000000000000000000000000000000000000000000000000"
#define PIN(name, digit, more) "[" name "]\n" more "pin = " DIGITS_63 digit "\n"
#define ORG                    PIN("org", "1", "hosts = *.org\n")
#define ORG_SCOPED             PIN("orgs", "2", "hosts = *.org\nscope = scoped\n")
#define COM                    PIN("com", "3", "hosts = *.com\n")
#define NET                    PIN("net", "4", "hosts = *.net\nscope = scoped\n")
#define ALL                    PIN("all", "5", "")

#define OTHER_HOSTS                                                                             \
	"name another anchor, or change what it is valid for: pganchor bootstrap --ca-url URL " \
	"--fingerprint HEX --hosts PATTERNS --replace"

static const struct {
	const char *pins;
	const char *wanted;
	const char *host;
	const char *anchor; /* NULL: none */
	const char *file;   /* what its own file ends in; NULL: none is named */
	const char *unpinned;
	bool in_root_crt;
	const char *message; /* NULL: it is no error */
	const char *hint;
} choices[] = {
    {ORG, NULL, "a.org", "org", NULL, "", true, NULL, NULL},
    {ORG, NULL, "a.com", NULL, NULL, "a.com", false, NULL, NULL},
    {ORG, NULL, "a.org,a.com,b.org,b.com", "org", NULL, "a.com, b.com", true, NULL, NULL},
    {ORG, NULL, "a.com,a.org", "org", NULL, "a.com", true, NULL, NULL},
    {ORG, NULL, "/run,@x,", NULL, NULL, "", false, NULL, NULL},
    {ORG COM, NULL, "a.com", "com", NULL, "", true, NULL, NULL},
    {COM ORG, NULL, "a.com", "com", NULL, "", true, NULL, NULL},
    {ORG COM ALL, NULL, "a.com", NULL, NULL, "", true, NULL, NULL},
    {ORG COM, NULL, "a.com,a.org,b.net", NULL, NULL, "b.net", true, NULL, NULL},
    {NET, NULL, "a.net", "net", "/anchors/net.crt", "", false, NULL, NULL},
    {ORG NET, NULL, "a.net", "net", "/anchors/net.crt", "", false, NULL, NULL},
    {NET ORG, NULL, "a.org", "org", NULL, "", true, NULL, NULL},
    {ORG ORG_SCOPED COM, NULL, "a.org", NULL, NULL, "", false,
     "which anchor: more than one is valid for the hosts, and not all are in root.crt",
     "name one with --anchor: org, orgs"},
    {ORG_SCOPED ALL COM, NULL, "a.org", NULL, NULL, "", false,
     "which anchor: more than one is valid for the hosts, and not all are in root.crt",
     "name one with --anchor: orgs, all"},
    {ORG COM, "org", "a.org,b.org,/run", "org", "/anchors/org.crt", "", false, NULL, NULL},
    {ORG COM, "com", "/run", "com", "/anchors/com.crt", "", false, NULL, NULL},
    {ORG COM, "org", "a.com,a.org,b.org", NULL, NULL, "", false,
     "anchor org: is not valid for a.com (hosts = *.org)", OTHER_HOSTS},
    {ORG COM, "org", "a.org,a.com,b.org", NULL, NULL, "", false,
     "anchor org: is not valid for a.com (hosts = *.org)", OTHER_HOSTS},
    {ORG COM, "org", "a.org,b.org,a.com", NULL, NULL, "", false,
     "anchor org: is not valid for a.com (hosts = *.org)", OTHER_HOSTS},
    {ORG COM, "or", "a.org", NULL, NULL, "", false, "anchor or: there is none of this name",
     "anchors: org, com"},
    {NULL, "org", "a.org", NULL, NULL, "", false, "anchor org: there is none of this name",
     "anchors: none yet; pganchor bootstrap pins one"},
    {NULL, NULL, "a.org,b.org", NULL, NULL, "a.org, b.org", false, NULL, NULL},
};

static void compare_choice(size_t i, const struct pga_anchor_choice *choice)
{
	if (choices[i].anchor == NULL) {
		assert_null(choice->anchor);
	} else {
		assert_non_null(choice->anchor);
		assert_string_equal(choice->anchor->name, choices[i].anchor);
	}
	if (choices[i].file == NULL) {
		assert_null(choice->sslrootcert);
	} else {
		assert_non_null(choice->sslrootcert);
		assert_string_equal(choice->sslrootcert + strlen("/nowhere/pganchor"),
				    choices[i].file);
	}
	assert_string_equal(pga_text_string(&choice->unpinned), choices[i].unpinned);
	assert_int_equal(choice->in_root_crt, choices[i].in_root_crt);
	assert_int_equal(choice->named, choices[i].wanted != NULL);
}

static void which_anchor_is_valid(void **state)
{
	(void)state;
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/nowhere", 1), 0);
	for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
		struct pga_settings settings = {.items = NULL};
		struct pga_anchor_choice choice;
		struct pga_pins pins;
		struct pga_error error;
		const char *text = choices[i].pins;

		assert_int_equal(
		    pga_pins_parse(&pins, "x", text, text != NULL ? strlen(text) : 0, &error), 0);
		assert_int_equal(pga_settings_add(&settings, "host", choices[i].host, &error), 0);
		if (pga_anchor_choose(&pins, choices[i].wanted, &settings, &choice, &error) !=
		    (choices[i].message == NULL ? 0 : -1))
			fail_msg("choice %zu", i);
		if (choices[i].message == NULL) {
			compare_choice(i, &choice);
		} else {
			assert_string_equal(error.message, choices[i].message);
			assert_string_equal(error.hint, choices[i].hint);
			assert_null(choice.anchor);
		}
		pga_anchor_choice_free(&choice);
		pga_settings_free(&settings);
		pga_pins_free(&pins);
	}
}

static const struct {
	const char *exempt;
	const char *host;
	const char *address;
	const char *missing;
} exemptions[] = {
    {"", "a.org,b.com,c.net,d.org", NULL, "b.com, c.net"},
    {"b.com", "a.org,b.com,c.net", NULL, "c.net"},
    {"*", "b.com,c.net", NULL, ""},
    /* What is connected to is what is exempt. */
    {"b.com", "b.com", "192.0.2.1", "b.com"},
    {"192.0.2.1", "b.com,c.net", "192.0.2.1,192.0.2.2", "c.net"},
    {"", NULL, "192.0.2.1", "192.0.2.1"},
    {"", "/run", NULL, ""},
    {"", "/run", "192.0.2.1", "/run"},
    {"", NULL, NULL, ""},
};

static void hosts_without_an_anchor(void **state)
{
	struct pga_pins pins;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_pins_parse(&pins, "x", ORG COM, strlen(ORG), &error), 0);
	for (size_t i = 0; i < sizeof exemptions / sizeof exemptions[0]; i++) {
		const char *exempt = exemptions[i].exempt;
		struct pga_host_set set;
		struct pga_policy policy = {.allow_weak = &set, .allow_weak_count = 1};
		struct pga_text missing = PGA_TEXT_EMPTY;

		assert_int_equal(pga_host_set_make(&set, exempt, strlen(exempt)), 0);
		assert_int_equal(pga_anchor_missing(&pins, &policy, exemptions[i].host,
						    exemptions[i].address, &missing, &error),
				 0);
		assert_string_equal(pga_text_string(&missing), exemptions[i].missing);
		pga_host_set_free(&set);
		pga_text_free(&missing);
	}
	pga_pins_free(&pins);
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
	    cmocka_unit_test(hosts_one_by_one),
	    cmocka_unit_test(which_anchor_is_valid),
	    cmocka_unit_test(hosts_without_an_anchor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
