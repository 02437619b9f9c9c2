#include "ca/http.h"

#include "ca/http_chain.h"
#include "ca/proxy.h"
#include "base/printable.h"
#include "base/unconst.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MIB ((size_t)1024 * 1024)

struct receiving {
	struct pga_text *body;
	char **etag;
	time_t *date;
	size_t limit;
	size_t received; /* bytes of headers and bodies, of every answer on the way */
	bool too_large;
};

static bool take(struct receiving *receiving, size_t length)
{
	receiving->too_large = length > receiving->limit - receiving->received;
	if (!receiving->too_large)
		receiving->received += length;
	return !receiving->too_large;
}

/* Anything but the number of bytes ends the transfer. */
static size_t take_body(char *bytes, size_t one, size_t length, void *context)
{
	struct receiving *receiving = context;

	(void)one;
	if (!take(receiving, length))
		return 0;
	pga_text_add_bytes(receiving->body, bytes, length);
	return receiving->body->failed ? 0 : length;
}

#define ETAG         "etag:"
#define LONGEST_ETAG 256

/* Whoever answers may say anything: of what is no ETag (RFC 9110, 8.8.3), nothing is kept. For want
 * of memory it is none, too: the file is then fetched once more than need be. */
static void take_etag(char **etag, const char *bytes, size_t length)
{
	static const size_t start = sizeof ETAG - 1;

	if (etag == NULL || length <= start || strncasecmp(bytes, ETAG, start) != 0)
		return;
	bytes += start;
	length -= start;
	while (length > 0 && pga_is_blank(bytes[0])) {
		bytes++;
		length--;
	}
	while (length > 0 && pga_is_blank(bytes[length - 1]))
		length--;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return;
	if (length == 0 || length > LONGEST_ETAG)
		return;
	free(*etag);
	*etag = strndup(bytes, length);
}

#define DATE         "date:"
#define LONGEST_DATE 64

/* As HTTP writes it (RFC 9110, 5.6.7), which libcurl reads. */
static void take_date(time_t *date, const char *bytes, size_t length)
{
	static const size_t start = sizeof DATE - 1;
	char text[LONGEST_DATE];

	if (date == NULL || length <= start || length - start >= sizeof text ||
	    strncasecmp(bytes, DATE, start) != 0)
		return;
	memcpy(text, bytes + start, length - start);
	text[length - start] = '\0';
	*date = curl_getdate(text, NULL);
}

/* curl_write_callback has it so. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t take_header(char *bytes, size_t one, size_t length, void *context)
{
	struct receiving *receiving = context;

	(void)one;
	if (!take(receiving, length))
		return 0;
	take_etag(receiving->etag, bytes, length);
	take_date(receiving->date, bytes, length);
	return length;
}

static CURLcode allow_https(CURL *curl, bool plain)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, plain ? "https,http" : "https");
#else
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
				(long)(CURLPROTO_HTTPS | (plain ? CURLPROTO_HTTP : 0)));
#endif
}

static CURLcode set_verification(CURL *curl, bool verifies)
{
	const CURLcode code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verifies ? 1L : 0L);

	return code != CURLE_OK
		   ? code
		   : curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verifies ? 2L : 0L);
}

/* By the system, as libcurl was built; by a file, and nothing else. */
static CURLcode trust_others(CURL *curl, const struct pga_http_request *request)
{
	CURLcode code = set_verification(curl, request->trust != PGA_HTTP_BY_NOBODY);

	if (code == CURLE_OK && request->trust == PGA_HTTP_BY_FILE)
		code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (code == CURLE_OK && request->trust == PGA_HTTP_BY_FILE)
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
	return code;
}

/* These roots and no other: neither the system's store nor a file of the environment adds trust. */
static CURLcode trust(CURL *curl, const struct pga_http_request *request)
{
	const char *roots = request->roots;
	CURLcode code;

	if (roots == NULL)
		return trust_others(curl, request);
	struct curl_blob blob = {
	    .data = strdup(roots), .len = strlen(roots), .flags = CURL_BLOB_COPY};

	if (blob.data == NULL)
		return CURLE_OUT_OF_MEMORY;
	code = request->chain != NULL ? pga_http_chain_watch(curl, request->chain) : CURLE_OK;
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
	if (code == CURLE_OK)
		code = set_verification(curl, true);
	free(blob.data);
	return code;
}

/* libcurl keeps no copy: the bytes are the request's, which outlives the handle. */
static CURLcode show_certificate(CURL *curl, const struct pga_http_request *request)
{
	struct curl_blob blob = {.flags = CURL_BLOB_NOCOPY};
	CURLcode code;

	if (request->certificate == NULL)
		return CURLE_OK;
	blob.data = pga_unconst(request->certificate);
	blob.len = strlen(request->certificate);
	code = curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &blob);
	blob.data = pga_unconst(request->key);
	blob.len = strlen(request->key);
	return code != CURLE_OK ? code : curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &blob);
}

/* A header is added to the list, which is kept where there is no memory for it. */
static bool add_header(struct curl_slist **headers, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*headers, header);

	if (longer != NULL)
		*headers = longer;
	return longer != NULL;
}

/* What is posted, and by whom. The caller frees the headers, which libcurl goes on using. */
static CURLcode send_along(CURL *curl, const struct pga_http_request *request,
			   struct curl_slist **headers)
{
	struct pga_text bearer = PGA_TEXT_EMPTY;
	CURLcode code = show_certificate(curl, request);
	bool added = true;

	if (code == CURLE_OK && request->json != NULL) {
		/* Not "Expect: 100-continue": a CA need not know of it. */
		added = add_header(headers, "Content-Type: application/json") &&
			add_header(headers, "Expect:");
		code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->json);
	}
	if (request->bearer != NULL) {
		pga_text_addf(&bearer, "Authorization: Bearer %s", request->bearer);
		added = added && !bearer.failed && add_header(headers, pga_text_string(&bearer));
		pga_text_wipe(&bearer);
	}
	if (code == CURLE_OK && *headers != NULL)
		code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	return added ? code : CURLE_OUT_OF_MEMORY;
}

static CURLcode set_up(CURL *curl, const struct pga_http *http,
		       const struct pga_http_request *request, struct receiving *receiving,
		       char *detail)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	    {CURLOPT_NOSIGNAL, 1},
	    /* Whoever cannot be verified yet must not choose what this machine asks for next. */
	    {CURLOPT_FOLLOWLOCATION, 0},
	    {CURLOPT_CONNECTTIMEOUT_MS, http->connect_timeout},
	    {CURLOPT_TIMEOUT_MS, http->max_time},
	    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	    {CURLOPT_BUFFERSIZE, 16384},
	    {CURLOPT_MAXFILESIZE, (long)receiving->limit},
	};
	CURLcode code = CURLE_OK;

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && code == CURLE_OK; i++)
		code = curl_easy_setopt(curl, numbers[i].option, numbers[i].value);
	if (code == CURLE_OK)
		code = allow_https(curl, request->plain);
	if (code == CURLE_OK)
		code = trust(curl, request);
	if (code == CURLE_OK && http->proxy != NULL)
		code = curl_easy_setopt(curl, CURLOPT_PROXY, http->proxy);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_URL, request->url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "pganchor/" PACKAGE_VERSION);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, receiving);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HEADERDATA, receiving);
	return code;
}

/* What each failure is in the user's words; curl's own words stand behind them. */
static const struct failure {
	CURLcode code;
	const char *why;
	const char *hint;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "no such host", "check the name, and DNS"},
    {CURLE_COULDNT_RESOLVE_PROXY, "no such proxy", "check --proxy, or https_proxy"},
#if LIBCURL_VERSION_NUM >= 0x074900
    {CURLE_PROXY, "the proxy does not let it through", "check --proxy, or https_proxy"},
#endif
    {CURLE_COULDNT_CONNECT, "could not connect",
     "is the CA running, and is it the right port? a proxy counts, too: --proxy, https_proxy"},
    {CURLE_SSL_CONNECT_ERROR, "no TLS", "is it an https port, and the right one?"},
    {CURLE_PEER_FAILED_VERIFICATION, "the server is not verified", NULL},
    {CURLE_SSL_CACERT_BADFILE, "the file of CAs could not be used",
     "it has to hold certificates in PEM form"},
    {CURLE_GOT_NOTHING, "no answer", "is it the right address?"},
    {CURLE_OUT_OF_MEMORY, "out of memory", NULL},
};

/* Of the answer that came last, 0 where none came. */
static long status_of(CURL *curl)
{
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Before the TLS handshake is done, the shorter of both limits has passed. */
static int explain_timeout(CURL *curl, const struct pga_http *http,
			   const struct pga_http_request *request, struct pga_error *error)
{
	const bool soon = http->connect_timeout < http->max_time;
	double connected = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME, &connected);
	if (connected > 0 || !soon)
		return pga_fail(error, "try again, or wait longer: --max-time",
				"%s: no whole answer within %g seconds", request->url,
				(double)http->max_time / 1000);
	return pga_fail(error,
			"is it the right port, and does a firewall let it through? to wait longer: "
			"--connect-timeout",
			"%s: no connection within %g seconds", request->url,
			(double)http->connect_timeout / 1000);
}

/* OpenSSL's words for a certificate that is out of its time, which libcurl hands on. */
static bool is_of_time(const char *detail)
{
	return strstr(detail, "not yet valid") != NULL || strstr(detail, "has expired") != NULL;
}

static int explain(CURL *curl, CURLcode code, const char *detail, const struct receiving *receiving,
		   const struct pga_http *http, const struct pga_http_request *request,
		   struct pga_error *error)
{
	const char *why = "the request failed";
	const char *hint = "is it the right address?";

	if (receiving->too_large || code == CURLE_FILESIZE_EXCEEDED)
		return pga_fail(error,
				request->of_file ? "download it by other means, and give its part "
						   "that you need as a file"
						 : "is it the address of a CA?",
				"%s: an answer of more than %zu %s", request->url,
				receiving->limit >= MIB ? receiving->limit / MIB
							: receiving->limit / 1024,
				receiving->limit >= MIB ? "MiB" : "KiB");
	if (receiving->body->failed)
		return pga_fail_memory(error);
	if (pga_proxy_explain(curl, http->proxy, request->url, error))
		return -1;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return explain_timeout(curl, http, request, error);
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		if (failures[i].code == code) {
			why = failures[i].why;
			hint = failures[i].hint;
		}
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		hint = is_of_time(detail) ? "is the clock of this machine right? if it is, the "
					    "CA's certificate has ended: ask who runs it"
					  : request->if_unverified;
	return pga_fail(error, hint, "%s: %s (%s)", request->url, why,
			detail[0] != '\0' ? detail : curl_easy_strerror(code));
}

static int refuse_redirect(const struct pga_http_request *request, const char *target,
			   struct pga_error *error)
{
	struct pga_text shown = PGA_TEXT_EMPTY;

	pga_text_add_shortened(&shown, target, PGA_LONGEST_SHOWN);
	(void)pga_fail(error,
		       request->of_file
			   ? "it is not followed: where you trust that address, and it is https, "
			     "give it in the place of this one"
			   : "it is not followed: nothing proves yet who sends there. Give the "
			     "CA's own address",
		       "%s: sent on to %s", request->url, pga_text_string(&shown));
	pga_text_free(&shown);
	return -1;
}

static int check_status(CURL *curl, const struct pga_http_request *request, struct pga_error *error)
{
	const long status = status_of(curl);
	char *target = NULL; /* the handle's */

	/* step-ca answers GET /roots with 201. */
	if (status >= 200 && status < 300)
		return 0;
	if (status == 404)
		return pga_fail(error, request->if_not_found, "%s: not found (HTTP 404)",
				request->url);
	if (curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target) == CURLE_OK && target != NULL)
		return refuse_redirect(request, target, error);
	return pga_fail(error,
			request->of_file ? "is it the right address?"
			: status >= 500  ? "the CA has a fault of its own; see its log"
					 : "is it the address of a CA?",
			"%s: answered with HTTP status %ld", request->url, status);
}

/* Whether somebody is there who speaks otherwise. */
static bool is_other_kind(CURLcode code)
{
	return code == CURLE_OK || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_GOT_NOTHING ||
	       code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	       code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL;
}

static bool is_unreached(CURLcode code)
{
	return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
	       code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
}

static int get(const struct pga_http *http, const struct pga_http_request *request,
	       struct pga_text *body, struct pga_error *error)
{
	struct receiving receiving = {.body = body,
				      .etag = request->etag,
				      .date = request->date,
				      .limit =
					  request->limit != 0 ? request->limit : PGA_HTTP_LIMIT};
	struct curl_slist *headers = NULL;
	char detail[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	CURLcode code;
	int result = -1;

	if (curl == NULL)
		return pga_fail_memory(error);
	if (request->date != NULL)
		*request->date = -1;
	code = set_up(curl, http, request, &receiving, detail);
	if (code == CURLE_OK)
		code = send_along(curl, request, &headers);
	if (code != CURLE_OK) {
		(void)pga_fail(error, "see pganchor doctor", "libcurl: %s",
			       curl_easy_strerror(code));
		goto done;
	}
	code = curl_easy_perform(curl);
	if (request->status != NULL)
		*request->status = status_of(curl);
	if (request->unreached != NULL)
		*request->unreached = is_unreached(code);
	if (code == CURLE_OK)
		result = check_status(curl, request, error);
	else
		(void)explain(curl, code, detail, &receiving, http, request, error);
	if (request->other_kind != NULL)
		*request->other_kind = result != 0 && !body->failed && is_other_kind(code);
done:
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return result;
}

int pga_http_get(const struct pga_http *http, const struct pga_http_request *request,
		 struct pga_text *body, struct pga_error *error)
{
	int result;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return pga_fail(error, NULL, "libcurl does not start");
	result = get(http, request, body, error);
	curl_global_cleanup();
	return result;
}
