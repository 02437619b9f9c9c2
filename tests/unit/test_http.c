/* ca/http.h and ca/stepca.h: what a server may answer, how much, how late, and who it is. */
#include "config.h"

#include "failing.h"
#include "tls_server.h"

#include "ca/stepca.h"
#include "ca/http.h"

#include <stdio.h>

static EVP_PKEY *root_key;
static EVP_PKEY *leaf_key;
static EVP_PKEY *middle_key;
static struct pga_certificate root;
static struct pga_certificate stranger;
static X509 *middle;
static X509 *leaf;       /* of the root */
static X509 *below_leaf; /* of the one in the middle */
static struct pga_error error;
static char asked[16384];

static const struct pga_http patient = {.proxy = "", .connect_timeout = 10000, .max_time = 20000};

static int make_all(void **state)
{
	(void)state;
	root_key = make_key();
	leaf_key = make_key();
	middle_key = make_key();
	root = take_certificate(make_certificate(&(struct kind){.name = "Root", .key = root_key}));
	stranger = make_root("Root");
	middle = make_certificate(&(struct kind){.name = "Middle",
						 .issuer = "Root",
						 .key = middle_key,
						 .signer = root_key,
						 .serial = 5});
	leaf = make_leaf("Root", leaf_key, root_key);
	below_leaf = make_leaf("Middle", leaf_key, middle_key);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	pga_certificate_free(&root);
	pga_certificate_free(&stranger);
	X509_free(middle);
	X509_free(leaf);
	X509_free(below_leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(middle_key);
	return 0;
}

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
	assert_said(": cannot connect (", "is the CA running, and is it the right port? a proxy "
					  "counts, too: --proxy, https_proxy");
	/* And what is no https is not asked for at all. */
	request.url = "http://127.0.0.1:1/";
	assert_int_equal(pga_http_get(&patient, &request, &body, &error), -1);
	assert_memory_equal(error.message, "http://127.0.0.1:1/: the request failed (", 41);
	pga_text_free(&body);
}

/* The JSON as a whole answer. The caller frees it. */
static char *answer_of(const char *json)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_addf(&text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(json),
		      json);
	return pga_text_take(&text);
}

/* With its line ends as JSON has them. */
static char *json_of(const char *before, const struct pga_certificate *certificate,
		     const char *behind)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, before);
	for (const char *at = certificate->pem; *at != '\0'; at++) {
		if (*at == '\n')
			pga_text_add(&text, "\\n");
		else
			pga_text_add_bytes(&text, at, 1);
	}
	pga_text_add(&text, behind);
	return pga_text_take(&text);
}

enum question { ROOT, ROOTS, HEALTH };

/* Asks a step-ca that answers so. What comes back need not have the pin: that is the caller's to
 * see. */
static int ask(enum question question, const char *json, const char *pin,
	       struct pga_stepca_roots *roots)
{
	char *answer = answer_of(json);
	struct tls_server server = {
	    .answer = answer, .length = strlen(answer), .leaf = leaf, .key = leaf_key};
	struct pga_stepca_roots read;
	STACK_OF(X509) *chain = NULL;
	int result;

	start_server(&server);
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%d", server.port);
	memset(&error, 0, sizeof error);
	if (question == ROOT) {
		result = pga_stepca_root(&patient, url, pin, &read, &error);
		assert_int_equal(read.count, result == 0 ? 1 : 0);
		if (result == 0) {
			assert_string_equal(read.roots[0].pin, root.pin);
			assert_memory_equal(read.url, url, strlen(url));
			assert_memory_equal(read.url + strlen(url), "/root/", 6);
			assert_string_equal(read.url + strlen(url) + 6, pin);
		}
		pga_stepca_roots_free(&read);
		assert_null(read.url);
	} else if (question == ROOTS) {
		result = pga_stepca_roots(&patient, url, roots, &error);
	} else {
		result = pga_stepca_health(&patient, url, root.pem, &chain, &error);
		assert_int_equal(sk_X509_num(chain), 1);
		sk_X509_pop_free(chain, X509_free);
	}
	stop_server(&server, asked, sizeof asked);
	free(answer);
	return result;
}

static void assert_refused(enum question question, const char *json, const char *message)
{
	struct pga_stepca_roots roots = {.count = 0};

	assert_int_equal(ask(question, json, root.pin, &roots), -1);
	if (strstr(error.message, message) == NULL)
		fail_msg("%s: %s", json, error.message);
	assert_true(error.hint[0] != '\0');
	assert_int_equal(roots.count, 0);
}

static void the_root_of_a_step_ca(void **state)
{
	char *good = json_of("{\"ca\":\"", &root, "\"}");
	char *twice = json_of("{\"ca\":\"x\",\"ca\":\"", &root, "\"}");
	char wanted[128];

	(void)state;
	assert_int_equal(ask(ROOT, good, root.pin, NULL), 0);
	(void)snprintf(wanted, sizeof wanted, "GET /root/%s HTTP/1.1\r\n", root.pin);
	assert_memory_equal(asked, wanted, strlen(wanted));
	for (size_t i = 0; i < PGA_PIN_LENGTH; i += 21) {
		char pin[PGA_PIN_LENGTH + 1];

		memcpy(pin, root.pin, sizeof pin);
		pin[i] = pin[i] == '0' ? '1' : '0';
		assert_int_equal(ask(ROOT, good, pin, NULL), 0);
	}
	assert_refused(ROOT, twice, "the answer is not the JSON of a CA (line 1)");
	assert_refused(ROOT, "{\n\n\"ca\":", "the answer is not the JSON of a CA (line 3)");
	assert_refused(ROOT, "[]", "the answer is not the JSON of a CA (line 1)");
	assert_refused(ROOT, "{}", "the answer has no certificate in \"ca\"");
	assert_refused(ROOT, "{\"ca\":1}", "the answer has no certificate in \"ca\"");
	assert_refused(ROOT, "{\"ca\":\"x\"}", "not a certificate in PEM form");
	free(good);
	free(twice);
}

static void the_roots_of_a_step_ca(void **state)
{
	struct pga_stepca_roots roots;
	struct pga_text many = PGA_TEXT_EMPTY;
	char *one = json_of("\"", &root, "\"");
	char *two = json_of("\"", &stranger, "\"");

	(void)state;
	pga_text_addf(&many, "{\"crts\":[%s,%s]}", one, two);
	assert_int_equal(ask(ROOTS, pga_text_string(&many), NULL, &roots), 0);
	assert_int_equal(roots.count, 2);
	assert_string_equal(roots.roots[0].pin, root.pin);
	assert_string_equal(roots.roots[1].pin, stranger.pin);
	assert_memory_equal(asked, "GET /roots HTTP/1.1\r\n", 21);
	assert_memory_equal(roots.url, url, strlen(url));
	assert_string_equal(roots.url + strlen(url), "/roots");
	pga_stepca_roots_free(&roots);
	assert_null(roots.url);
	assert_int_equal(roots.count, 0);
	for (size_t count = PGA_STEPCA_ROOTS; count <= PGA_STEPCA_ROOTS + 1; count++) {
		pga_text_free(&many);
		pga_text_add(&many, "{\"crts\":[");
		for (size_t i = 0; i < count; i++)
			pga_text_addf(&many, "%s%s", i > 0 ? "," : "", one);
		pga_text_add(&many, "]}");
		if (count > PGA_STEPCA_ROOTS) {
			assert_refused(ROOTS, pga_text_string(&many),
				       ": 17 roots, too many to show");
			break;
		}
		assert_int_equal(ask(ROOTS, pga_text_string(&many), NULL, &roots), 0);
		assert_int_equal(roots.count, count);
		pga_stepca_roots_free(&roots);
	}
	assert_refused(ROOTS, "{}", "the answer has no certificates in \"crts\"");
	assert_refused(ROOTS, "{\"crts\":[]}", "the answer has no certificates in \"crts\"");
	assert_refused(ROOTS, "{\"crts\":[1]}", "one of \"crts\" is no text");
	pga_text_free(&many);
	pga_text_addf(&many, "{\"crts\":[%s,2]}", one);
	assert_refused(ROOTS, pga_text_string(&many), "one of \"crts\" is no text");
	pga_text_free(&many);
	pga_text_addf(&many, "{\"crts\":[%s,\"x\"]}", one);
	assert_refused(ROOTS, pga_text_string(&many), "not a certificate in PEM form");
	pga_text_free(&many);
	free(one);
	free(two);
}

static void the_health_of_a_step_ca(void **state)
{
	static const char *const ill[] = {"{}",
					  "{\"status\":\"okay\"}",
					  "{\"status\":\"o\"}",
					  "{\"status\":\"OK\"}",
					  "{\"status\":true}",
					  "{\"health\":\"ok\"}"};

	(void)state;
	assert_int_equal(ask(HEALTH, "{\"status\":\"ok\"}", NULL, NULL), 0);
	assert_memory_equal(asked, "GET /health HTTP/1.1\r\n", 22);
	for (size_t i = 0; i < sizeof ill / sizeof ill[0]; i++)
		assert_refused(HEALTH, ill[i], "/health: the CA does not say that it is well");
	assert_refused(HEALTH, "ok", "/health: the answer is not the JSON of a CA (line 1)");
}

static enum question question_asked;
static const char *json_said;

/* Without memory for what is asked, not for what asks. */
static int ask_without_memory(struct pga_error *said)
{
	const long number = left;
	char *answer;
	struct tls_server server = {.leaf = leaf, .key = leaf_key};
	struct pga_stepca_roots roots;
	STACK_OF(X509) *chain = NULL;
	int result;

	left = 0;
	answer = answer_of(json_said);
	server.answer = answer;
	server.length = strlen(answer);
	start_server(&server);
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%d", server.port);
	left = number;
	if (question_asked == ROOT) {
		result = pga_stepca_root(&patient, url, root.pin, &roots, said);
		assert_int_equal(roots.count, result == 0 ? 1 : 0);
		pga_stepca_roots_free(&roots);
	} else if (question_asked == ROOTS) {
		result = pga_stepca_roots(&patient, url, &roots, said);
		assert_int_equal(roots.count, result == 0 ? 1 : 0);
		pga_stepca_roots_free(&roots);
	} else {
		result = pga_stepca_health(&patient, url, root.pem, &chain, said);
		sk_X509_pop_free(chain, X509_free);
	}
	left = 0;
	stop_server(&server, asked, sizeof asked);
	free(answer);
	if (result != 0 && strcmp(said->message, "libcurl: Out of memory") == 0)
		(void)pga_fail_memory(said);
	return result;
}

static void without_memory(void **state)
{
	char *one = json_of("{\"ca\":\"", &root, "\"}");
	char *list = json_of("{\"crts\":[\"", &root, "\"]}");
	const char *const answers[] = {one, list, "{\"status\":\"ok\"}"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		question_asked = (enum question)i;
		json_said = answers[i];
		without_each(ask_without_memory, false);
	}
	free(one);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_server_answers),
	    cmocka_unit_test(how_much_it_may_answer),
	    cmocka_unit_test(who_answers),
	    cmocka_unit_test(another_host_s_certificate),
	    cmocka_unit_test(what_else_may_happen),
	    cmocka_unit_test(the_root_of_a_step_ca),
	    cmocka_unit_test(the_roots_of_a_step_ca),
	    cmocka_unit_test(the_health_of_a_step_ca),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
