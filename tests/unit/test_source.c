/* anchor/source.h: which of a source's certificates is taken, what proves it, and by which roots
 * the source is verified. */
#include "cmocka_start.h"
#include "failing.h"

#include "anchor/proof.h"
#include "anchor/source.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN(digit) D8(D8(#digit))

/* ---- what a source calls, and what is known, as the test plays it ---- */

static struct {
	const char *has;   /* a digit of each certificate's pin */
	int fetch, verify; /* what they return */
	bool shows_chain;  /* where it is fetched */
	size_t known;      /* roots that are pinned from there */
	bool ends;         /* the chain ends in the candidate */
	const struct pga_known_root *of;
	/* What happened: */
	int held; /* certificates that nobody has freed yet */
	char roots[200];
	int asked, read;
} play;

static struct pga_known_root from_there[] = {{.certificate = {.pem = (char[]){"OLD "}}},
					     {.certificate = {.pem = (char[]){"OLDER "}}}};

void pga_certificate_free(struct pga_certificate *certificate)
{
	play.held -= certificate->pem != NULL;
	free(certificate->pem);
	memset(certificate, 0, sizeof *certificate);
}

int pga_known_roots_read(struct pga_known_roots *known, const char *source, struct pga_error *error)
{
	assert_string_equal(source, "there");
	play.read++;
	known->roots = from_there;
	known->count = play.known;
	return play.known == COUNT(from_there) + 1 ? pga_fail(error, NULL, "no pins") : 0;
}

const struct pga_known_root *pga_known_roots_of(const struct pga_known_roots *known,
						STACK_OF(X509) * chain)
{
	assert_ptr_equal(known->roots, from_there);
	return chain != NULL ? play.of : NULL;
}

void pga_known_roots_free(struct pga_known_roots *known)
{
	memset(known, 0, sizeof *known);
}

bool pga_proof_ends_in(STACK_OF(X509) * chain, const struct pga_certificate *root)
{
	assert_non_null(chain);
	assert_non_null(root->pem);
	return play.ends;
}

static int fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		 struct pga_error *error)
{
	(void)request;
	candidates->where = __real_strdup("exactly there");
	if (play.shows_chain)
		candidates->chain = sk_X509_new_null();
	for (const char *digit = play.has; *digit != '\0'; digit++) {
		struct pga_certificate certificate = {.pem = __real_strdup("ROOT ")};

		play.held++;
		memset(certificate.pin, *digit, PGA_PIN_LENGTH);
		if (pga_candidates_add(candidates, &certificate, error) == 0)
			assert_null(certificate.pem);
		else
			pga_certificate_free(&certificate);
		if (has_failed)
			return -1;
	}
	return play.fetch == 0 ? 0 : pga_fail(error, NULL, "not fetched");
}

static int verify(const struct pga_source_request *request, const char *roots,
		  STACK_OF(X509) * *chain, struct pga_error *error)
{
	assert_string_equal(request->location, "there");
	assert_null(*chain);
	*chain = sk_X509_new_null();
	play.asked++;
	(void)snprintf(play.roots, sizeof play.roots, "%s", roots);
	return play.verify == 0 ? 0 : pga_fail(error, NULL, "not verified");
}

static const struct pga_source file = {.name = "file", .fetch = fetch};
static const struct pga_source server = {.name = "server", .fetch = fetch, .verify = verify};
static char location[] = "there";
static struct pga_source_request request;
static struct pga_candidates found;
static struct pga_error error;

static int begin(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	request = (struct pga_source_request){.source = &server, .location = location};
	play.has = "1";
	has_failed = false;
	return 0;
}

/* Nothing is left of what was fetched. */
static int end(void **state)
{
	(void)state;
	pga_candidates_free(&found);
	assert_true(found.count == 0 && found.roots == NULL && found.where == NULL);
	assert_int_equal(play.held, 0);
	return 0;
}

/* Fetches what has the pin that is this digit over and over; 0: whatever there is. */
static int get(const char *has, char digit)
{
	(void)end(NULL);
	play.has = has;
	memset(request.pin, 0, sizeof request.pin);
	if (digit != 0)
		memset(request.pin, digit, PGA_PIN_LENGTH);
	memset(&error, 0, sizeof error);
	return pga_source_fetch(&request, &found, &error);
}

static int check(void)
{
	memset(&error, 0, sizeof error);
	return pga_source_verify(&request, &found, &error);
}

/* ---- which is taken ---- */

static void the_one_with_the_pin(void **state)
{
	static const char *const all[] = {"5", "512", "152", "125", "1551"};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		assert_int_equal(get(all[i], '5'), 0);
		assert_int_equal(found.count, 1);
		assert_int_equal(play.held, 1);
		assert_string_equal(found.roots[0].pin, PIN(5));
		assert_true(found.proven);
	}
}

#define SOMEBODY                                                                               \
	"somebody may be between you and the CA, or the fingerprint is another CA's; ask who " \
	"runs it. Nothing was pinned"

static void none_with_the_pin(void **state)
{
	(void)state;
	assert_int_equal(get("1", '5'), -1);
	assert_string_equal(error.message, "exactly there: wrong root: its fingerprint is " PIN(1));
	assert_string_equal(error.hint, SOMEBODY);
	assert_false(found.proven);
	assert_int_equal(get("12", '5'), -1);
	assert_string_equal(
	    error.message, "exactly there: wrong roots: none of the 2 has the fingerprint " PIN(5));
	assert_string_equal(error.hint, SOMEBODY);
	assert_false(found.proven);
	/* To the last digit. */
	play.has = "5";
	for (size_t i = 0; i < PGA_PIN_LENGTH; i += PGA_PIN_LENGTH - 1) {
		(void)end(NULL);
		memset(request.pin, '5', PGA_PIN_LENGTH);
		request.pin[i] = '6';
		assert_int_equal(pga_source_fetch(&request, &found, &error), -1);
		assert_false(found.proven);
	}
}

/* Nothing proves any of them. */
static void all_where_nobody_knows(void **state)
{
	(void)state;
	assert_int_equal(get("1", 0), 0);
	assert_int_equal(found.count, 1);
	assert_false(found.proven);
	assert_int_equal(get("123", 0), 0);
	assert_int_equal(found.count, 3);
	assert_string_equal(found.roots[0].pin, PIN(1));
	assert_string_equal(found.roots[2].pin, PIN(3));
	assert_string_equal(found.where, "exactly there");
	assert_false(found.proven);
}

static void what_is_not_fetched(void **state)
{
	(void)state;
	for (char digit = 0;; digit = '5') {
		play.fetch = 0;
		assert_int_equal(get("", digit), -1);
		assert_string_equal(error.message, "there: no certificate in this server");
		assert_false(found.proven);
		play.fetch = -1;
		assert_int_equal(get("55", digit), -1);
		assert_string_equal(error.message, "not fetched");
		assert_false(found.proven);
		if (digit != 0)
			break;
	}
}

/* ---- by what it is verified ---- */

static void by_the_root_alone_where_nothing_proves_it(void **state)
{
	bool rotates = true;

	(void)state;
	play.known = 2;
	play.of = &from_there[1];
	assert_int_equal(get("1", 0), 0);
	assert_int_equal(check(), 0);
	assert_string_equal(play.roots, "ROOT ");
	assert_int_equal(play.read, 0);
	assert_null(found.chain_root);
	assert_int_equal(pga_source_rotates(&request, &found, &rotates, &error), 0);
	assert_true(rotates);
	assert_null(found.chain_root);
	pga_known_roots_free(&found.known);
	play.of = NULL;
	assert_int_equal(pga_source_rotates(&request, &found, &rotates, &error), 0);
	assert_false(rotates);
	play.known = 3;
	assert_int_equal(pga_source_rotates(&request, &found, &rotates, &error), -1);
	assert_string_equal(error.message, "no pins");
}

static void by_those_that_are_pinned_where_it_is_proven(void **state)
{
	(void)state;
	play.known = 2;
	play.of = &from_there[1];
	play.ends = true;
	assert_int_equal(get("12", '1'), 0);
	assert_int_equal(check(), 0);
	assert_string_equal(play.roots, "ROOT OLD OLDER ");
	assert_null(found.chain_root);
	play.ends = false;
	assert_int_equal(get("12", '1'), 0);
	assert_int_equal(check(), 0);
	assert_ptr_equal(found.chain_root, &from_there[1]);
	play.known = 3;
	assert_int_equal(get("12", '1'), 0);
	assert_int_equal(check(), -1);
	assert_string_equal(error.message, "no pins");
	assert_int_equal(play.asked, 2);
}

static void one_that_does_not_verify(void **state)
{
	(void)state;
	play.verify = -1;
	play.of = &from_there[0];
	for (char digit = 0;; digit = '1') {
		assert_int_equal(get("1", digit), 0);
		assert_int_equal(check(), -1);
		assert_string_equal(error.message, "not verified");
		assert_null(found.chain_root);
		if (digit != 0)
			break;
	}
}

/* A file shows no chain, and a server of PostgreSQL shows it when it is fetched. */
static void one_that_cannot_be_asked(void **state)
{
	bool rotates = true;

	(void)state;
	request.source = &file;
	play.of = &from_there[0];
	assert_int_equal(get("1", '1'), 0);
	assert_int_equal(check(), 0);
	assert_true(found.chain == NULL && found.chain_root == NULL);
	assert_int_equal(get("1", 0), 0);
	assert_int_equal(check(), 0);
	assert_int_equal(pga_source_rotates(&request, &found, &rotates, &error), 0);
	assert_false(rotates);
	play.shows_chain = true;
	assert_int_equal(get("1", '1'), 0);
	assert_int_equal(check(), 0);
	assert_ptr_equal(found.chain_root, &from_there[0]);
	play.ends = true;
	assert_int_equal(get("1", '1'), 0);
	assert_int_equal(check(), 0);
	assert_null(found.chain_root);
	assert_int_equal(play.asked, 0);
}

/* ---- without memory ---- */

static int take_one(struct pga_error *said)
{
	int result;

	(void)end(NULL);
	result = pga_source_fetch(&request, &found, said);
	return result == 0 ? pga_source_verify(&request, &found, said) : result;
}

static void without_memory(void **state)
{
	(void)state;
	play.known = 2;
	play.has = "123";
	memset(request.pin, '2', PGA_PIN_LENGTH);
	without_each(take_one, false);
	assert_string_equal(play.roots, "ROOT OLD OLDER ");
}

static void a_request_is_freed(void **state)
{
	(void)state;
	request.location = __real_strdup("here");
	request.name = __real_strdup("name");
	pga_source_request_free(&request);
	assert_true(request.location == NULL && request.name == NULL);
	pga_source_request_free(&request);
}

#define EACH_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(the_one_with_the_pin),
	    EACH_TEST(none_with_the_pin),
	    EACH_TEST(all_where_nobody_knows),
	    EACH_TEST(what_is_not_fetched),
	    EACH_TEST(by_the_root_alone_where_nothing_proves_it),
	    EACH_TEST(by_those_that_are_pinned_where_it_is_proven),
	    EACH_TEST(one_that_does_not_verify),
	    EACH_TEST(one_that_cannot_be_asked),
	    EACH_TEST(without_memory),
	    EACH_TEST(a_request_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
