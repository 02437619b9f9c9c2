/* ca/http.h, ca/http_chain.h: what is asked of libcurl, what becomes of each of its failures, and
 * how a chain is verified. libcurl is played by the test; test_http has the real one. */
#include "config.h"

#include "certificates.h"
#include "failing.h"

#include "base/text.h"
#include "ca/http.h"
#include "ca/http_chain.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdarg.h>
#include <stdio.h>

/* ---- the libcurl that is played ---- */

typedef size_t callback(char *bytes, size_t one, size_t length, void *context);

static struct {
	bool no_start;
	int running; /* curl_global_init() without curl_global_cleanup() */
	bool no_handle;
	long until; /* options until one is not taken; 0: all are */
	bool refused;
	bool no_info, no_ssl;
	const char *ssl;     /* what libcurl says that its TLS is */
	struct pga_text set; /* "NAME=value;" of each option */
	/* What the transfer brings, and how it ends. */
	const char *header;
	const char *body;
	size_t body_length; /* 0: its length */
	bool body_first;    /* as where the header is a trailer */
	bool without_memory;
	CURLcode code;
	const char *detail;
	long status, connect_status;
	double connected;
	char *redirect; /* NULL: none */
	/* What libcurl was given. */
	callback *take_body, *take_header;
	void *body_to, *header_to;
	char *detail_to;
	CURLcode (*set_verify)(CURL *curl, void *tls, void *chain);
	void *chain;
	int performed, ended;
} play;

static char handle;

CURLcode __wrap_curl_global_init(long flags);
void __wrap_curl_global_cleanup(void);
CURL *__wrap_curl_easy_init(void);
void __wrap_curl_easy_cleanup(CURL *curl);
CURLcode __wrap_curl_easy_setopt(CURL *curl, CURLoption option, ...);
CURLcode __wrap_curl_easy_perform(CURL *curl);
CURLcode __wrap_curl_easy_getinfo(CURL *curl, CURLINFO info, ...);
curl_version_info_data *__wrap_curl_version_info(CURLversion version);

CURLcode __wrap_curl_global_init(long flags)
{
	assert_int_equal(flags, CURL_GLOBAL_DEFAULT);
	if (play.no_start)
		return CURLE_FAILED_INIT;
	play.running++;
	return CURLE_OK;
}

void __wrap_curl_global_cleanup(void)
{
	play.running--;
}

CURL *__wrap_curl_easy_init(void)
{
	assert_int_equal(play.running, 1);
	return play.no_handle ? NULL : &handle;
}

void __wrap_curl_easy_cleanup(CURL *curl)
{
	assert_ptr_equal(curl, &handle);
	assert_int_equal(play.running, 1);
	play.ended++;
}

static void note_blob(const struct curl_blob *blob)
{
	assert_int_equal(blob->flags, CURL_BLOB_COPY);
	pga_text_addf(&play.set, "%.*s", (int)blob->len, (const char *)blob->data);
}

static void note(CURLoption option, void *value)
{
	const struct curl_easyoption *known = curl_easy_option_by_id(option);

	pga_text_addf(&play.set, "%s=", known->name);
	if (known->type == CURLOT_LONG || known->type == CURLOT_VALUES)
		pga_text_addf(&play.set, "%ld", (long)(intptr_t)value);
	else if (known->type == CURLOT_STRING)
		pga_text_add(&play.set, value != NULL ? value : "NULL");
	else if (option == CURLOPT_CAINFO_BLOB)
		note_blob(value);
	else if (option == CURLOPT_ERRORBUFFER)
		play.detail_to = value;
	else if (option == CURLOPT_WRITEDATA)
		play.body_to = value;
	else if (option == CURLOPT_HEADERDATA)
		play.header_to = value;
	else if (option == CURLOPT_SSL_CTX_DATA)
		play.chain = value;
	else if (option == CURLOPT_WRITEFUNCTION)
		memcpy(&play.take_body, &value, sizeof value);
	else if (option == CURLOPT_HEADERFUNCTION)
		memcpy(&play.take_header, &value, sizeof value);
	else if (option == CURLOPT_SSL_CTX_FUNCTION)
		memcpy(&play.set_verify, &value, sizeof value);
	else
		fail_msg("%s", known->name);
	pga_text_add(&play.set, ";");
}

/* A long and a pointer are handed over alike. */
CURLcode __wrap_curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	const long number = left;
	va_list arguments;

	assert_ptr_equal(curl, &handle);
	assert_false(play.refused);
	if (play.until > 0 && --play.until == 0) {
		play.refused = true;
		return CURLE_UNKNOWN_OPTION;
	}
	left = 0;
	va_start(arguments, option);
	note(option, va_arg(arguments, void *));
	va_end(arguments);
	left = number;
	return CURLE_OK;
}

/* Whether all of it is taken. */
static bool brings(callback *take, const char *bytes, size_t length, void *to)
{
	const size_t taken = length > 0 ? take((char *)(uintptr_t)bytes, 1, length, to) : 0;

	assert_true(taken == length || taken == 0);
	return taken == length;
}

CURLcode __wrap_curl_easy_perform(CURL *curl)
{
	const size_t length = play.body_length != 0 ? play.body_length : strlen(play.body);
	bool taken = true;

	assert_ptr_equal(curl, &handle);
	play.performed++;
	(void)snprintf(play.detail_to, CURL_ERROR_SIZE, "%s", play.detail);
	for (int part = 0; taken && part < 2; part++) {
		left = play.without_memory ? 1 : 0;
		taken = (part == 0) == play.body_first
			    ? brings(play.take_body, play.body, length, play.body_to)
			    : brings(play.take_header, play.header, strlen(play.header),
				     play.header_to);
		left = 0;
	}
	return taken ? play.code : CURLE_WRITE_ERROR;
}

CURLcode __wrap_curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	va_list arguments;

	assert_ptr_equal(curl, &handle);
	va_start(arguments, info);
	if (info == CURLINFO_RESPONSE_CODE)
		*va_arg(arguments, long *) = play.status;
	else if (info == CURLINFO_HTTP_CONNECTCODE)
		*va_arg(arguments, long *) = play.connect_status;
	else if (info == CURLINFO_APPCONNECT_TIME)
		*va_arg(arguments, double *) = play.connected;
	else if (info == CURLINFO_REDIRECT_URL)
		*va_arg(arguments, char **) = play.redirect;
	else
		fail_msg("%d", (int)info);
	va_end(arguments);
	return play.no_info ? CURLE_UNKNOWN_OPTION : CURLE_OK;
}

curl_version_info_data *__wrap_curl_version_info(CURLversion version)
{
	static curl_version_info_data data;

	assert_int_equal(version, CURLVERSION_NOW);
	data.ssl_version = play.no_ssl ? NULL : play.ssl;
	return &data;
}

/* ---- the tests ---- */

static const struct pga_http patient = {.proxy = "", .connect_timeout = 1000, .max_time = 2000};
static struct pga_http_request request;
static struct pga_text body;
static struct pga_error error;

static int begin(void **state)
{
	(void)state;
	pga_text_free(&play.set);
	memset(&play, 0, sizeof play);
	play.header = play.body = play.detail = "";
	play.ssl = "OpenSSL/3.0.17";
	play.status = 200;
	request = (struct pga_http_request){
	    .url = "u", .if_not_found = "not found there", .if_unverified = "another's"};
	return 0;
}

static int end(void **state)
{
	(void)state;
	pga_text_free(&play.set);
	pga_text_free(&body);
	return 0;
}

static int get(const struct pga_http *http)
{
	int result;

	pga_text_free(&body);
	memset(&error, 0, sizeof error);
	result = pga_http_get(http, &request, &body, &error);
	assert_int_equal(play.running, 0);
	return result;
}

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

	(void)state;
	for (size_t i = 0; i <= sizeof others / sizeof others[0]; i++) {
		(void)begin(NULL);
		request.roots = "roots";
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
    {CURLE_COULDNT_RESOLVE_HOST, "curl's", "u: no such host (curl's)",
     "check the name in --ca-url, and DNS"},
    {CURLE_COULDNT_RESOLVE_PROXY, "curl's", "u: no such proxy (curl's)",
     "check --proxy, or https_proxy"},
    {CURLE_PROXY, "curl's", "u: the proxy does not let it through (curl's)",
     "check --proxy, or https_proxy"},
    {CURLE_COULDNT_CONNECT, "", "u: cannot connect (Couldn't connect to server)",
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

/* ---- the chain ---- */

static int (*verify)(X509_STORE_CTX *, void *);
static void *verify_to;
static bool no_chain;

void __wrap_SSL_CTX_set_cert_verify_callback(SSL_CTX *tls, int (*with)(X509_STORE_CTX *, void *),
					     void *context);
STACK_OF(X509) * __real_X509_chain_up_ref(STACK_OF(X509) * chain);
STACK_OF(X509) * __wrap_X509_chain_up_ref(STACK_OF(X509) * chain);

void __wrap_SSL_CTX_set_cert_verify_callback(SSL_CTX *tls, int (*with)(X509_STORE_CTX *, void *),
					     void *context)
{
	assert_ptr_equal(tls, &handle);
	verify = with;
	verify_to = context;
}

STACK_OF(X509) * __wrap_X509_chain_up_ref(STACK_OF(X509) * chain)
{
	return no_chain ? NULL : __real_X509_chain_up_ref(chain);
}

/* What libssl would ask for: whether the leaf, with what is shown, comes from the root. */
static int verify_one(X509 *leaf, STACK_OF(X509) * shown, X509 *root, int *reason)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int result;

	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(X509_STORE_CTX_init(context, store, leaf, shown), 1);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	result = verify(context, verify_to);
	*reason = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return result;
}

static void what_a_server_shows(void **state)
{
	EVP_PKEY *key = make_key();
	X509 *root = make_certificate(&(struct kind){.name = "Root", .key = key});
	X509 *namesake = make_certificate(&(struct kind){.name = "Root"});
	X509 *leaf = make_certificate(
	    &(struct kind){.name = "leaf", .issuer = "Root", .signer = key, .basic = "CA:FALSE"});
	STACK_OF(X509) *shown = sk_X509_new_null();
	STACK_OF(X509) *chain = NULL;
	int reason;

	(void)state;
	request.roots = "roots";
	request.chain = &chain;
	assert_int_equal(get(&patient), 0);
	assert_int_equal(play.set_verify(&handle, &handle, play.chain), CURLE_OK);
	assert_ptr_equal(verify_to, &chain);
	assert_int_equal(sk_X509_push(shown, leaf), 1);
	for (int turn = 1; turn <= 2; turn++) {
		assert_int_equal(verify_one(leaf, shown, root, &reason), 1);
		assert_int_equal(sk_X509_num(chain), 1);
		assert_ptr_equal(sk_X509_value(chain, 0), leaf);
	}
	/* One that does not verify leaves what was shown before, and nothing in the queue. */
	assert_int_equal(verify_one(leaf, shown, namesake, &reason), 0);
	assert_int_not_equal(reason, X509_V_OK);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(sk_X509_num(chain), 1);
	/* What is no root ends no chain. */
	assert_int_equal(verify_one(leaf, shown, leaf, &reason), 0);
	no_chain = true;
	assert_int_equal(verify_one(leaf, shown, root, &reason), 0);
	assert_int_equal(reason, X509_V_ERR_OUT_OF_MEM);
	assert_null(chain);
	no_chain = false;
	sk_X509_pop_free(shown, X509_free);
	X509_free(root);
	X509_free(namesake);
	EVP_PKEY_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_asked_of_libcurl), TEST(what_libcurl_does_not_take),
	    TEST(which_tls_libcurl_has),    TEST(without_memory),
	    TEST(how_a_request_fails),      TEST(which_limit_has_passed),
	    TEST(what_is_answered),         TEST(how_much_is_taken),
	    TEST(what_a_server_shows),      TEST(a_libcurl_that_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
