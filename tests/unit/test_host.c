/* base/host.h: a prepared list tells of every host what the plain one does, whatever the patterns,
 * and a long list is read and asked in no time. */
#include "cmocka_start.h"

#include "base/host.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_has(const char *patterns, const char *host)
{
	struct pga_host_set set;
	bool has;

	assert_int_equal(pga_host_set_make(&set, patterns, strlen(patterns)), 0);
	has = pga_host_set_has(&set, host);
	pga_host_set_free(&set);
	return has;
}

static void what_a_pattern_means(void **state)
{
	static const struct {
		const char *patterns;
		const char *host;
		bool matches;
	} cases[] = {
	    {"db.example.com", "db.example.com", true},
	    {"db.example.com", "DB.Example.COM.", true},
	    {"DB.example.com.", "db.example.com", true},
	    {"db.example.com", "db.example.com..", false},
	    {"db.example.com", "a.db.example.com", false},
	    {"*.example.com", "db.example.com", true},
	    {"*.example.com.", "a.b.EXAMPLE.com.", true},
	    {"*.example.com", "example.com", false},
	    {"*.example.com", ".example.com", false},
	    {"*.example.com", "dbexample.com", false},
	    {"*", "anything", true},
	    {"*", "", false},
	    {"*", ".", false},
	    {"*.", "a", true},
	    {"a*", "ab", false},
	    {"", "a", false},
	    {" ,\t", "a", false},
	    {"a, b\t*.c", "x.c", true},
	    {"192.0.2.1", "192.0.2.1", true},
	    {"*.2.1", "192.0.2.1", true},
	    {"AZ.example", "az.EXAMPLE", true},
	    /* Bytes that differ in the bit in which a letter's cases do. */
	    {"a_b", "a\x7f\x62", false},
	    {"b\xc3.x", "b\xe3.x", false},
	    {"a@b", "a`b", false},
	    {"a[b", "a{b", false},
	    {"\x10", "0", false},
	    {"x.example.com", "*.example.com", false},
	    {"a.example.com", ".example.com", false},
	    {"a.", "b", false},
	    {".", "b", false},
	    {".", ".", false},
	    {"*.b", "*.b.", true},
	    {"a.b", "a.bc", false},
	    {"a,*.c,b", "b", true},
	    /* A name behind a dot that is none of it. */
	    {"*", &"."[1], false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(pga_host_matches_any(cases[i].patterns, cases[i].host),
				 cases[i].matches);
		assert_int_equal(set_has(cases[i].patterns, cases[i].host), cases[i].matches);
	}
}

static void what_is_no_pattern(void **state)
{
	static const struct {
		const char *patterns;
		const char *bad; /* NULL: all can mean a host */
	} cases[] = {
	    {"", NULL},
	    {"*", NULL},
	    {"*.example.com, db.example.com. 192.0.2.1\t::1 fe80::1%eth0", NULL},
	    {"a_b.example -x", NULL},
	    {"b\xc3\xbc"
	     "cher.example",
	     NULL},
	    {"a 10.0.0.0/8 b", "10.0.0.0/8"},
	    {"db:5432", "db:5432"},
	    {"192.0.2.1:5432", "192.0.2.1:5432"},
	    {"https://db.example.com", "https://db.example.com"},
	    {"[::1]", "[::1]"},
	    {"::1%", "::1%"},
	    {"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"},
	    {"db/", "db/"},
	    {".example.com", ".example.com"},
	    {"a..b", "a..b"},
	    {"*.", "*."},
	    {"*.*.com", "*.*.com"},
	    {"*.::1", "*.::1"},
	    {"db*.example.com", "db*.example.com"},
	    {"a,b;c", "b;c"},
	    {" a/b", "a/b"},
	    {"*.a/", "*.a/"},
	    {"*.a.b/", "*.a.b/"},
	    {"a /", "/"},
	    {"/ a", "/"},
	    {"-", NULL},
	    {"::%1", NULL},
	    {"::", NULL},
	    {"1:2:3:4:5:6:1.2.3.4", NULL},
	    {"%", "%"},
	};
	size_t length = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *all = cases[i].patterns;
		const char *bad = pga_host_bad_pattern(all, strlen(all), &length);

		if (cases[i].bad == NULL) {
			assert_null(bad);
			continue;
		}
		assert_non_null(bad);
		assert_int_equal(length, strlen(cases[i].bad));
		assert_memory_equal(bad, cases[i].bad, length);
	}
}

/* Letters of other alphabets are for libpq and the name service. */
static void what_a_name_is_made_of(void **state)
{
	static const char good[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		const char text[] = {'a', (char)byte, 'b'};
		size_t length = 0;
		const char *bad = pga_host_bad_pattern(text, sizeof text, &length);
		const bool is_good = byte >= 0x80 || byte == '.' ||
				     (byte != '\0' && strchr(good, byte) != NULL) ||
				     (byte != '\0' && strchr(" \t,", byte) != NULL);

		if ((bad == NULL) != is_good)
			fail_msg("byte %02x", (unsigned)byte);
		if (bad != NULL) {
			assert_ptr_equal(bad, text);
			assert_int_equal(length, 3);
		}
	}
}

static void a_pattern_of_any_length(void **state)
{
	char text[5000];

	(void)state;
	for (size_t size = 1; size < sizeof text; size += size / 4 + 1) {
		size_t length = 0;

		for (size_t i = 0; i < size; i++)
			text[i] = i % 2 == 0 ? ':' : '1';
		assert_ptr_equal(pga_host_bad_pattern(text, size, &length), text);
		assert_int_equal(length, size);
		memset(text, 'a', size);
		assert_null(pga_host_bad_pattern(text, size, &length));
	}
}

/* Of few letters, so that many meet. */
static void add_random(struct pga_text *text, unsigned most)
{
	static const char letters[] = "aAb.*";

	for (long length = random() % (long)(most + 1); length > 0; length--)
		pga_text_add_bytes(text, &letters[(size_t)random() % (sizeof letters - 1)], 1);
}

static void both_say_the_same(void **state)
{
	unsigned matched = 0;

	(void)state;
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		struct pga_text patterns = PGA_TEXT_EMPTY;
		struct pga_text host = PGA_TEXT_EMPTY;
		bool plain;

		for (long count = random() % 6; count >= 0; count--) {
			if (random() % 3 == 0)
				pga_text_add(&patterns, "*.");
			add_random(&patterns, 5);
			pga_text_add(&patterns, random() % 2 ? " " : ", ");
		}
		add_random(&host, 7);
		plain = pga_host_matches_any(pga_text_string(&patterns), pga_text_string(&host));
		matched += plain;
		if (set_has(pga_text_string(&patterns), pga_text_string(&host)) != plain)
			fail_msg("round %d: %s of '%s'", round, pga_text_string(&host),
				 pga_text_string(&patterns));
		pga_text_free(&patterns);
		pga_text_free(&host);
	}
	/* Neither answer was rare. */
	assert_true(matched >= 2000 && matched <= 18000);
}

static void many_are_found(void **state)
{
	struct pga_text patterns = PGA_TEXT_EMPTY;
	struct pga_host_set set;
	char host[64];

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		pga_text_addf(&patterns, i % 2 ? "*.net%u.example.com " : "host%u.example.com ",
			      i * 7919U % 10000);
	/* The bytes that are the list's end where its length says. */
	assert_int_equal(pga_host_set_make(&set, patterns.bytes, patterns.length - 2), 0);
	assert_int_equal(set.name_count + set.suffix_count, 10000);
	for (unsigned i = 0; i < 9999; i++) {
		(void)snprintf(host, sizeof host,
			       i % 2 ? "a.Net%u.example.com" : "Host%u.example.com",
			       i * 7919U % 10000);
		assert_true(pga_host_set_has(&set, host));
	}
	assert_false(pga_host_set_has(&set, "host10000.example.com"));
	assert_false(pga_host_set_has(&set, "net1.example.com"));
	pga_host_set_free(&set);
	pga_text_free(&patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_pattern_means),   cmocka_unit_test(what_is_no_pattern),
	    cmocka_unit_test(what_a_name_is_made_of), cmocka_unit_test(a_pattern_of_any_length),
	    cmocka_unit_test(both_say_the_same),      cmocka_unit_test(many_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
