/* ca/http.h: what a server may answer, how much, how late, and who it is. */
#include "config.h"

#include "failing.h"
#include "asked_server.h"
#include "tls_server.h"

#include "ca/stepca.h"
#include "ca/http.h"

#include <stdio.h>

/* What is asked for, of whom, and what came. */
static struct pga_http_request request;
static struct pga_text body;
static char url[64];

static int get_from(struct tls_server *server, const struct pga_http *http)
{
	int result;

	if (server->leaf == NULL) {
		server->leaf = leaf;
		server->key = leaf_key;
	}
	start_server(server);
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%d/x", server->port);
	request.url = url;
	pga_text_free(&body);
	memset(&error, 0, sizeof error);
	result = pga_http_get(http, &request, &body, &error);
	stop_server(server, asked, sizeof asked);
	return result;
}

static int get_answer(const char *answer)
{
	struct tls_server server = {.answer = answer, .length = strlen(answer)};

	return get_from(&server, &patient);
}

/* The message behind the address. */
static void assert_said(const char *message, const char *hint)
{
	assert_memory_equal(error.message, url, strlen(url));
	if (strncmp(error.message + strlen(url), message, strlen(message)) != 0)
		fail_msg("%s", error.message);
	assert_string_equal(error.hint, hint);
}

static void what_a_server_answers(void **state)
{
	static const char *const good[] = {"200 OK", "201 Created", "299 x"};
	static const struct {
		const char *status;
		const char *message;
		const char *hint;
	} bad[] = {
	    {"300 x", ": answered with HTTP status 300", "is it the address of a CA?"},
	    {"302 Found\r\nLocation: /y", ": sent on to https://127.0.0.1",
	     "it is not followed: nothing proves yet who sends there. Give the CA's own address"},
	    {"400 x", ": answered with HTTP status 400", "is it the address of a CA?"},
	    {"404 Not Found", ": not found (HTTP 404)", "not there"},
	    {"404 Not Found\r\nLocation: /y", ": not found (HTTP 404)", "not there"},
	    {"499 x", ": answered with HTTP status 499", "is it the address of a CA?"},
	    {"500 x", ": answered with HTTP status 500",
	     "the CA has a fault of its own; see its log"},
	    {"503 x", ": answered with HTTP status 503",
	     "the CA has a fault of its own; see its log"},
	};
	char answer[256];

	(void)state;
	request = (struct pga_http_request){.if_not_found = "not there"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		(void)snprintf(answer, sizeof answer,
			       "HTTP/1.1 %s\r\nContent-Length: 4\r\n\r\nbody", good[i]);
		assert_int_equal(get_answer(answer), 0);
		assert_string_equal(pga_text_string(&body), "body");
		assert_memory_equal(asked, "GET /x HTTP/", 12);
		assert_non_null(strstr(asked, "User-Agent: pganchor/" PACKAGE_VERSION "\r\n"));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(answer, sizeof answer,
			       "HTTP/1.1 %s\r\nContent-Length: 4\r\n\r\nbody", bad[i].status);
		assert_int_equal(get_answer(answer), -1);
		assert_said(bad[i].message, bad[i].hint);
		/* Asked once: nothing is followed. */
		assert_null(strstr(asked + 1, "GET "));
	}
}

#define HEAD "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"

/* Headers count as well. */
static void how_much_it_may_answer(void **state)
{
	const size_t most = PGA_HTTP_LIMIT - strlen(HEAD);
	char *answer = calloc(1, PGA_HTTP_LIMIT + 2);
	struct tls_server server = {.answer = answer};

	(void)state;
	request = (struct pga_http_request){.url = NULL};
	memset(answer, 'x', PGA_HTTP_LIMIT + 1);
	memcpy(answer, HEAD, sizeof HEAD - 1);
	server.length = PGA_HTTP_LIMIT;
	assert_int_equal(get_from(&server, &patient), 0);
	assert_int_equal(body.length, most);
	server.length = PGA_HTTP_LIMIT + 1;
	assert_int_equal(get_from(&server, &patient), -1);
	assert_said(": an answer of more than 1 MiB", "is it the address of a CA?");
	assert_int_equal(get_answer("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\nx"), -1);
	assert_said(": an answer of more than 1 MiB", "is it the address of a CA?");
	free(answer);
}

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static void who_answers(void **state)
{
	STACK_OF(X509) *chain = NULL;
	struct tls_server server = {.answer = ANSWER, .length = strlen(ANSWER)};
	char *middle_pem;
	struct pga_certificate of_middle;
	char both[8192];

	(void)state;
	request = (struct pga_http_request){
	    .roots = root.pem, .chain = &chain, .if_unverified = "another's"};
	assert_int_equal(get_from(&server, &patient), 0);
	assert_int_equal(sk_X509_num(chain), 1);
	assert_int_equal(X509_cmp(sk_X509_value(chain, 0), leaf), 0);
	/* Of several roots, one. */
	(void)snprintf(both, sizeof both, "%s%s", root.pem, stranger.pem);
	request.roots = both;
	assert_int_equal(get_from(&server, &patient), 0);
	assert_int_equal(sk_X509_num(chain), 1);
	/* A root of the same name. */
	request.roots = stranger.pem;
	assert_int_equal(get_from(&server, &patient), -1);
	assert_said(": the server is not verified (", "another's");
	/* By another name. */
	request.roots = root.pem;
	server.leaf = below_leaf;
	server.key = leaf_key;
	assert_int_equal(get_from(&server, &patient), -1);
	assert_said(": the server is not verified (", "another's");
	server.above = middle;
	assert_int_equal(get_from(&server, &patient), 0);
	assert_int_equal(sk_X509_num(chain), 2);
	assert_int_equal(X509_cmp(sk_X509_value(chain, 1), middle), 0);
	/* What is no root ends no chain. */
	of_middle = take_certificate(X509_dup(middle));
	middle_pem = of_middle.pem;
	request.roots = middle_pem;
	assert_int_equal(get_from(&server, &patient), -1);
	assert_said(": the server is not verified (", "another's");
	/* Nobody in particular. */
	request = (struct pga_http_request){.url = NULL};
	assert_int_equal(get_from(&server, &patient), 0);
	sk_X509_pop_free(chain, X509_free);
	pga_certificate_free(&of_middle);
}

static void another_host_s_certificate(void **state)
{
	STACK_OF(X509) *chain = NULL;
	X509 *other = make_certificate(&(struct kind){.name = "127.0.0.2",
						      .issuer = "Root",
						      .key = leaf_key,
						      .signer = root_key,
						      .basic = "CA:FALSE"});
	struct tls_server server = {
	    .answer = ANSWER, .length = strlen(ANSWER), .leaf = other, .key = leaf_key};

	(void)state;
	request = (struct pga_http_request){
	    .roots = root.pem, .chain = &chain, .if_unverified = "another's"};
	assert_int_equal(get_from(&server, &patient), -1);
	assert_said(": the server is not verified (", "another's");
	sk_X509_pop_free(chain, X509_free);
	X509_free(other);
}

static void what_else_may_happen(void **state)
{
	static const struct pga_http impatient = {
	    .proxy = "", .connect_timeout = 300, .max_time = 20000};
	static const struct pga_http brief = {
	    .proxy = "", .connect_timeout = 20000, .max_time = 300};
	static const char plain[] = "SSH-2.0-OpenSSH_9.2\r\n";
	struct tls_server server = {
	    .manner = SPEAKS_PLAIN, .answer = plain, .length = sizeof plain - 1};

	(void)state;
	request = (struct pga_http_request){.url = NULL};
	assert_int_equal(get_from(&server, &patient), -1);
	assert_said(": no TLS (", "is it an https port, and the right one?");
	server.manner = HANGS_UP;
	assert_int_equal(get_from(&server, &patient), -1);
	assert_memory_equal(error.message, url, strlen(url));
	server.manner = IS_SILENT;
	assert_int_equal(get_from(&server, &impatient), -1);
	assert_said(": no connection within 0.3 seconds",
		    "is it the right port, and does a firewall let it through? to wait longer: "
		    "--connect-timeout");
	assert_int_equal(get_from(&server, &brief), -1);
	assert_said(": no whole answer within 0.3 seconds",
		    "try again, or wait longer: --max-time");
	server.manner = HANGS;
	assert_int_equal(
	    get_from(&server,
		     &(struct pga_http){.proxy = "", .connect_timeout = 1000, .max_time = 1500}),
	    -1);
	assert_said(": no whole answer within 1.5 seconds",
		    "try again, or wait longer: --max-time");
	/* Nobody is there any more. */
	assert_int_equal(pga_http_get(&patient, &request, &body, &error), -1);
	assert_said(": could not connect (", "is the CA running, and is it the right port? a proxy "
					     "counts, too: --proxy, https_proxy");
	/* And what is no https is not asked for at all. */
	request.url = "http://127.0.0.1:1/";
	assert_int_equal(pga_http_get(&patient, &request, &body, &error), -1);
	assert_memory_equal(error.message, "http://127.0.0.1:1/: the request failed (", 41);
	pga_text_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_server_answers), cmocka_unit_test(how_much_it_may_answer),
	    cmocka_unit_test(who_answers),           cmocka_unit_test(another_host_s_certificate),
	    cmocka_unit_test(what_else_may_happen),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
