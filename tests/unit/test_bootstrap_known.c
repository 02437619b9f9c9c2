/* cli/bootstrap_known.h: what is pinned already from the address of a CA, or under the name of its
 * anchor, and what the user has to say then. */
#include "cmocka_start.h"
#include "failing.h"

#include "cli/bootstrap_known.h"
#include "policy/pins.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN(digit) D8(D8(#digit))

/* Sections of anchors.conf: from the address in question, and from another. */
#define HERE(name, digit)  "[" name "]\nsource = https://CA:443/\npin = " PIN(digit) "\n"
#define THERE(name, digit) "[" name "]\nsource = https://other\npin = " PIN(digit) "\n"

/* ---- anchors.conf, and what an anchor comes to, as the test plays them ---- */

static const char *conf;
static bool no_pins;
static const struct pga_anchor *tried;
static bool refused;

int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *error);
int __wrap_pga_anchor_install(const struct pga_anchor *anchor, bool dry_run,
			      struct pga_anchoring *done, struct pga_error *error);

int __wrap_pga_pins_load(struct pga_pins *pins, struct pga_error *error)
{
	const long before = left;
	int result;

	left = 0;
	result = pga_pins_parse(pins, "anchors.conf", conf[0] != '\0' ? conf : NULL, strlen(conf),
				error);
	left = before;
	assert_int_equal(result, 0);
	return no_pins ? pga_fail(error, NULL, "no pins") : 0;
}

int __wrap_pga_anchor_install(const struct pga_anchor *anchor, bool dry_run,
			      struct pga_anchoring *done, struct pga_error *error)
{
	assert_true(dry_run);
	tried = anchor;
	memset(done, 0, sizeof *done);
	done->name = __real_strdup("name");
	return refused ? pga_fail(error, NULL, "refused") : 0;
}

/* ---- the root with the pin 5 that https://ca shows ---- */

static const struct pga_certificate root = {.pin = PIN(5)};

#define OTHER_ROOT(name, digit)                       \
	"https://ca: pinned already, as anchor " name \
	", with another root: SHA-256 " PIN(digit) "; now it shows SHA-256 " PIN(5)
#define OTHER_SOURCE(name, digit)                                                               \
	"anchor " name ": pinned already, from https://other, with another root: SHA-256 " PIN( \
	    digit) "; https://ca shows SHA-256 " PIN(5)
#define NEXT(name)                                                                               \
	"this may be an attack, or the CA has a new root: ask who runs it for the fingerprint; " \
	"then --replace --name " name                                                            \
	" takes it in the place of the other, and another --name keeps both. Nothing was pinned"

static const struct {
	const char *conf;
	const char *name; /* of --name */
	bool replace;
	bool rotates;
	bool pinned;
	const char *warning; /* "" none */
	const char *hint;    /* of the error; NULL: it can be asked about */
} cases[] = {
    /* Nothing stands in the way. */
    {"", NULL, false, false, false, "", NULL},
    {THERE("a", 1), NULL, false, false, false, "", NULL},
    {HERE("a", 5), NULL, false, false, true, "", NULL},
    {HERE("ca", 5), NULL, true, false, true, "", NULL},
    {THERE("a", 5), NULL, false, false, true, "", NULL},
    {THERE("ca", 5), NULL, false, false, true, "", NULL},
    {THERE("ca", 5), NULL, true, false, true, "", NULL},
    {THERE("ca", 1), NULL, false, false, false, "", NULL},
    /* It was pinned from there, whatever else was. */
    {HERE("a", 1) HERE("b", 5), NULL, false, false, true, "", NULL},
    {HERE("ca", 1) HERE("b", 5), NULL, true, false, true, "", NULL},
    /* The CA is moving to it. */
    {HERE("a", 1), NULL, false, true, false, "", NULL},
    {THERE("ca", 1), NULL, true, true, false, OTHER_SOURCE("ca", 1), NULL},
    /* Another is pinned from there. */
    {HERE("a", 1), NULL, false, false, false, OTHER_ROOT("a", 1), NEXT("a")},
    {THERE("a", 1) HERE("b", 2), NULL, false, false, false, OTHER_ROOT("b", 2), NEXT("b")},
    {HERE("a", 1) HERE("ca", 2), NULL, false, false, false, OTHER_ROOT("ca", 2), NEXT("ca")},
    {HERE("a", 1) HERE("n", 2), "n", false, false, false, OTHER_ROOT("n", 2), NEXT("n")},
    {HERE("a", 1) THERE("n", 2), "n", false, false, false, OTHER_ROOT("a", 1), NEXT("a")},
    {HERE("a", 1) THERE("ca", 2), NULL, false, false, false, OTHER_ROOT("a", 1), NEXT("a")},
    {HERE("a", 1), NULL, true, false, false, OTHER_ROOT("a", 1), NEXT("a")},
    /* The user has said which is to be replaced, or another name. */
    {HERE("ca", 1), NULL, true, false, false, OTHER_ROOT("ca", 1), NULL},
    {HERE("a", 1), "a", true, false, false, OTHER_ROOT("a", 1), NULL},
    {HERE("a", 1) THERE("n", 2), "n", true, false, false, OTHER_SOURCE("n", 2), NULL},
    {HERE("a", 1), "n", false, false, false, OTHER_ROOT("a", 1), NULL},
    {HERE("a", 1), "n", true, false, false, OTHER_ROOT("a", 1), NULL},
    {THERE("n", 2), "n", true, false, false, OTHER_SOURCE("n", 2), NULL},
    /* It is another's already, and trusted. */
    {HERE("a", 1) THERE("b", 5), NULL, false, false, true,
     OTHER_ROOT("a", 1) ", the one of anchor b", NULL},
    {HERE("a", 1) THERE("ca", 5), NULL, true, false, true,
     OTHER_ROOT("a", 1) ", the one of anchor ca", NULL},
    {THERE("n", 2) THERE("b", 5), "n", true, false, true,
     OTHER_SOURCE("n", 2) ", the one of anchor b", NULL},
    {"[ca]\nsource = https://ca\npin = " PIN(1), NULL, true, false, false, OTHER_ROOT("ca", 1),
     NULL},
};

static int look(size_t number, bool *pinned, struct pga_text *warning, struct pga_error *error)
{
	const struct pga_anchor anchor = {.proof.root = &root,
					  .name = cases[number].name,
					  .fallback_name = "ca",
					  .source = "https://ca",
					  .replace = cases[number].replace};

	conf = cases[number].conf;
	memset(error, 0, sizeof *error);
	return pga_known_look(&anchor, cases[number].rotates, pinned, warning, error);
}

static void what_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_text warning = PGA_TEXT_EMPTY;
		const bool fails = cases[i].hint != NULL;
		bool pinned = !cases[i].pinned;
		struct pga_error error;
		const int result = look(i, &pinned, &warning, &error);

		if (result != (fails ? -1 : 0) || pinned != cases[i].pinned ||
		    strcmp(pga_text_string(&warning), cases[i].warning) != 0 ||
		    strcmp(error.message, fails ? cases[i].warning : "") != 0 ||
		    strcmp(error.hint, fails ? cases[i].hint : "") != 0)
			fail_msg("case %zu: %d, pinned %d, %s, %s, %s", i, result, pinned,
				 pga_text_string(&warning), error.message, error.hint);
		pga_text_free(&warning);
	}
}

/* The last one: its address is the same to the letter. */
static int look_once(struct pga_error *error)
{
	struct pga_text warning = PGA_TEXT_EMPTY;
	bool pinned;
	const int result = look(COUNT(cases) - 1, &pinned, &warning, error);

	if (result == 0)
		assert_string_equal(pga_text_string(&warning), cases[COUNT(cases) - 1].warning);
	pga_text_free(&warning);
	return result;
}

/* Without memory for a warning, nobody is asked. */
static void without_memory(void **state)
{
	(void)state;
	without_each(look_once, true);
}

static void pins_that_cannot_be_read(void **state)
{
	struct pga_text warning = PGA_TEXT_EMPTY;
	struct pga_error error;
	bool pinned = false;

	(void)state;
	no_pins = true;
	assert_int_equal(look(12, &pinned, &warning, &error), -1);
	no_pins = false;
	assert_string_equal(error.message, "no pins");
	assert_int_equal(warning.length, 0);
}

static void what_would_be_done(void **state)
{
	static const struct pga_anchor anchor;
	struct pga_error error;

	(void)state;
	assert_int_equal(pga_known_try(&anchor, &error), 0);
	assert_ptr_equal(tried, &anchor);
	refused = true;
	assert_int_equal(pga_known_try(&anchor, &error), -1);
	assert_string_equal(error.message, "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_known),
	    cmocka_unit_test(without_memory),
	    cmocka_unit_test(pins_that_cannot_be_read),
	    cmocka_unit_test(what_would_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
