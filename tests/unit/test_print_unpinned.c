/* cli/print_unpinned.h: what is said of roots that are trusted by libpq and not pinned. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "anchor/root_crt_path.h"
#include "cli/print_unpinned.h"

#define D8(digits) digits digits digits digits digits digits digits digits
#define PIN(digit) D8(D8(#digit))

/* ---- the file of roots, as the test plays it ---- */

#define ROOT_CRT "/home/me/.postgresql/root.crt"

static struct pga_certificate roots[] = {
    {.pin = PIN(1), .subject = (char[]){"CN=1"}}, {.pin = PIN(2), .subject = (char[]){"CN=2"}},
    {.pin = PIN(3), .subject = (char[]){"CN=3"}}, {.pin = PIN(4), .subject = (char[]){"CN=4"}},
    {.pin = PIN(5), .subject = (char[]){"CN=5"}}, {.pin = PIN(6), .subject = (char[]){"CN=6"}},
    {.pin = PIN(7), .subject = (char[]){"CN=7"}}, {.pin = PIN(8), .subject = (char[]){"CN=8"}},
    {.pin = PIN(9), .subject = (char[]){"CN=9"}}, {.pin = PIN(0), .subject = (char[]){"CN=0"}},
};
static struct {
	size_t count;
	const char *path; /* that is to be asked for */
	bool no_home;
	bool no_roots;
	const char *sslrootcert;
	int reads;
} here;
static struct pga_policy policy;
static struct pga_pins pins;
static struct pga_error error;

char *__wrap_pga_libpq_home(struct pga_error *why);
int __wrap_pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
				   const struct pga_pins *known, struct pga_error *why);
void __wrap_pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned);
const char *__wrap_pga_effective_value(const struct pga_effective *effective, const char *keyword);

char *__wrap_pga_libpq_home(struct pga_error *why)
{
	if (!here.no_home)
		return __real_strdup("/home/me");
	(void)pga_fail(why, NULL, "no home");
	return NULL;
}

int __wrap_pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
				   const struct pga_pins *known, struct pga_error *why)
{
	here.reads++;
	assert_string_equal(path, here.path);
	assert_ptr_equal(known, &pins);
	unpinned->roots = roots;
	unpinned->count = here.count;
	return here.no_roots ? pga_fail(why, NULL, "no roots") : 0;
}

void __wrap_pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned)
{
	memset(unpinned, 0, sizeof *unpinned);
}

const char *__wrap_pga_effective_value(const struct pga_effective *effective, const char *keyword)
{
	assert_null(effective);
	assert_string_equal(keyword, "sslrootcert");
	return here.sslrootcert;
}

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	here.path = ROOT_CRT;
	here.count = 1;
	policy = (struct pga_policy){
	    .mode = PGA_MODE_ENFORCE, .trust = PGA_TRUST_PINNED, .user_anchors = PGA_ALLOW};
	pins.count = 1;
	return 0;
}

/* ---- root.crt ---- */

static void where_it_is(void **state)
{
	char *path = pga_root_crt_path(&error);

	(void)state;
	assert_string_equal(path, ROOT_CRT);
	free(path);
	here.no_home = true;
	assert_null(pga_root_crt_path(&error));
	assert_string_equal(error.message, "no home");
	here.no_home = false;
	left = 1;
	assert_null(pga_root_crt_path(&error));
	left = 0;
	assert_string_equal(error.message, "out of memory");
}

static void who_looks_there(void **state)
{
	static const struct {
		const char *sslrootcert;
		bool no_home;
		bool is;
	} cases[] = {
	    {NULL, true, true},       {"", true, true},        {ROOT_CRT, false, true},
	    {ROOT_CRT, true, false},  {"/a", false, false},    {ROOT_CRT "s", false, false},
	    {"system", false, false}, {"system", true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.sslrootcert = cases[i].sslrootcert;
		here.no_home = cases[i].no_home;
		assert_int_equal(pga_is_of_root_crt(NULL), cases[i].is);
	}
}

/* ---- the list ---- */

#define LINE(digit) "    CN=" #digit " (SHA-256 " PIN(digit) ")\n"
#define SEVEN       LINE(1) LINE(2) LINE(3) LINE(4) LINE(5) LINE(6) LINE(7)

static void which_are_named(void **state)
{
	static const struct {
		size_t count;
		const char *except;
		size_t listed;
		const char *list;
	} cases[] = {
	    {0, NULL, 0, ""},
	    {1, NULL, 1, LINE(1)},
	    {2, PIN(1), 1, LINE(2)},
	    {3, PIN(2), 2, LINE(1) LINE(3)},
	    {8, NULL, 8, SEVEN LINE(8)},
	    {9, PIN(8), 8, SEVEN LINE(9)},
	    {9, NULL, 9, SEVEN LINE(8) "    and 1 more\n"},
	    {10, NULL, 10, SEVEN LINE(8) "    and 2 more\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_unpinned_roots unpinned = {.roots = roots, .count = cases[i].count};
		struct pga_text list = PGA_TEXT_EMPTY;

		assert_int_equal(pga_list_unpinned(&unpinned, cases[i].except, &list),
				 cases[i].listed);
		assert_string_equal(pga_text_string(&list), cases[i].list);
		pga_text_free(&list);
	}
}

/* ---- what is said ---- */

static const char *path;

static int warn(void *context)
{
	(void)context;
	return pga_warn_of_unpinned(path, &policy, &pins, &error);
}

static void assert_said(const char *expected)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char warning[1000] = "";

	assert_int_equal(pga_tell_unpinned(path, &policy, &pins, &text, &error), 0);
	assert_string_equal(pga_text_string(&text), expected);
	pga_text_free(&text);
	if (expected[0] != '\0')
		(void)snprintf(warning, sizeof warning, "pganchor: warning: %s\n", expected);
	assert_int_equal(prints(warn, NULL), 0);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors, warning);
}

#define OF_ROOT_CRT "    pganchor bootstrap --pin-existing pins what is in root.crt"
#define OF_ANOTHER  "    pganchor bootstrap of a server's CA pins one"

static void what_the_gate_refuses(void **state)
{
	(void)state;
	path = NULL;
	assert_said(ROOT_CRT ": the gate refuses the servers of 1 root in it that is not "
			     "pinned:\n" LINE(1) OF_ROOT_CRT);
	path = "";
	here.count = 2;
	policy.mode = PGA_MODE_AUDIT;
	assert_said(ROOT_CRT ": the gate would refuse, but for mode = audit, the servers of 2 "
			     "roots in it that are not pinned:\n" LINE(1) LINE(2) OF_ROOT_CRT);
	policy.mode = PGA_MODE_ENFORCE;
	path = ROOT_CRT;
	assert_said(ROOT_CRT ": the gate refuses the servers of 2 roots in it that are not "
			     "pinned:\n" LINE(1) LINE(2) OF_ROOT_CRT);
	path = here.path = "/another";
	assert_said("/another: the gate refuses the servers of 2 roots in it that are not "
		    "pinned:\n" LINE(1) LINE(2) OF_ANOTHER);
	/* Whoever has no home has no root.crt. */
	here.no_home = true;
	assert_said("/another: the gate refuses the servers of 2 roots in it that are not "
		    "pinned:\n" LINE(1) LINE(2) OF_ANOTHER);
}

static void nothing_is_refused(void **state)
{
	(void)state;
	path = NULL;
	pins.count = 0;
	assert_said("");
	pins.count = 1;
	policy.trust = PGA_TRUST_VERIFIED;
	assert_said("");
	assert_int_equal(here.reads, 0);
	policy.trust = PGA_TRUST_PINNED;
	here.count = 0;
	assert_said("");
	assert_int_equal(here.reads, 2);
}

static void assert_failed(const char *message)
{
	assert_int_equal(prints(warn, NULL), -1);
	assert_string_equal(printed.errors, "");
	assert_string_equal(error.message, message);
}

static void what_cannot_be_said(void **state)
{
	(void)state;
	path = NULL;
	here.no_home = true;
	assert_failed("no home");
	assert_int_equal(here.reads, 0);
	here.no_home = false;
	here.no_roots = true;
	assert_failed("no roots");
}

static int warn_without(void *context)
{
	int result;

	has_failed = false;
	left = *(long *)context;
	result = warn(NULL);
	left = 0;
	return result;
}

/* It fails, or the warning says so. */
static void without_memory(void **state)
{
	int failed = 0;

	(void)state;
	path = NULL;
	for (long number = 1; number == 1 || has_failed; number++) {
		const int result = prints(warn_without, &number);

		failed += result != 0;
		if (result != 0) {
			assert_string_equal(error.message, "out of memory");
			assert_string_equal(printed.errors, "");
		} else if (has_failed && strstr(printed.errors, OF_ROOT_CRT) == NULL) {
			assert_string_equal(printed.errors, "pganchor: warning: out of memory\n");
		}
	}
	/* The path, the list and what is said of it. */
	assert_true(failed >= 3);
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(where_it_is),        EACH_TEST(who_looks_there),
	    EACH_TEST(which_are_named),    EACH_TEST(what_the_gate_refuses),
	    EACH_TEST(nothing_is_refused), EACH_TEST(what_cannot_be_said),
	    EACH_TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
