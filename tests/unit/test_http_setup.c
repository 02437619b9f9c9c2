/* ca/http.h: what is asked of libcurl, and what becomes of each of its failures. libcurl is played
 * by the test; test_http has the real one. */
#include "config.h"

#include "certificates.h"
#include "failing.h"
#include "played_curl.h"

#include "base/text.h"
#include "ca/http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <stdio.h>

#define FIRST(connect, most)                                                                      \
	"NOSIGNAL=1;FOLLOWLOCATION=0;CONNECTTIMEOUT_MS=" connect ";TIMEOUT_MS=" most ";SSLVERSIO" \
	"N=6;BUFFERSIZE=16384;MAXFILESIZE=1048576;PROTOCOLS_STR=https;"
#define LAST                                                                                       \
	"URL=u;USERAGENT=pganchor/" PACKAGE_VERSION ";ERRORBUFFER=;WRITEFUNCTION=;WRITEDATA=;HEAD" \
	"ERFUNCTION=;HEADERDATA=;"

static void assert_set(const char *first, const char *middle, const char *last)
{
	char wanted[1024];

	(void)snprintf(wanted, sizeof wanted, "%s%s%s", first, middle, last);
	assert_string_equal(pga_text_string(&play.set), wanted);
}

static void what_is_asked_of_libcurl(void **state)
{
	STACK_OF(X509) *chain = NULL;

	(void)state;
	play.body = "body";
	assert_int_equal(get(&patient), 0);
	assert_string_equal(pga_text_string(&body), "body");
	assert_set(FIRST("1000", "2000"), "SSL_VERIFYPEER=0;SSL_VERIFYHOST=0;PROXY=;", LAST);
	(void)begin(NULL);
	assert_int_equal(get(&(struct pga_http){.connect_timeout = 3, .max_time = 4}), 0);
	assert_set(FIRST("3", "4"), "SSL_VERIFYPEER=0;SSL_VERIFYHOST=0;", LAST);
	(void)begin(NULL);
	request.roots = "the roots";
	request.chain = &chain;
	assert_int_equal(get(&(struct pga_http){.proxy = "p", .max_time = 4}), 0);
	assert_set(FIRST("0", "4"),
		   "SSL_CTX_FUNCTION=;SSL_CTX_DATA=;CAINFO=NULL;CAPATH=NULL;CAINFO_BLOB=the "
		   "roots;SSL_VERIFYPEER=1;SSL_VERIFYHOST=2;PROXY=p;",
		   LAST);
	assert_ptr_equal(play.chain, &chain);
	assert_int_equal(play.performed, 1);
	assert_int_equal(play.ended, 1);
}

/* Nothing is asked for, where anything is not as it is to be. */
static void what_libcurl_does_not_take(void **state)
{
	STACK_OF(X509) *chain = NULL;
	long number;

	(void)state;
	for (int with = 0; with < 2; with++) {
		number = 0;
		do {
			(void)begin(NULL);
			request.roots = with != 0 ? "roots" : NULL;
			request.chain = &chain;
			play.until = ++number;
			if (get(&patient) == 0)
				break;
			assert_true(play.refused);
			assert_string_equal(error.message,
					    "libcurl: An unknown option was passed in to libcurl");
			assert_string_equal(error.hint, "see pganchor doctor");
			assert_int_equal(play.performed, 0);
			assert_int_equal(play.ended, 1);
		} while (number < 100);
		assert_false(play.refused);
		assert_int_equal(number, with != 0 ? 24 : 19);
	}
}

static void which_tls_libcurl_has(void **state)
{
	static const char *const others[] = {"GnuTLS/3.7.9", "openssl/3", "OpenSSL", "BoringSSL"};
	STACK_OF(X509) *chain = NULL;

	(void)state;
	for (size_t i = 0; i <= sizeof others / sizeof others[0]; i++) {
		(void)begin(NULL);
		request.roots = "roots";
		request.chain = &chain;
		play.no_ssl = i == sizeof others / sizeof others[0];
		play.ssl = play.no_ssl ? NULL : others[i];
		assert_int_equal(get(&patient), -1);
		assert_memory_equal(error.message, "libcurl: ", 9);
		assert_int_equal(play.performed, 0);
		/* Who takes whoever answers takes any TLS. */
		request.roots = NULL;
		assert_int_equal(get(&patient), 0);
	}
}

static void a_libcurl_that_does_not_start(void **state)
{
	(void)state;
	play.no_start = true;
	assert_int_equal(get(&patient), -1);
	assert_string_equal(error.message, "libcurl does not start");
	assert_string_equal(error.hint, "");
	assert_int_equal(play.performed + play.ended, 0);
}

static int get_with_roots(struct pga_error *said)
{
	pga_text_free(&body);
	if (pga_http_get(&patient, &request, &body, said) == 0)
		return 0;
	assert_string_equal(said->message, "libcurl: Out of memory");
	return pga_fail_memory(said);
}

static void without_memory(void **state)
{
	(void)state;
	play.no_handle = true;
	assert_int_equal(get(&patient), -1);
	assert_string_equal(error.message, "out of memory");
	assert_int_equal(play.ended, 0);
	(void)begin(NULL);
	request.roots = "roots";
	without_each(get_with_roots, false);
	/* For what comes, be it a byte. */
	(void)begin(NULL);
	play.body = "x";
	play.without_memory = true;
	assert_int_equal(get(&patient), -1);
	assert_string_equal(error.message, "out of memory");
}

static const struct {
	CURLcode code;
	const char *detail;
	const char *message;
	const char *hint;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "curl's", "u: no such host (curl's)", "check the name, and DNS"},
    {CURLE_COULDNT_RESOLVE_PROXY, "curl's", "u: no such proxy (curl's)",
     "check --proxy, or https_proxy"},
    {CURLE_PROXY, "curl's", "u: the proxy does not let it through (curl's)",
     "check --proxy, or https_proxy"},
    /* What libcurl itself says of it depends on its version. */
    {CURLE_COULDNT_CONNECT, "curl's", "u: could not connect (curl's)",
     "is the CA running, and is it the right port? a proxy counts, too: --proxy, https_proxy"},
    {CURLE_SSL_CONNECT_ERROR, "", "u: no TLS (SSL connect error)",
     "is it an https port, and the right one?"},
    {CURLE_PEER_FAILED_VERIFICATION, "x", "u: the server is not verified (x)", "another's"},
    {CURLE_GOT_NOTHING, "x", "u: no answer (x)", "is it the right address?"},
    {CURLE_OUT_OF_MEMORY, "x", "u: out of memory (x)", ""},
    {CURLE_RECV_ERROR, "x", "u: the request failed (x)", "is it the right address?"},
    {CURLE_FILESIZE_EXCEEDED, "x", "u: an answer of more than 1 MiB", "is it the address of a CA?"},
};

static void how_a_request_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		(void)begin(NULL);
		play.code = failures[i].code;
		play.detail = failures[i].detail;
		assert_int_equal(get(&patient), -1);
		assert_string_equal(error.message, failures[i].message);
		assert_string_equal(error.hint, failures[i].hint);
	}
	/* A proxy's own answer comes first. */
	(void)begin(NULL);
	play.code = CURLE_OPERATION_TIMEDOUT;
	play.connect_status = 403;
	assert_int_equal(get(&(struct pga_http){.proxy = "p"}), -1);
	assert_string_equal(error.message,
			    "u: the proxy http://p does not let it through (HTTP 403)");
}

#define NO_ANSWER "try again, or wait longer: --max-time"
#define NO_CONNECTION                                                                \
	"is it the right port, and does a firewall let it through? to wait longer: " \
	"--connect-timeout"

static void which_limit_has_passed(void **state)
{
	static const struct {
		long connect;
		long most;
		double connected;
		const char *message;
		const char *hint;
	} cases[] = {
	    {1500, 2500, 0, "u: no connection within 1.5 seconds", NO_CONNECTION},
	    {1500, 2500, 0.1, "u: no whole answer within 2.5 seconds", NO_ANSWER},
	    {2500, 2500, 0, "u: no whole answer within 2.5 seconds", NO_ANSWER},
	    {2500, 1500, 0, "u: no whole answer within 1.5 seconds", NO_ANSWER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)begin(NULL);
		play.code = CURLE_OPERATION_TIMEDOUT;
		play.connected = cases[i].connected;
		assert_int_equal(get(&(struct pga_http){.proxy = "",
							.connect_timeout = cases[i].connect,
							.max_time = cases[i].most}),
				 -1);
		assert_string_equal(error.message, cases[i].message);
		assert_string_equal(error.hint, cases[i].hint);
	}
}

static void what_is_answered(void **state)
{
	static char elsewhere[] = "https://elsewhere/";
	static const struct {
		long status;
		char *redirect;
		const char *message;
		const char *hint;
	} cases[] = {
	    {200, NULL, "", ""},
	    {299, elsewhere, "", ""},
	    {0, NULL, "u: answered with HTTP status 0", "is it the address of a CA?"},
	    {199, NULL, "u: answered with HTTP status 199", "is it the address of a CA?"},
	    {300, NULL, "u: answered with HTTP status 300", "is it the address of a CA?"},
	    {302, elsewhere, "u: sent on to https://elsewhere/",
	     "it is not followed: nothing proves yet who sends there. Give the CA's own address"},
	    {404, elsewhere, "u: not found (HTTP 404)", "not found there"},
	    {499, NULL, "u: answered with HTTP status 499", "is it the address of a CA?"},
	    {500, NULL, "u: answered with HTTP status 500",
	     "the CA has a fault of its own; see its log"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)begin(NULL);
		play.status = cases[i].status;
		play.redirect = cases[i].redirect;
		assert_int_equal(get(&patient), cases[i].message[0] == '\0' ? 0 : -1);
		assert_string_equal(error.message, cases[i].message);
		assert_string_equal(error.hint, cases[i].hint);
	}
	(void)begin(NULL);
	play.status = 302;
	play.redirect = elsewhere;
	play.no_info = true;
	assert_int_equal(get(&patient), -1);
	assert_string_equal(error.message, "u: answered with HTTP status 302");
}

/* Headers and body together. */
static void how_much_is_taken(void **state)
{
	char *bytes = calloc(1, PGA_HTTP_LIMIT + 1);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'x', PGA_HTTP_LIMIT);
	play.header = "12345";
	play.body = bytes;
	play.body_length = PGA_HTTP_LIMIT - 5;
	assert_int_equal(get(&patient), 0);
	assert_int_equal(body.length, PGA_HTTP_LIMIT - 5);
	play.body_length++;
	assert_int_equal(get(&patient), -1);
	assert_string_equal(error.message, "u: an answer of more than 1 MiB");
	assert_string_equal(error.hint, "is it the address of a CA?");
	assert_int_equal(body.length, 0);
	play.body_length = 0;
	play.body = "";
	play.header = bytes;
	assert_int_equal(get(&patient), 0);
	/* To the last byte of a line. */
	bytes[PGA_HTTP_LIMIT] = 'x';
	play.header = "\n";
	play.body = bytes;
	play.body_length = PGA_HTTP_LIMIT;
	play.body_first = true;
	assert_int_equal(get(&patient), -1);
	assert_string_equal(error.message, "u: an answer of more than 1 MiB");
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_asked_of_libcurl),
	    TEST(what_libcurl_does_not_take),
	    TEST(which_tls_libcurl_has),
	    TEST(without_memory),
	    TEST(how_a_request_fails),
	    TEST(which_limit_has_passed),
	    TEST(what_is_answered),
	    TEST(how_much_is_taken),
	    TEST(a_libcurl_that_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
