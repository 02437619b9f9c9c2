/* ca/url.h, ca/idn.h: names and addresses where libcurl, the machine's locales or memory fail on
 * the way. What cannot be known is an error, with a reason, and never a part of a name. */
#include "failing.h"

#include "anchor/anchors_conf.h"
#include "ca/idn.h"
#include "ca/url.h"

#include <curl/curl.h>

#include <locale.h>
#include <stdarg.h>

/* ---- what the linker leads here (--wrap) ---- */

static long until; /* calls of libcurl until one fails; 0: none does */
static bool curl_has_failed;
static bool no_locale;

static bool curl_fails(void)
{
	if (until == 0 || --until > 0)
		return false;
	curl_has_failed = true;
	return true;
}

CURLU *__real_curl_url(void);
CURLU *__wrap_curl_url(void);
CURLUcode __real_curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags);
CURLUcode __wrap_curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags);
CURLUcode __real_curl_url_get(const CURLU *url, CURLUPart part, char **text, unsigned flags);
CURLUcode __wrap_curl_url_get(const CURLU *url, CURLUPart part, char **text, unsigned flags);
locale_t __real_newlocale(int mask, const char *name, locale_t base);
locale_t __wrap_newlocale(int mask, const char *name, locale_t base);

CURLU *__wrap_curl_url(void)
{
	return curl_fails() ? NULL : __real_curl_url();
}

CURLUcode __wrap_curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned flags)
{
	assert_int_equal(flags,
			 part == CURLUPART_URL && strcmp(text, "https://x/") != 0
			     ? CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE
			     : 0);
	return curl_fails() ? CURLUE_OUT_OF_MEMORY : __real_curl_url_set(url, part, text, flags);
}

CURLUcode __wrap_curl_url_get(const CURLU *url, CURLUPart part, char **text, unsigned flags)
{
	assert_true(flags == 0 || (part == CURLUPART_URL && flags == CURLU_NO_DEFAULT_PORT) ||
		    (part == CURLUPART_HOST && flags == CURLU_PUNYCODE));
	return curl_fails() ? CURLUE_OUT_OF_MEMORY : __real_curl_url_get(url, part, text, flags);
}

locale_t __wrap_newlocale(int mask, const char *name, locale_t base)
{
	assert_int_equal(mask, LC_CTYPE_MASK);
	return no_locale ? (locale_t)0 : __real_newlocale(mask, name, base);
}

/* ---- the tests ---- */

static const char *typed;
static const char *whole;

static int read_url(struct pga_error *error)
{
	struct pga_ca_url ca;

	if (pga_ca_url_read(&ca, typed, error) != 0) {
		assert_null(ca.url);
		assert_null(ca.host);
		return -1;
	}
	assert_string_equal(ca.url, whole);
	pga_ca_url_free(&ca);
	return 0;
}

static int convert(struct pga_error *error)
{
	char *name = pga_host_to_ascii("b\u00fccher.example", error);

	if (name == NULL)
		return -1;
	assert_string_equal(name, "xn--bcher-kva.example");
	free(name);
	return 0;
}

static int convert_list(struct pga_error *error)
{
	char *names = pga_hosts_to_ascii("a,b\u00fccher.example,c", error);

	if (names == NULL)
		return -1;
	assert_string_equal(names, "a,xn--bcher-kva.example,c");
	free(names);
	return 0;
}

static int convert_patterns(struct pga_error *error)
{
	char *hosts = pga_anchors_conf_hosts("a *.b\u00fccher.example", error);

	if (hosts == NULL)
		return -1;
	assert_string_equal(hosts, "a *.xn--bcher-kva.example");
	free(hosts);
	return 0;
}

/* The locale is the thread's own again, whatever happens. */
static void each_call_fails(int (*attempt)(struct pga_error *error))
{
	const locale_t before = uselocale((locale_t)0);
	long number = 0;

	do {
		struct pga_error error;

		memset(&error, 0, sizeof error);
		curl_has_failed = false;
		until = ++number;
		if (attempt(&error) != 0) {
			assert_true(curl_has_failed);
			assert_true(error.message[0] != '\0');
		} else {
			/* A part that cannot be asked for is one that is not there. */
			assert_true(!curl_has_failed || attempt == read_url);
		}
		until = 0;
		assert_ptr_equal(uselocale((locale_t)0), before);
	} while (curl_has_failed);
	assert_true(number > 2);
}

static void libcurl_fails(void **state)
{
	(void)state;
	each_call_fails(convert);
	each_call_fails(convert_list);
	each_call_fails(convert_patterns);
	typed = "CA.example:9000/p/";
	whole = "https://ca.example:9000/p";
	each_call_fails(read_url);
	typed = "b\u00fccher.example";
	whole = "https://xn--bcher-kva.example";
	each_call_fails(read_url);
}

static void memory_runs_out(void **state)
{
	(void)state;
	without_each(convert, false);
	without_each(convert_list, false);
	without_each(convert_patterns, false);
	typed = "CA.example:9000/p/";
	whole = "https://ca.example:9000/p";
	without_each(read_url, false);
}

/* Its name is in no encoding that is known then. */
static void there_is_no_such_locale(void **state)
{
	const locale_t before = uselocale((locale_t)0);
	struct pga_error error;

	(void)state;
	no_locale = true;
	assert_int_equal(convert(&error), -1);
	assert_string_equal(error.message,
			    "b\u00fccher.example: cannot be made an international host name");
	assert_ptr_equal(uselocale((locale_t)0), before);
	no_locale = false;
	assert_int_equal(convert(&error), 0);
}

static int name_it(struct pga_error *error)
{
	const char *host = typed;
	char text[64];
	struct pga_ca_url ca = {.url = NULL, .host = text};
	char *name;

	(void)snprintf(text, sizeof text, "%s", host);
	name = pga_ca_url_name(&ca);
	if (name == NULL)
		return pga_fail_memory(error);
	assert_string_equal(name, whole);
	free(name);
	return 0;
}

static void the_name_of_an_anchor(void **state)
{
	static const char *const names[][2] = {{"ca.example", "ca.example"},
					       {"ca.example.", "ca.example"},
					       {"a", "a"},
					       {".", ""},
					       {"fe80::1:2", "ipv6-fe80--1-2"},
					       {"::", "ipv6---"}};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		typed = names[i][0];
		whole = names[i][1];
		without_each(name_it, false);
	}
}

/* What cannot be compared as addresses is compared as it stands. */
static void comparing_without_memory(void **state)
{
	long number = 0;

	(void)state;
	do {
		has_failed = false;
		left = ++number;
		assert_true(pga_ca_url_is_same("https://ca.example", "https://ca.example"));
		left = number;
		assert_false(pga_ca_url_is_same("https://ca.example", "https://ca.example/p"));
		left = 0;
	} while (has_failed);
	assert_true(number > 2);
	assert_true(pga_ca_url_is_same("https://CA.example./p/", "ca.example/p"));
	assert_true(pga_ca_url_is_same("no url", "no url"));
	assert_false(pga_ca_url_is_same("no url", "https://ca.example"));
	assert_false(pga_ca_url_is_same("/ca.example", "ca.example"));
	assert_false(pga_ca_url_is_same("https://a.b.", "https://a.bc"));
}

static void what_ends_at_a_zone(void **state)
{
	struct pga_error error;
	struct pga_ca_url ca;

	(void)state;
	assert_int_equal(pga_ca_url_read(&ca, "https://[fe80::1%25eth0]:9/p//", &error), 0);
	assert_string_equal(ca.url, "https://[fe80::1%25eth0]:9/p");
	assert_string_equal(ca.host, "fe80::1");
	pga_ca_url_free(&ca);
	assert_int_equal(pga_ca_url_read(&ca, "https:///", &error), -1);
	assert_int_equal(pga_ca_url_read(&ca, "https://h/a\x7f", &error), -1);
	assert_string_equal(error.message, "--ca-url: blanks, control characters and invisible "
					   "ones have no place in it");
	assert_int_equal(pga_ca_url_read(&ca, "https://h/\u00fc", &error), 0);
	assert_string_equal(ca.url, "https://h/%c3%bc");
	pga_ca_url_free(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(libcurl_fails),
	    cmocka_unit_test(memory_runs_out),
	    cmocka_unit_test(there_is_no_such_locale),
	    cmocka_unit_test(the_name_of_an_anchor),
	    cmocka_unit_test(comparing_without_memory),
	    cmocka_unit_test(what_ends_at_a_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
