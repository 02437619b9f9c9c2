/* ca/proxy.h: what is said where a proxy, of the command line or the environment, is in the way. */
#include "cmocka_start.h"

#include "ca/proxy.h"

#include <curl/curl.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the linker leads here (--wrap) ---- */

/* What the proxy has answered to CONNECT; 0: nothing. */
static long status;
static bool no_url;
static int urls, ended; /* that were made, and cleaned up */

CURLcode __wrap_curl_easy_getinfo(CURL *curl, CURLINFO info, ...);
CURLU *__real_curl_url(void);
CURLU *__wrap_curl_url(void);
void __real_curl_url_cleanup(CURLU *url);
void __wrap_curl_url_cleanup(CURLU *url);

CURLcode __wrap_curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	va_list arguments;

	assert_null(curl);
	assert_int_equal(info, CURLINFO_HTTP_CONNECTCODE);
	va_start(arguments, info);
	*va_arg(arguments, long *) = status;
	va_end(arguments);
	return CURLE_OK;
}

CURLU *__wrap_curl_url(void)
{
	if (no_url)
		return NULL;
	urls++;
	return __real_curl_url();
}

void __wrap_curl_url_cleanup(CURLU *url)
{
	ended++;
	__real_curl_url_cleanup(url);
}

static int begin(void **state)
{
	(void)state;
	status = 0;
	no_url = false;
	urls = ended = 0;
	return unsetenv("https_proxy") | unsetenv("HTTPS_PROXY") | unsetenv("all_proxy") |
	       unsetenv("ALL_PROXY");
}

/* ---- the tests ---- */

static struct pga_error error;

/* Whether it was the proxy, and what is said then. */
static void says(const char *address, const char *message, const char *hint)
{
	memset(&error, 0, sizeof error);
	assert_int_equal(pga_proxy_explain(NULL, address, "https://ca", &error), message != NULL);
	assert_string_equal(error.message, message != NULL ? message : "");
	assert_string_equal(error.hint, hint != NULL ? hint : "");
	assert_int_equal(ended, urls);
}

#define PASS "ask who runs the proxy; \"--proxy ''\" and no_proxy go past it"
#define CREDS                                                                                    \
	"they belong in its address: http://USER:PASSWORD@HOST:PORT, where / ? # @ : % are %2F " \
	"%3F %23 %40 %3A %25"
#define ILL "is the CA running, and is it the right port? or ask who runs the proxy"
#define BAD                                                                                  \
	"such as http://proxy.example.com:3128; in a user name or a password write / ? # @ " \
	": % as %2F %3F %23 %40 %3A %25"

static void what_a_proxy_answers(void **state)
{
	static const struct {
		long status;
		const char *address;
		const char *message;
		const char *hint;
	} cases[] = {
	    {0, "http://p:1", NULL, NULL},
	    {200, "http://p:1", NULL, NULL},
	    {299, "http://p:1", NULL, NULL},
	    {199, "http://p:1",
	     "https://ca: the proxy http://p:1 does not let it through (HTTP 199)", PASS},
	    {300, "http://p:1",
	     "https://ca: the proxy http://p:1 does not let it through (HTTP 300)", PASS},
	    {403, "p", "https://ca: the proxy http://p does not let it through (HTTP 403)", PASS},
	    {406, "http://p", "https://ca: the proxy http://p does not let it through (HTTP 406)",
	     PASS},
	    {407, "http://p:3128",
	     "https://ca: the proxy http://p:3128 wants a user and a password (HTTP 407)", CREDS},
	    {407, "socks5h://u:secret@p:1",
	     "https://ca: the proxy socks5h://p:1 does not take this user and password (HTTP 407)",
	     CREDS},
	    {408, "https://u:secret@p",
	     "https://ca: the proxy https://p does not let it through (HTTP 408)", PASS},
	    {499, "http://p", "https://ca: the proxy http://p does not let it through (HTTP 499)",
	     PASS},
	    {500, "http://p", "https://ca: the proxy http://p could not connect there (HTTP 500)",
	     ILL},
	    {503, "http://p", "https://ca: the proxy http://p could not connect there (HTTP 503)",
	     ILL},
	    /* What is no address of one is said, whoever has answered. */
	    {0, "http://u:1/secret@p", "--proxy: not the address of a proxy", BAD},
	    {407, "http://u:1?secret@p", "--proxy: not the address of a proxy", BAD},
	    {200, "ftp://p", "--proxy: not the address of a proxy", BAD},
	    /* "": none is used. */
	    {407, "", NULL, NULL},
	};

	(void)state;
	/* What the command line says counts. */
	assert_int_equal(setenv("https_proxy", "http://environment", 1), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		status = cases[i].status;
		says(cases[i].address, cases[i].message, cases[i].hint);
	}
}

/* The first of libcurl's variables that says something. */
static void a_proxy_of_the_environment(void **state)
{
	static const char *const variables[] = {"ALL_PROXY", "all_proxy", "HTTPS_PROXY",
						"https_proxy"};
	char address[64];
	char message[128];

	(void)state;
	status = 403;
	says(NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		(void)snprintf(address, sizeof address, "http://p%zu", i);
		(void)snprintf(message, sizeof message,
			       "https://ca: the proxy %s does not let it through (HTTP 403)",
			       address);
		assert_int_equal(setenv(variables[i], address, 1), 0);
		says(NULL, message, PASS);
		assert_int_equal(setenv(variables[i], "http://a@b@c/@", 1), 0);
		(void)snprintf(message, sizeof message, "%s: not the address of a proxy",
			       variables[i]);
		says(NULL, message, BAD);
		assert_int_equal(setenv(variables[i], address, 1), 0);
	}
	/* An empty one says nothing. */
	assert_int_equal(setenv("https_proxy", "", 1), 0);
	says(NULL, "https://ca: the proxy http://p2 does not let it through (HTTP 403)", PASS);
}

static void without_memory(void **state)
{
	(void)state;
	no_url = true;
	assert_int_equal(pga_proxy_check("http://p", &error), -1);
	assert_int_equal(pga_proxy_check("", &error), 0);
	says("http://p", "--proxy: not the address of a proxy", BAD);
}

static void what_is_checked(void **state)
{
	(void)state;
	assert_int_equal(pga_proxy_check("http://u:1/q@p", &error), -1);
	assert_string_equal(error.message, "--proxy: not the address of a proxy");
	assert_string_equal(error.hint, BAD);
	assert_int_equal(pga_proxy_check("http://u:1#q@p", &error), -1);
	assert_int_equal(pga_proxy_check("http://u:1?q@p", &error), -1);
	assert_int_equal(pga_proxy_check("http://p/a?b#c", &error), 0);
	assert_int_equal(ended, urls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(what_a_proxy_answers, begin),
	    cmocka_unit_test_setup(a_proxy_of_the_environment, begin),
	    cmocka_unit_test_setup(without_memory, begin),
	    cmocka_unit_test_setup(what_is_checked, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
