/* A libcurl that a test plays, and a request of it. */
#ifndef PGA_TESTS_PLAYED_CURL_H
#define PGA_TESTS_PLAYED_CURL_H

#include "certificates.h"
#include "failing.h"

#include "base/text.h"
#include "ca/http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <stdarg.h>
#include <stdio.h>

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
