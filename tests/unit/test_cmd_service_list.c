/* cli/cmd_service_list.c, cli/print_service_list.c, service/list.h: the table of all entries, the
 * reasons below it, and the exit status. */
#include "played_entries.h"

static int run(const char *words)
{
	int result;

	here.judged = here.looked = here.pins_read = 0;
	result = command_prints(pga_cmd_service_list.run, words);
	/* What was read has been freed. */
	assert_int_equal(here.pins_read, 0);
	return result;
}

/* ---- nothing to list ---- */

static void no_entry_at_all(void **state)
{
	(void)state;
	for (int found = 0; found < 4; found++) {
		char expected[300];

		if ((found & 1) != 0)
			put(OF_USER, "# nothing\n");
		else
			(void)unlink(OF_USER);
		if (found == 2)
			put(OF_MACHINE, "");
		assert_int_equal(run("list"), PGA_EXIT_DONE);
		(void)snprintf(
		    expected, sizeof expected,
		    "no services yet: @/.pg_service.conf %s, @/pg_service.conf %s\n    pganchor "
		    "service add NAME --host HOST writes one\n",
		    (found & 1) != 0 ? "has none" : "is not there",
		    found >= 2 ? "has none" : "is not there");
		assert_is(printed.output, expected);
		assert_string_equal(printed.errors, "");
		assert_int_equal(here.looked, 0);
	}
	assert_int_equal(run("list --json"), PGA_EXIT_DONE);
	assert_is(printed.output, "{\n  \"services\": [],\n  \"weak\": 0,\n  \"broken\": 0,\n  "
				  "\"warnings\": []\n}\n");
	assert_int_equal(here.looked, 0);
}

#define NOT_THERE                                                                                \
	"pganchor: warning: PGSERVICEFILE names @/none, which is not there: until it is, libpq " \
	"finds no service at all\n"

static void a_file_that_is_not_there(void **state)
{
	char path[100];

	(void)state;
	put(OF_USER, "[a]\nhost=h\n");
	put(OF_MACHINE, "[a]\nhost=h\n");
	play(0, "a", PGA_ENTRY_ALLOWED, "", false);
	(void)snprintf(path, sizeof path, "%s/none", scratch);
	assert_int_equal(setenv("PGSERVICEFILE", path, 1), 0);
	assert_int_equal(run("list"), PGA_EXIT_DONE);
	assert_is(printed.errors, NOT_THERE);
	assert_int_equal(here.judged, 1);
	put("none", "[b]\n");
	play(1, "b", PGA_ENTRY_ALLOWED, "", false);
	assert_int_equal(run("list"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	assert_int_equal(here.judged, 2);
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
	assert_int_equal(unlink(OF_USER), 0);
	assert_int_equal(run("list"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "");
	assert_int_equal(here.judged, 1);
	assert_int_equal(here.looked, 1);
}

/* ---- entries ---- */

#define USERS                                                       \
	"[good]\nhost=db\nport=5433\ndbname=d\nuser=u\033\n" STRONG \
	"[weak]\nhostaddr=10.0.0.1\nport=5432\nuser=v\n[cut\n"      \
	"[broken]\nhost=x\nsslmode=bogus\n[ldap]\nhost=l\nuser=v\n[weak]\n"
#define MACHINES \
	"[good]\nhost=m\nuser=v\n" STRONG "[own]\nhost=o\nhostaddr=10.0.0.2\nuser=v\n" STRONG

static void make_entries(void)
{
	put(OF_USER, USERS);
	put(OF_MACHINE, MACHINES);
	play(0, "weak", PGA_ENTRY_WEAK, "it is weak\nand\033 old\n", false);
	play(1, "broken", PGA_ENTRY_BROKEN, "it has no root", true);
	play(2, "ldap", PGA_ENTRY_UNKNOWN, "", false);
	play(3, "own", PGA_ENTRY_ALLOWED, "look at it", false);
}

#define TABLE                                                                              \
	"NAME    HOST      DBNAME  USER   FILE~                       VERDICT\n"           \
	"good    db:5433   d       u\\x1B  user @/.pg_service.conf:1   allowed\n"          \
	"weak    10.0.0.1  v       v      user @/.pg_service.conf:8   weak\n"              \
	"?                                user @/.pg_service.conf:12  broken\n"            \
	"broken                           user @/.pg_service.conf:13  broken\n"            \
	"ldap    l         v       v      user @/.pg_service.conf:16  unknown\n"           \
	"weak                             user @/.pg_service.conf:19  weak\n"              \
	"good    m         v       v      system @/pg_service.conf:1  allowed, shadowed\n" \
	"own     o         v       v      system @/pg_service.conf:6  allowed\n"
#define REASONS                                                                          \
	"\nweak, weak: it is weak\n    and\\x1B old\n"                                   \
	"\n?, broken: the header has no closing bracket: libpq never finds it\n"         \
	"\nbroken, broken: it has no root\n\nweak, weak: it is weak\n    and\\x1B old\n" \
	"\nown, allowed: look at it\n"
#define SHOW "\npganchor service show NAME shows the command that makes a weak entry strong\n"
#define BOOTSTRAP                                                                              \
	"\npganchor bootstrap --ca-url URL --fingerprint HEX pins the root of a server's CA, " \
	"and puts\nit into root.crt\n"

static void the_table(void **state)
{
	(void)state;
	make_entries();
	assert_int_equal(run("list"), PGA_EXIT_WEAK);
	assert_is(printed.output, TABLE REASONS SHOW BOOTSTRAP);
	assert_string_equal(printed.errors, "");
	assert_int_equal(here.judged, 8);
	assert_string_equal(here.roots, "-");
	assert_int_equal(here.looked, 1);
	here.unpinned = "no home";
	assert_int_equal(run("list"), PGA_EXIT_WEAK);
	assert_string_equal(printed.errors, "pganchor: warning: no home\n");
}

static void what_the_status_says(void **state)
{
	static const struct {
		enum pga_entry_state states[2];
		bool no_roots;
		int status;
		const char *said;
	} cases[] = {
	    {{PGA_ENTRY_ALLOWED, PGA_ENTRY_ALLOWED}, false, PGA_EXIT_DONE, ""},
	    {{PGA_ENTRY_UNKNOWN, PGA_ENTRY_SHADOWED}, false, PGA_EXIT_DONE, ""},
	    {{PGA_ENTRY_ALLOWED, PGA_ENTRY_WEAK}, false, PGA_EXIT_WEAK, SHOW},
	    {{PGA_ENTRY_BROKEN, PGA_ENTRY_ALLOWED}, false, PGA_EXIT_FAILED, ""},
	    {{PGA_ENTRY_BROKEN, PGA_ENTRY_ALLOWED}, true, PGA_EXIT_FAILED, BOOTSTRAP},
	    {{PGA_ENTRY_BROKEN, PGA_ENTRY_WEAK}, true, PGA_EXIT_WEAK, SHOW BOOTSTRAP},
	};

	(void)state;
	put(OF_USER, "[a]\nhost=h\n[b]\nhost=h\n");
	for (size_t i = 0; i < COUNT(cases); i++) {
		play(0, "a", cases[i].states[0], "", cases[i].no_roots);
		play(1, "b", cases[i].states[1], "", false);
		assert_int_equal(run("list"), cases[i].status);
		assert_string_equal(strstr(printed.output, "\n\n") != NULL
					? strstr(printed.output, "\n\n") + 1
					: "",
				    cases[i].said);
		assert_int_equal(run("list -j"), cases[i].status);
	}
}

/* The table alone is coloured: a line for each entry. */
static void colours(void **state)
{
	static const struct {
		enum pga_entry_state as;
		const char *why;
		const char *colour;
	} cases[] = {
	    {PGA_ENTRY_ALLOWED, "", "\033[32m"}, {PGA_ENTRY_ALLOWED, "why", "\033[33m"},
	    {PGA_ENTRY_WEAK, "", "\033[31m"},    {PGA_ENTRY_BROKEN, "", "\033[31m"},
	    {PGA_ENTRY_UNKNOWN, "", "\033[33m"}, {PGA_ENTRY_SHADOWED, "", "\033[33m"},
	};

	(void)state;
	put(OF_USER, "[n]\nhost=h\n[a]\nhost=h\n");
	play(1, "n", PGA_ENTRY_ALLOWED, "", false);
	here.terminal = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[32];

		play(0, "a", cases[i].as, cases[i].why, false);
		(void)run("list");
		assert_non_null(strstr(printed.output, "\n\033[32mn "));
		(void)snprintf(expected, sizeof expected, "\n%sa ", cases[i].colour);
		assert_non_null(strstr(printed.output, expected));
	}
}

#define ROW(name, host, port, dbname, user, where, file, line, verdict, reasons, shadowed)         \
	"    {\n      \"name\": " name ",\n      \"host\": \"" host "\",\n      \"port\": \"" port \
	"\",\n      \"dbname\": \"" dbname "\",\n      \"user\": \"" user                          \
	"\",\n      \"where\": \"" where "\",\n      \"file\": \"@/" file                          \
	"\",\n      \"line\": " line ",\n      \"verdict\": \"" verdict                            \
	"\",\n      \"reasons\": [" reasons "],\n      \"shadowed\": " shadowed "\n    }"

#define CUT   "\n        \"the header has no closing bracket: libpq never finds it\"\n      "
#define LATER "\n        \"by line 4: libpq takes the first entry of a name\"\n      "

static void as_json(void **state)
{
	static const char counts[] = "\n  ],\n  \"weak\": 2,\n  \"broken\": 1,\n";

	(void)state;
	put(OF_USER, "[good]\nhost=db\nport=5433\ndbname=d\nuser=u\n[cut\n");
	put(OF_MACHINE, "[good]\nhost=m\nuser=v\n[b]\nhost=m\nuser=v\n[b]\nhost=x\nuser=v\n");
	play(0, "good", PGA_ENTRY_ALLOWED, "", false);
	play(1, "b", PGA_ENTRY_WEAK, "w", false);
	here.unpinned = "no home";
	assert_int_equal(run("list --json"), PGA_EXIT_WEAK);
	assert_string_equal(printed.errors, "pganchor: warning: no home\n");
	/* What is warned of is in it; and with it what the tests before have warned of. */
	assert_non_null(strstr(printed.output, "    \"no home\"\n  ]\n}\n"));
	*strstr(printed.output, "  \"warnings\"") = '\0';
	assert_is(strstr(printed.output, counts), counts);
	*strstr(printed.output, counts) = '\0';
	assert_is(
	    printed.output,
	    "{\n  \"services\": [\n" ROW(
		"\"good\"", "db", "5433", "d", "u", "user", ".pg_service.conf", "1", "allowed", "",
		"false") ",\n" ROW("null", "", "", "", "", "user", ".pg_service.conf", "6",
				   "broken", CUT,
				   "false") ",\n" ROW("\"good\"", "m", "5432", "v", "v", "system",
						      "pg_service.conf", "1", "allowed", "",
						      "true") ",\n" ROW("\"b\"", "m", "5432", "v",
									"v", "system",
									"pg_service.conf", "4",
									"weak",
									"\n        \"w\"\n      ",
									"false") ",\n" ROW("\"b\"",
											   "", "",
											   "", "",
											   "system",
											   "pg_"
											   "service"
											   ".conf",
											   "7",
											   "weak",
											   "\n     "
											   "   "
											   "\"w\"\n"
											   "      ",
											   "fals"
											   "e"));
	/* One that an earlier entry of its own file has the name of is shadowed, too. */
	play(1, "none", PGA_ENTRY_ALLOWED, "", false);
	(void)run("list --json");
	assert_non_null(strstr(printed.output,
			       "\"verdict\": \"shadowed\",\n      \"reasons\": [" LATER
			       "],\n      \"shadowed\": true\n"));
	(void)run("list");
	assert_non_null(strstr(printed.output, ":7  shadowed\n"));
}

/* What may be a password is none of the table's; and a header that is cut has no name. */
static void what_is_not_told(void **state)
{
	(void)state;
	put(OF_USER, "[a]\nhost=h\ndbname=d password=x\nuser=u\n");
	put(OF_MACHINE, "[cut\n");
	assert_int_equal(run("list"), PGA_EXIT_WEAK);
	assert_null(strstr(printed.output, "password=x"));
	assert_non_null(strstr(printed.output, "********"));
	assert_non_null(strstr(printed.output, "/pg_service.conf:1  broken\n"));
}

/* ---- what fails ---- */

static void what_cannot_be_listed(void **state)
{
	(void)state;
	make_entries();
	for (int at = 1; at < 8; at += 6)
		for (int json = 0; json < 2; json++) {
			here.fails_at = at;
			assert_int_equal(run(json == 1 ? "list -j" : "list"), PGA_EXIT_FAILED);
			assert_string_equal(printed.output, "");
			assert_string_equal(printed.errors, "pganchor: cannot be judged\n");
			assert_int_equal(here.judged, at);
			assert_int_equal(here.looked, 0);
		}
	here.policy = "a bad policy";
	assert_int_equal(run("list"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: a bad policy\n    mend it\n");
	assert_int_equal(run("list x"), PGA_EXIT_USAGE);
	assert_int_equal(run("list --help"), PGA_EXIT_DONE);
}

/* Either all of it is there, but for a reason, or it is said why not. */
static void wherever_memory_runs_out(void **state)
{
	long number = 0;
	long failed = 0;

	(void)state;
	put(OF_USER, "[a]\nhost=db\nport=5433\nuser=v\n");
	put(OF_MACHINE, "[b]\nhostaddr=10.0.0.1\nuser=v\n");
	play(0, "a", PGA_ENTRY_WEAK, "one\ntwo", false);
	play(1, "b", PGA_ENTRY_ALLOWED, "", false);
	do {
		char *reasons;
		int result;

		has_failed = false;
		left = ++number;
		result = run("list");
		left = 0;
		if (result == PGA_EXIT_FAILED) {
			failed++;
			assert_true(has_failed);
			assert_string_equal(printed.output, "");
			assert_true(is_about_memory(printed.errors) ||
				    is_told_otherwise(printed.errors));
			continue;
		}
		assert_int_equal(result, PGA_EXIT_WEAK);
		assert_string_equal(printed.errors, "");
		reasons = strstr(printed.output, "\na, weak: ");
		assert_non_null(reasons);
		if (strcmp(reasons, "\na, weak: one\n    two\n" SHOW) != 0)
			assert_true(has_failed &&
				    (strcmp(reasons, "\na, weak: \n    two\n" SHOW) == 0 ||
				     strcmp(reasons, "\na, weak: one\n    \n" SHOW) == 0));
		*reasons = '\0';
		assert_is(printed.output,
			  "NAME  HOST      DBNAME  USER  FILE~                       VERDICT\n"
			  "a     db:5433   v       v     user @/.pg_service.conf:1   weak\n"
			  "b     10.0.0.1  v       v     system @/pg_service.conf:1  allowed\n");
	} while (has_failed);
	assert_true(failed > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(no_entry_at_all, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(a_file_that_is_not_there, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_table, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_the_status_says, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(colours, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(as_json, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_not_told, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_cannot_be_listed, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(wherever_memory_runs_out, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
