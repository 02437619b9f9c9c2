/* cli/cmd_bootstrap.c, cli/sources.h: what another line of the list of sources comes to. */
#include "played_bootstrap.h"

#include "cli/sources.h"

#undef PGA_SOURCES
#define PGA_SOURCES(SOURCE)                                           \
	SOURCE(stepca, "ca-url", "URL", PGA_NAMES_NOTHING, "the CA"), \
	    SOURCE(played, "played", "FILE", PGA_NAMES_FILE, "a file that has it")

static int read_path(struct pga_source_request *request, const char *typed, struct pga_error *error)
{
	note("path(%s) ", typed);
	request->location = __real_strdup(typed);
	request->name = __real_strdup("played");
	/* As a source that has one from whom the user trusts. */
	if (strcmp(typed, "/proven") == 0)
		(void)snprintf(request->pin, sizeof request->pin, "%s", PIN);
	return ends("path", error);
}

static int fetch(const struct pga_source_request *request, struct pga_candidates *candidates,
		 struct pga_error *error)
{
	struct pga_certificate root;

	note("played(%s %zu) ", request->location, strlen(request->pin));
	candidates->where = __real_strdup(request->location);
	show(&root);
	return pga_candidates_add(candidates, &root, error);
}

static const struct pga_source pga_source_played = {
    .name = "played", .read = read_path, .fetch = fetch};

#include "cli/cmd_bootstrap.c" /* NOLINT(bugprone-suspicious-include) */

#define INSTALLED "warnings crls scope services warn-existing free done "

static void another_source(void **state)
{
	(void)state;
	assert_run("--played /root.crt --fingerprint " PIN, PGA_EXIT_DONE,
		   "path(/root.crt) played(/root.crt 64) check(/root.crt) known(/root.crt) before "
		   "install(- played /root.crt -) text(/root.crt 0) " INSTALLED,
		   "");
	assert_run("--played /root.crt", PGA_EXIT_DONE,
		   "path(/root.crt) played(/root.crt 0) check(/root.crt) before known(/root.crt) "
		   "look(/root.crt - played) try(- played /root.crt -) ask(/root.crt ) "
		   "install(- played /root.crt -) text(/root.crt 0) " INSTALLED,
		   "");
	assert_run("--played /proven --yes", PGA_EXIT_DONE,
		   "path(/proven) played(/proven 64) check(/proven) known(/proven) before "
		   "install(- played /proven -) text(/proven 0) " INSTALLED,
		   "");
	here.fails = "path";
	assert_run("--played /root.crt", PGA_EXIT_USAGE, "path(/root.crt) ",
		   "pganchor: path fails\n");
}

static void the_first_one(void **state)
{
	(void)state;
	assert_run("--ca-url ca --fingerprint " PIN, PGA_EXIT_DONE,
		   "root(https://ca - 10000 30000) check(https://ca) known(https://ca) "
		   "health(https://ca ROOT 30000) ends-in before install(- ca https://ca -) "
		   "text(https://ca 0) " INSTALLED,
		   "");
}

static void two_at_a_time(void **state)
{
	(void)state;
	assert_run("--played /root.crt --ca-url ca", PGA_EXIT_USAGE, "",
		   "pganchor: bootstrap: --ca-url and --played: one of them\n    see pganchor "
		   "bootstrap --help\n");
	/* Of one option, the last counts. */
	here.fails = "path";
	assert_run("--played /a --played /b", PGA_EXIT_USAGE, "path(/b) ",
		   "pganchor: path fails\n");
}

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH_TEST(another_source),
	    EACH_TEST(the_first_one),
	    EACH_TEST(two_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
