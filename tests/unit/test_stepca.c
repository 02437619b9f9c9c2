/* ca/stepca.h: what a step-ca may answer when it is asked for its roots, and for its health. */
#include "failing.h"
#include "asked_server.h"
#include "tls_server.h"

#include "ca/stepca.h"
#include "ca/http.h"

#include <stdio.h>

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

static char url[64];

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
	/* One that is there twice is one, and so many are not even read. */
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
		assert_int_equal(roots.count, 1);
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
	    cmocka_unit_test(the_root_of_a_step_ca),
	    cmocka_unit_test(the_roots_of_a_step_ca),
	    cmocka_unit_test(the_health_of_a_step_ca),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
