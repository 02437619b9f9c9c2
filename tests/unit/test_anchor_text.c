/* What people type for an anchor, and anchors.conf: a CA's address, a fingerprint, a proxy, the
 * hosts that it is valid for, and which bytes of the file an edit touches. */
#include "cmocka_start.h"

#include "anchor/anchors_conf.h"
#include "ca/url.h"
#include "tls/fingerprint.h"
#include "ca/idn.h"
#include "ca/proxy.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *typed;
	const char *url;
	const char *host;
	const char *name;
} addresses[] = {
    {"ca.example.com", "https://ca.example.com", "ca.example.com", "ca.example.com"},
    {"https://CA.Example.COM:9000/", "https://ca.example.com:9000", "ca.example.com",
     "ca.example.com"},
    {"HTTPS://AZ.az:9000", "https://az.az:9000", "az.az", "az.az"},
    {"https://ca:443/", "https://ca", "ca", "ca"},
    {"https://ca:9000/Prefix/of/it///", "https://ca:9000/Prefix/of/it", "ca", "ca"},
    {"https://ca///", "https://ca", "ca", "ca"},
    {"ca.example.com.", "https://ca.example.com.", "ca.example.com.", "ca.example.com"},
    {"[::1]:9000", "https://[::1]:9000", "::1", "ipv6---1"},
    {"https://[FE80::1%25eth0]:9", "https://[fe80::1%25eth0]:9", "fe80::1", "ipv6-fe80--1"},
    {"192.0.2.1:9", "https://192.0.2.1:9", "192.0.2.1", "192.0.2.1"},
    {"b\u00fccher.example:1/x", "https://xn--bcher-kva.example:1/x", "xn--bcher-kva.example",
     "xn--bcher-kva.example"},
};

static void addresses_of_a_ca(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		struct pga_ca_url ca;
		struct pga_error error;
		char *name;

		if (pga_ca_url_read(&ca, addresses[i].typed, &error) != 0)
			fail_msg("%s: %s", addresses[i].typed, error.message);
		name = pga_ca_url_name(&ca);
		assert_string_equal(ca.url, addresses[i].url);
		assert_string_equal(ca.host, addresses[i].host);
		assert_string_equal(name, addresses[i].name);
		free(name);
		pga_ca_url_free(&ca);
		assert_null(ca.url);
		assert_null(ca.host);
	}
}

/* The text itself is in no message: it may hold a password. */
static const struct {
	const char *typed;
	const char *message;
} no_addresses[] = {
    {"http://secret.example", "--ca-url: only https is possible"},
    {"ldap://secret.example", "--ca-url: only https is possible"},
    {"https://secret@h", "--ca-url: a user or a password has no place in it"},
    {"https://:secret@h", "--ca-url: a user or a password has no place in it"},
    {"https://u:secret@h", "--ca-url: a user or a password has no place in it"},
    {"https://h/?secret", "--ca-url: a query or a fragment has no place in it"},
    {"https://h/#secret", "--ca-url: a query or a fragment has no place in it"},
    {"https://h/secret\xff", "--ca-url: it is not UTF-8"},
    {"https://h/secret x",
     "--ca-url: blanks, control characters and invisible ones have no place in it"},
    {"https://h/secret\x1b",
     "--ca-url: blanks, control characters and invisible ones have no place in it"},
    {"https://h/secret\u202e",
     "--ca-url: blanks, control characters and invisible ones have no place in it"},
    {"https://h:secret", "--ca-url: not the address of a host"},
    {"https://h:65536", "--ca-url: not the address of a host"},
    {"", "--ca-url: not the address of a host"},
};

static void what_is_no_address_of_a_ca(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof no_addresses / sizeof no_addresses[0]; i++) {
		struct pga_ca_url ca;
		struct pga_error error;

		if (pga_ca_url_read(&ca, no_addresses[i].typed, &error) != -1)
			fail_msg("%s", no_addresses[i].typed);
		assert_string_equal(error.message, no_addresses[i].message);
		assert_string_equal(error.hint, "such as --ca-url https://ca.example.com:9000");
		assert_null(ca.url);
		assert_null(ca.host);
	}
}

static const struct {
	const char *one;
	const char *other;
	bool same;
} pairs[] = {
    {"https://ca.example.com", "https://CA.example.com.:443/", true},
    {"https://ca.example.com.:9000/p", "https://ca.example.com:9000/p/", true},
    {"https://[::1]:9000", "https://[0:0:0:0:0:0:0:1]:9000", true},
    {"https://[fe80::1%25eth0]", "https://[fe80::1%25eth1]", false},
    {"https://ca.example.com:9000", "https://ca.example.com", false},
    {"https://ca.example.com/p", "https://ca.example.com/P", false},
    {"https://ca.example.com", "https://ca.example.comm", false},
    {"/home/u/root.crt", "/home/u/root.crt", true},
    {"/home/u/root.crt", "https://home/u/root.crt", false},
    {"", "https://h", false},
    {"", "", true},
};

static void one_address_in_several_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (pga_ca_url_is_same(pairs[i].one, pairs[i].other) != pairs[i].same ||
		    pga_ca_url_is_same(pairs[i].other, pairs[i].one) != pairs[i].same)
			fail_msg("%s, %s", pairs[i].one, pairs[i].other);
}

#define PIN "00112233445566778899aabbccddeeff0123456789abcdefabcdef0102030f9f"

static const char *const fingerprints[] = {
    PIN,
    "00112233445566778899AABBCCDDEEFF0123456789ABCDEFABCDEF0102030F9F",
    " \t\r\n" PIN " \t\r\n",
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:01:23:45:67:89:ab:cd:ef:ab:cd:ef:01:02:03:0f:"
    "9f",
    "00-11-22-33-44-55-66-77-88-99-AA-BB-CC-DD-EE-FF-01-23-45-67-89-AB-CD-EF-AB-CD-EF-01-02-03-0F-"
    "9F",
    "00 11  22\t3344556677\n8899aabbccddeeff0123456789abcdefabcdef0102030f9f",
    "sha256 Fingerprint=" PIN,
    "SHA256 Fingerprint=" PIN,
    "SHA-256 Fingerprint=" PIN,
    "SHA256:" PIN,
    "sha-256: " PIN,
    "  sha256=\t" PIN,
};

static void fingerprints_as_people_write_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fingerprints / sizeof fingerprints[0]; i++) {
		char pin[PGA_PIN_LENGTH + 1];
		struct pga_error error;

		memset(pin, 'x', sizeof pin);
		if (pga_fingerprint_parse(fingerprints[i], pin, &error) != 0)
			fail_msg("%s: %s", fingerprints[i], error.message);
		assert_string_equal(pin, PIN);
	}
}

#define NOT_AT(at)                         \
	"here: not a fingerprint at \"" at \
	"\"; it is 64 hex digits, with or without colons, dashes or blanks between the bytes"
#define OF(digits, what) \
	"here: " digits " hex digits are " what "; the SHA-256 fingerprint is needed"

static const struct {
	const char *typed;
	const char *message;
} no_fingerprints[] = {
    {"", "here: 0 hex digits; a SHA-256 fingerprint has 64"},
    {"0", "here: 1 hex digits; a SHA-256 fingerprint has 64"},
    {PIN "0", "here: 65 hex digits; a SHA-256 fingerprint has 64"},
    {PIN "00", "here: 66 hex digits; a SHA-256 fingerprint has 64"},
    {"00112233445566778899aabbccddeeff0123456789abcdefabcdef0102030f9",
     "here: 63 hex digits; a SHA-256 fingerprint has 64"},
    {"00112233445566778899aabbccddeeff", OF("32", "MD5, which is forgeable")},
    {"md5 Fingerprint=00112233445566778899aabbccddeeff", OF("32", "MD5, which is forgeable")},
    {"sha1 Fingerprint=00112233445566778899aabbccddeeff00112233",
     OF("40", "a SHA-1 fingerprint, which is forgeable or close to it")},
    {"SHA1:00112233445566778899aabbccddeeff00112233",
     OF("40", "a SHA-1 fingerprint, which is forgeable or close to it")},
    {"SHA-1:00112233445566778899aabbccddeeff00112233",
     OF("40", "a SHA-1 fingerprint, which is forgeable or close to it")},
    {"00112233445566778899aabbccddeeff001122330011223300112233", OF("56", "a SHA-224 fingerprint")},
    {PIN "00112233445566778899aabbccddeeff", OF("96", "a SHA-384 fingerprint")},
    {PIN PIN, OF("128", "a SHA-512 fingerprint")},
    {"0g", NOT_AT("g")},
    {"0:0", NOT_AT(":0")},
    {"00:", NOT_AT(":")},
    {"00::11", NOT_AT("::11")},
    {"00-:11", NOT_AT("-:11")},
    {"00:g" PIN, NOT_AT(":g001122334455667788")},
    {PIN " x", NOT_AT("x")},
    {"no fingerprint at all, of anything", NOT_AT("no fingerprint at al")},
};

static void what_is_no_fingerprint(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof no_fingerprints / sizeof no_fingerprints[0]; i++) {
		/* With room behind the pin, in which nothing is written. */
		char pin[PGA_PIN_LENGTH + 8];
		struct pga_error error;

		memset(pin, 'x', sizeof pin);
		assert_int_equal(
		    pga_fingerprint_read(no_fingerprints[i].typed, "here", pin, &error), -1);
		assert_string_equal(error.message, no_fingerprints[i].message);
		assert_string_equal(error.hint, PGA_FINGERPRINT_ADVICE);
		assert_memory_equal(pin + PGA_PIN_LENGTH, "xxxxxxxx", 8);
	}
}

static const struct {
	const char *typed;
	const char *hosts; /* NULL: what is said in its place */
	const char *message;
} patterns[] = {
    {"*", "*", NULL},
    {"a", "a", NULL},
    {" \t,a,\t b ,", "a b", NULL},
    {"*.example.com,db.example.org", "*.example.com db.example.org", NULL},
    {"192.0.2.1 ::1", "192.0.2.1 ::1", NULL},
    {"*.b\u00fccher.example", "*.xn--bcher-kva.example", NULL},
    {"b\u00fccher.example x", "xn--bcher-kva.example x", NULL},
    {"", NULL, "--hosts: no host pattern"},
    {" ,\t", NULL, "--hosts: no host pattern"},
    {"a b:1 c", NULL, "--hosts: b:1: neither *, *.DOMAIN, a host name nor an address"},
    {"*.", NULL, "--hosts: *.: neither *, *.DOMAIN, a host name nor an address"},
    {"a -\u00fc", NULL, "-\u00fc: cannot be made an international host name"},
    {"*.-\u00fc", NULL, "-\u00fc: cannot be made an international host name"},
};

static void host_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct pga_error error = {.message = ""};
		char *hosts = pga_anchors_conf_hosts(patterns[i].typed, &error);

		if (patterns[i].hosts != NULL) {
			assert_non_null(hosts);
			assert_string_equal(hosts, patterns[i].hosts);
		} else {
			assert_null(hosts);
			assert_string_equal(error.message, patterns[i].message);
			assert_true(error.hint[0] != '\0');
		}
		free(hosts);
	}
}

static const struct {
	const char *typed;
	const char *ascii; /* NULL: none */
} host_lists[] = {
    {"", ""},
    {"a,b", "a,b"},
    {",a,,b,", ",a,,b,"},
    {"/run/b\u00fc,@b\u00fc,b\u00fccher.example,B",
     "/run/b\u00fc,@b\u00fc,xn--bcher-kva.example,B"},
    {"b\u00fccher.example,b\u00fccher.example", "xn--bcher-kva.example,xn--bcher-kva.example"},
    {"a,-\u00fc,b", NULL},
};

static void lists_of_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof host_lists / sizeof host_lists[0]; i++) {
		struct pga_error error;
		char *ascii = pga_hosts_to_ascii(host_lists[i].typed, &error);

		if (host_lists[i].ascii != NULL) {
			assert_non_null(ascii);
			assert_string_equal(ascii, host_lists[i].ascii);
		} else {
			assert_null(ascii);
			assert_string_equal(error.message,
					    "-\u00fc: cannot be made an international host name");
			assert_string_equal(
			    error.hint,
			    "write it as DNS has it, xn--..., which \"idn2 NAME\" prints");
		}
		free(ascii);
	}
	assert_true(pga_host_is_ascii(""));
	assert_true(pga_host_is_ascii("a\x7f"));
	assert_false(pga_host_is_ascii("a\x80"));
	assert_false(pga_host_is_ascii("\u00fc"));
}

static const struct {
	const char *address;
	bool good;
} proxies[] = {
    {"", true},
    {"proxy", true},
    {"proxy:3128", true},
    {"http://proxy:3128", true},
    {"https://u:p@proxy:3128", true},
    {"socks4://proxy", true},
    {"socks4a://proxy", true},
    {"socks5://proxy", true},
    {"socks5h://proxy:1", true},
    {"http://u:p%2Fq@proxy", true},
    {"http://u:p%3Fq@proxy", true},
    {"http://proxy/path", true},
    {"ftp://proxy", false},
    {"socks://proxy", false},
    {"http://u:1/q@proxy", false},
    {"http://u:1?q@proxy", false},
    {"http://u:1#q@proxy", false},
    {"http://proxy:99999", false},
    {"http://", false},
    {"http://a b", false},
};

static void addresses_of_a_proxy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
		struct pga_error error = {.message = ""};

		if (pga_proxy_check(proxies[i].address, &error) != (proxies[i].good ? 0 : -1))
			fail_msg("%s", proxies[i].address);
		assert_string_equal(error.message,
				    proxies[i].good ? "" : "--proxy: not the address of a proxy");
	}
}

#define HEAD "# The roots that are trusted for PostgreSQL; written by pganchor bootstrap.\n"

/* The section [n] set to hosts = new and pin = P; its source, which is left as it is. */
static const struct {
	const char *before;
	const char *after;
} edits[] = {
    {"", HEAD "\n[n]\nhosts = new\npin = P\n"},
    {"# mine\n", "# mine\n\n[n]\nhosts = new\npin = P\n"},
    {"[o]\npin = Q", "[o]\npin = Q\n\n[n]\nhosts = new\npin = P\n"},
    {"[o]\r\npin = Q\r\n", "[o]\r\npin = Q\r\n\n[n]\nhosts = new\npin = P\n"},
    /* Nothing to change: every byte stays. */
    {"[n]\n  hosts   =  new  \nsource = s\n# c\n\npin = P",
     "[n]\n  hosts   =  new  \nsource = s\n# c\n\npin = P"},
    {"[n]\nhosts = old\nsource = s\npin = P\n", "[n]\nhosts = new\nsource = s\npin = P\n"},
    {"[n]\r\nhosts = old\r\npin = P\r\n", "[n]\r\nhosts = new\r\npin = P\r\n"},
    {"[n]\nhosts = old\r\npin = Q\n", "[n]\nhosts = new\r\npin = P\n"},
    /* What is missing is added below the header, with its line end. */
    {"[n]\npin = P\n", "[n]\nhosts = new\npin = P\n"},
    {"[n]\r\npin = P\n", "[n]\r\nhosts = new\r\npin = P\n"},
    {"[n]\nsource = s\n", "[n]\nhosts = new\npin = P\nsource = s\n"},
    {"[n]", "[n]\nhosts = new\npin = P\n"},
    {"[o]\npin = Q\n[n]", "[o]\npin = Q\n[n]\nhosts = new\npin = P\n"},
    /* The others' lines are theirs. */
    {"hosts = z\n[o]\nhosts = x\npin = Q\n[n]\nhosts = old\npin = P\n[p]\nhosts = y\npin = R\n",
     "hosts = z\n[o]\nhosts = x\npin = Q\n[n]\nhosts = new\npin = P\n[p]\nhosts = y\npin = R\n"},
    {"[n]\n# hosts = c\nhosts = old\npin = P\n[nn]\npin = S\n",
     "[n]\n# hosts = c\nhosts = new\npin = P\n[nn]\npin = S\n"},
};

static void edits_of_anchors_conf(void **state)
{
	static const struct pga_anchor_setting settings[] = {
	    {"source", NULL}, {"hosts", "new"}, {"pin", "P"}};

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		struct pga_text before = PGA_TEXT_EMPTY;
		struct pga_text after = PGA_TEXT_EMPTY;

		pga_text_add(&before, edits[i].before);
		pga_anchors_conf_set(&before, "n", settings, 3, &after);
		assert_string_equal(pga_text_string(&after), edits[i].after);
		assert_int_equal(after.length, strlen(edits[i].after));
		pga_text_free(&before);
		pga_text_free(&after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_a_ca),
	    cmocka_unit_test(what_is_no_address_of_a_ca),
	    cmocka_unit_test(one_address_in_several_forms),
	    cmocka_unit_test(fingerprints_as_people_write_them),
	    cmocka_unit_test(what_is_no_fingerprint),
	    cmocka_unit_test(host_patterns),
	    cmocka_unit_test(lists_of_hosts),
	    cmocka_unit_test(addresses_of_a_proxy),
	    cmocka_unit_test(edits_of_anchors_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
