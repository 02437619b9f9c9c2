/* cli/cmd_bootstrap.c: what is done in which order, by which options, and where it ends. */
#include "played_bootstrap.h"

/* ---- with the fingerprint ---- */

#define WITH    "--ca-url ca --fingerprint " PIN
#define ROOT    "root(https://ca - 10000 30000) check(https://ca) "
#define HEALTH  "known(https://ca) health(https://ca ROOT 30000) "
#define ENDS    "ends-in before "
#define INSTALL "install(- ca https://ca -) "
#define TOLD    "warnings crls scope services "
#define END     "free done "

static void a_root_by_its_fingerprint(void **state)
{
	(void)state;
	assert_run(WITH, PGA_EXIT_DONE,
		   ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD "warn-existing " END, "");
	here.known = true;
	assert_run(WITH " --json", PGA_EXIT_DONE, ROOT HEALTH ENDS INSTALL TOLD "json(0) " END, "");
	here.known = false;
	assert_run(WITH " --dry-run --name n --hosts b,a --unscoped --replace --yes", PGA_EXIT_DONE,
		   ROOT HEALTH ENDS
		   "would(n ca https://ca b a unscoped replace) text-dry(https://ca 0) "
		   "warnings-dry crls scope services-dry warn-existing-dry " END,
		   "");
	assert_run(
	    WITH " --scoped --proxy http://p --connect-timeout 2 --max-time 3 --pin-existing",
	    PGA_EXIT_DONE,
	    "root(https://ca http://p 2000 3000) check(https://ca) known(https://ca) "
	    "health(https://ca ROOT 3000) " ENDS "install(- ca https://ca - scoped) pin-existing "
	    "text(https://ca 7) " TOLD END,
	    "");
	assert_run(WITH " -j -n --pin-existing", PGA_EXIT_DONE,
		   ROOT HEALTH ENDS "would(- ca https://ca -) pin-existing-dry warnings-dry crls "
				    "scope services-dry json-dry(7) " END,
		   "");
}

/* Its TLS comes from what is pinned already. */
static void a_ca_that_moves(void **state)
{
	(void)state;
	here.known_roots = 2;
	here.moves = true;
	assert_run(WITH, PGA_EXIT_DONE,
		   ROOT "known(https://ca) health(https://ca ROOT OLD OLDER 30000) " ENDS
			"install(- ca https://ca - by OLD ) text(https://ca 0) " TOLD
			"rotation(https://ca company old) warn-existing " END,
		   "");
	here.pinned = true; /* and from the new one, too */
	assert_run(WITH, PGA_EXIT_DONE,
		   ROOT "known(https://ca) health(https://ca ROOT OLD OLDER 30000) " ENDS INSTALL
			"text(https://ca 0) " TOLD "warn-existing " END,
		   "");
}

static void where_it_fails(void **state)
{
	static const struct {
		const char *fails;
		const char *calls;
	} cases[] = {
	    {"root", "root(https://ca - 10000 30000) "},
	    {"check", ROOT},
	    {"known", ROOT "known(https://ca) "},
	    {"health", ROOT HEALTH},
	    {"install", ROOT HEALTH ENDS INSTALL},
	    {"services", ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD "warn-existing " END},
	    {"warn-existing",
	     ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD "warn-existing " END},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char errors[100];

		here.fails = cases[i].fails;
		(void)snprintf(errors, sizeof errors, "pganchor: %s fails\n", cases[i].fails);
		assert_run(WITH, PGA_EXIT_FAILED, cases[i].calls, errors);
	}
	/* What was done is told all the same. */
	here.fails = "pin-existing";
	assert_run(WITH " --pin-existing", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL "pin-existing text(https://ca 7) " TOLD END,
		   "pganchor: pin-existing fails\n");
	here.fails = NULL;
	here.existing = PGA_EXIT_FAILED;
	assert_run(WITH " --pin-existing", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL "pin-existing text(https://ca 7) " TOLD END, "");
}

static void a_report_that_fails(void **state)
{
	(void)state;
	here.json = PGA_EXIT_FAILED;
	assert_run(WITH " --json", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL TOLD "warn-existing json(0) " END, "");
	here.fails = "services";
	assert_run(WITH " --json", PGA_EXIT_FAILED,
		   ROOT HEALTH ENDS INSTALL TOLD "warn-existing json(0) " END,
		   "pganchor: services fails\n");
}

/* ---- without it ---- */

#define ROOTS "roots(https://ca 30000) check(https://ca) health(https://ca ROOT 30000) "
#define LOOK  "before known(https://ca) look(https://ca - ca) "
#define TRY   "try(- ca https://ca -) "
#define DONE  INSTALL "text(https://ca 0) " TOLD "warn-existing " END

static void a_root_that_is_asked_about(void **state)
{
	(void)state;
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY "ask(https://ca ) " DONE, "");
	here.warning = "careful";
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY "ask(https://ca careful) " DONE,
		   "");
	here.pinned = true;
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY DONE,
		   "pganchor: warning: careful\n");
	here.warning = NULL;
	assert_run("--ca-url ca", PGA_EXIT_DONE, ROOTS LOOK TRY DONE, "");
	here.pinned = false;
	here.moves = true;
	assert_run("--ca-url ca --name n --replace -n", PGA_EXIT_DONE,
		   ROOTS "before known(https://ca) look(https://ca n ca rotates replace) "
			 "try(n ca https://ca - replace) ask(https://ca ) would(n ca https://ca - "
			 "replace) text-dry(https://ca 0) warnings-dry crls scope services-dry "
			 "warn-existing-dry " END,
		   "");
}

static void several_roots(void **state)
{
	(void)state;
	here.roots = 2;
	assert_run("--ca-url ca", PGA_EXIT_FAILED, "roots(https://ca 30000) show(https://ca 2) ",
		   "pganchor: https://ca: 2 roots\n    name the one that you trust: "
		   "--fingerprint\n");
}

static void where_asking_fails(void **state)
{
	static const struct {
		const char *fails;
		const char *calls;
	} cases[] = {
	    {"roots", "roots(https://ca 30000) "},
	    {"check", "roots(https://ca 30000) check(https://ca) "},
	    {"health", ROOTS},
	    {"known", ROOTS "before known(https://ca) "},
	    {"look", ROOTS LOOK},
	    {"try", ROOTS LOOK TRY},
	    {"ask", ROOTS LOOK TRY "ask(https://ca ) "},
	    {"install", ROOTS LOOK TRY "ask(https://ca ) " INSTALL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char errors[100];

		here.fails = cases[i].fails;
		(void)snprintf(errors, sizeof errors, "pganchor: %s fails\n", cases[i].fails);
		assert_run("--ca-url ca", PGA_EXIT_FAILED, cases[i].calls, errors);
	}
}

/* ---- without a CA ---- */

static void roots_that_are_there(void **state)
{
	static const char *const others[] = {"--fingerprint " PIN, "--name n", "--hosts a",
					     "--proxy http://p",   "--scoped", "--unscoped",
					     "--replace",          "--json"};

	(void)state;
	assert_run("--pin-existing", 5, "alone ", "");
	assert_run("--pin-existing --yes", 5, "alone-yes ", "");
	assert_run("--pin-existing -n --max-time 3", 5, "alone-dry ", "");
	for (size_t i = 0; i < COUNT(others); i++) {
		char words[200];

		(void)snprintf(words, sizeof words, "--pin-existing %s", others[i]);
		assert_run(words, PGA_EXIT_USAGE, "",
			   "pganchor: bootstrap: --ca-url is missing; without it, --pin-existing "
			   "goes with --yes and --dry-run alone\n    see pganchor bootstrap "
			   "--help\n");
	}
	assert_run("--yes", PGA_EXIT_USAGE, "",
		   "pganchor: bootstrap: --ca-url is missing\n    see pganchor bootstrap --help\n");
}

/* ---- options that make no sense ---- */

static void options_that_cannot_be(void **state)
{
	static const struct {
		const char *words;
		bool no_terminal;
		const char *said; /* how it begins */
	} cases[] = {
	    {WITH " --scoped --unscoped", false,
	     "pganchor: bootstrap: --scoped and --unscoped: one of them\n"},
	    {WITH " --bogus", false, "pganchor: bootstrap: --bogus: no such option"},
	    {"--ca-url http://ca --fingerprint " PIN, false,
	     "pganchor: --ca-url: only https is possible\n"},
	    {"--ca-url ca --fingerprint abc", false, "pganchor: --fingerprint: "},
	    {WITH " --name -a", false,
	     "pganchor: --name: -a: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with neither . "
	     "nor "
	     "- in front\n    such as --name company\n"},
	    {WITH " --hosts ''", false, "pganchor: --hosts: "},
	    {WITH " --proxy ftp://p", false, "pganchor: --proxy: "},
	    {"--ca-url ca --yes", false,
	     "pganchor: --fingerprint is missing, and --yes does not replace it\n    on the "
	     "CA: "},
	    {"--ca-url ca", true,
	     "pganchor: --fingerprint is missing, and there is no terminal to ask on\n    on the "
	     "CA: "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char words[200];

		here.no_terminal = cases[i].no_terminal;
		here.calls[0] = '\0';
		(void)snprintf(words, sizeof words, "bootstrap %s", cases[i].words);
		assert_int_equal(command_prints(bootstrap, words), PGA_EXIT_USAGE);
		assert_string_equal(here.calls, "");
		if (strncmp(printed.errors, cases[i].said, strlen(cases[i].said)) != 0)
			fail_msg("%s: %s", cases[i].words, printed.errors);
	}
	/* With the fingerprint, nobody is asked. */
	here.no_terminal = true;
	here.known = true;
	assert_run(WITH " --yes", PGA_EXIT_DONE,
		   ROOT HEALTH ENDS INSTALL "text(https://ca 0) " TOLD END, "");
}

/* ---- without memory ---- */

static int word_count;

static int bootstrap_without(void *context)
{
	static char words[][70] = {"bootstrap", "--ca-url", "ca", "--fingerprint",
				   PIN,         "--hosts",  "a"};
	char *argv[COUNT(words) + 1] = {NULL};
	int status;

	for (int i = 0; i < word_count; i++)
		argv[i] = words[i];
	optind = 0;
	here.calls[0] = '\0';
	here.chain = NULL;
	has_failed = false;
	left = *(long *)context;
	status = bootstrap(word_count, argv);
	left = 0;
	assert_int_equal(here.held, 0);
	return status;
}

static void without_memory(void **state)
{
	long number = 1;
	bool before = false;
	bool behind = false;

	(void)state;
	word_count = 7;
	for (;; number++) {
		const int status = prints(bootstrap_without, &number);

		if (!has_failed)
			break;
		assert_string_equal(printed.errors, "pganchor: out of memory\n");
		if (status == PGA_EXIT_USAGE)
			assert_string_equal(here.calls, "");
		else
			assert_int_equal(status, PGA_EXIT_FAILED);
		before = before || status == PGA_EXIT_USAGE;
		behind = behind || status == PGA_EXIT_FAILED;
		assert_null(strstr(here.calls, "install"));
	}
	assert_true(before && behind);
	assert_non_null(strstr(here.calls, "install"));
}

/* None of them is left out. */
static void several_without_memory(void **state)
{
	long number = 0;

	(void)state;
	word_count = 3;
	here.roots = 3;
	do {
		number++;
		assert_true(prints(bootstrap_without, &number) != PGA_EXIT_DONE);
		assert_null(strstr(here.calls, "check"));
		if (has_failed)
			assert_non_null(strstr(printed.errors, "out of memory"));
	} while (has_failed);
	assert_true(number > 3);
	assert_non_null(strstr(here.calls, "show(https://ca 3)"));
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(a_root_by_its_fingerprint),
	    EACH_TEST(a_ca_that_moves),
	    EACH_TEST(where_it_fails),
	    EACH_TEST(a_report_that_fails),
	    EACH_TEST(a_root_that_is_asked_about),
	    EACH_TEST(several_roots),
	    EACH_TEST(where_asking_fails),
	    EACH_TEST(roots_that_are_there),
	    EACH_TEST(options_that_cannot_be),
	    EACH_TEST(without_memory),
	    EACH_TEST(several_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
