/* service/choose_anchor.h, policy/hostlist.h: the hosts of a service one by one, and which anchor
 * is valid for all of them. */
#include "cmocka_start.h"
#include "policy/linked.h"

#include "service/host_name.h"
#include "policy/hostlist.h"
#include "service/settings.h"
#include "service/choose_anchor.h"

#include <stdlib.h>
#include <string.h>

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

#define OTHER_HOSTS                                                                       \
	"name another anchor, or change what it is valid for: pganchor anchor set-hosts " \
	"org PATTERNS"

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
	    cmocka_unit_test(hosts_one_by_one),
	    cmocka_unit_test(which_anchor_is_valid),
	    cmocka_unit_test(hosts_without_an_anchor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
