/* cli/cmd_service_show.c: what one entry comes to, and the command that writes it anew. */
#include "cmocka_start.h"
#include "settings.h"

#include "played_entries.h"

/* ---- the command ---- */

static void the_command(void **state)
{
#define ADD "pganchor service add "
	static const struct {
		const char *name;
		const char *anchor;
		const char *words;
		const char *command;
	} cases[] = {
	    {"prod", NULL, "host=h@s user=u@s sslmode=prefer@s",
	     ADD "prod --replace user=u host=h"},
	    {"prod", NULL, "sslmode=prefer@s port=1@s", ADD "prod --replace --host HOST port=1"},
	    {"prod", NULL, "hostaddr=10.0.0.1@s", ADD "prod --replace hostaddr=10.0.0.1"},
	    /* What is not of the entry is not written into it. */
	    {"prod", NULL, "host=h@e user=u@d port=1@c dbname=d@u application_name=a@s",
	     ADD "prod --replace --host HOST application_name=a"},
	    {"prod", NULL, "host=@s user=u@s", ADD "prod --replace --host HOST user=u"},
	    {"prod", NULL, "!untraced host=h@s", ADD "prod --replace --host HOST"},
	    {"prod", NULL, "service=prod@s servicefile=/f@s host=h@s", ADD "prod --replace host=h"},
	    /* What weakens is left out. */
	    {"prod", NULL,
	     "host=h@s sslmode=prefer@s gssencmode=prefer@s ssl_min_protocol_version=TLSv1@s "
	     "ssl_max_protocol_version=TLSv1@s sslkeylogfile=/k@s sslcertmode=allow@s",
	     ADD "prod --replace host=h sslcertmode=allow"},
	    {"prod", NULL, "host=h@s sslrootcert=/r.crt@s",
	     ADD "prod --replace host=h sslrootcert=/r.crt"},
	    {"prod", NULL, "host=h@s sslrootcert=r.crt@s", ADD "prod --replace host=h"},
	    {"prod", "corp", "host=h@s sslrootcert=/r.crt@s port=1@s",
	     ADD "prod --replace --anchor corp host=h port=1"},
	    /* A secret is not told. */
	    {"prod", NULL, "host=h@s password=x@s", ADD "prod --replace password=... host=h"},
	    {"prod", NULL, "host=h@s application_name=a~password=b@s",
	     ADD "prod --replace host=h application_name=..."},
	    /* Words for a shell. */
	    {"a b", NULL, "host=h@s dbname=a~b@s", ADD "'a b' --replace 'dbname=a b' host=h"},
	    {"-x", NULL, "host=h@s", ADD "--replace -- -x host=h"},
	    {"-x y", "corp", "host=h@s", ADD "--replace --anchor corp -- '-x y' host=h"},
	    {"-x", NULL, "", ADD "--replace --host HOST -- -x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		static struct settings settings;
		struct pga_evaluation evaluation = {.state = PGA_ENTRY_WEAK};
		struct pga_entry entry = {.name = strdup(cases[i].name)};
		struct pga_text command = PGA_TEXT_EMPTY;

		make_settings(&settings, cases[i].words);
		evaluation.effective = settings.effective;
		pga_add_replacing_command(&entry, &evaluation, cases[i].anchor, &command);
		assert_string_equal(pga_text_string(&command), cases[i].command);
		pga_text_free(&command);
		free(entry.name);
	}
#undef ADD
}

/* ---- show ---- */

int __real_pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			       const struct pga_policy *by, struct pga_error *why);
int __wrap_pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			       const struct pga_policy *by, struct pga_error *why);
static bool no_beginning;
int __wrap_pga_evaluator_begin(struct pga_evaluator *judging, const struct pga_service_file *file,
			       const struct pga_policy *by, struct pga_error *why)
{
	if (no_beginning)
		return pga_fail(why, "", "no beginning");
	return __real_pga_evaluator_begin(judging, file, by, why);
}

static int run(const char *words)
{
	int result;

	here.judged = here.looked = here.pins_read = 0;
	result = command_prints(pga_cmd_service_show.run, words);
	assert_int_equal(here.pins_read, 0);
	return result;
}

#define GOOD "[good]\nhost=db\nport=5433\ndbname=d\nuser=u\npassword=x\nsslrootcert=/r.crt\n" STRONG
#define SEES "next:\n    psql service=good\n    pganchor run -- psql service=good\n"

/* The settings of this libpq that are there in any. */
static bool has_row(const char *setting, const char *value, const char *from)
{
	const char *line = printed.output;

	for (; line != NULL; line = strchr(line, '\n')) {
		char cells[3][200] = {"", "", ""};

		line += *line == '\n';
		if (sscanf(line, "%199s %199s %199[^\n]", cells[0], cells[1], cells[2]) == 3 &&
		    strcmp(cells[0], setting) == 0 && strcmp(cells[1], value) == 0 &&
		    strcmp(cells[2], from) == 0)
			return true;
	}
	return false;
}

static void what_it_comes_to(void **state)
{
	char begins[200];

	(void)state;
	put(OF_USER, "# first\n" GOOD);
	put(OF_MACHINE, "[good]\nhost=m\n[own]\nhost=m\n");
	play(0, "good", PGA_ENTRY_ALLOWED, "look\nagain", false);
	play(1, "own", PGA_ENTRY_ALLOWED, "", false);
	assert_int_equal(run("show good"), PGA_EXIT_DONE);
	(void)snprintf(
	    begins, sizeof begins,
	    "[good] in %s/.pg_service.conf, line 2: allowed\n    look\n    again\n\nSETTING  ",
	    scratch);
	assert_memory_equal(printed.output, begins, strlen(begins));
	assert_non_null(strstr(printed.output, "  VALUE "));
	assert_non_null(strstr(printed.output, " FROM\n"));
	assert_true(has_row("host", "db", "this entry"));
	assert_true(has_row("port", "5433", "this entry"));
	assert_true(has_row("password", "********", "this entry"));
	assert_true(has_row("gssencmode", "disable", "this entry"));
	assert_true(has_row("target_session_attrs", "any", "libpq's default"));
	assert_null(strstr(printed.output, "\nservice "));
	assert_null(strstr(printed.output, "\noptions "));
	assert_non_null(strstr(printed.output, "\n\n" SEES));
	assert_string_equal(strstr(printed.output, "\n\nnext:"), "\n\n" SEES);
	assert_string_equal(printed.errors, "");
	assert_int_equal(here.judged, 1);
	assert_int_equal(run("show own"), PGA_EXIT_DONE);
	assert_non_null(strstr(printed.output, "/pg_service.conf, line 3: allowed\n\nSETTING"));
	assert_null(strstr(printed.output, "/.pg_service.conf"));
}

static void what_comes_next(void **state)
{
	static const struct {
		const char *name;
		enum pga_entry_state as;
		bool no_roots;
		int status;
		const char *word;
		const char *hint;
	} cases[] = {
	    {"good", PGA_ENTRY_ALLOWED, false, PGA_EXIT_DONE, "\033[32mallowed", SEES},
	    {"good", PGA_ENTRY_ALLOWED, true, PGA_EXIT_DONE, "\033[32mallowed", SEES},
	    {"good", PGA_ENTRY_WEAK, false, PGA_EXIT_WEAK, "\033[31mweak",
	     "next:\n    pganchor service add good --replace user=u password=... dbname=d host=db "
	     "port=5433 "
	     "sslrootcert=/r.crt\n"},
	    {"good", PGA_ENTRY_BROKEN, true, PGA_EXIT_FAILED, "\033[31mbroken",
	     "next:\n    pganchor bootstrap --ca-url URL --fingerprint HEX\n"},
	    {"good", PGA_ENTRY_UNKNOWN, false, PGA_EXIT_DONE, "\033[31munknown",
	     "next:\n    pganchor run -- psql service=good\n"},
	    {"b", PGA_ENTRY_BROKEN, false, PGA_EXIT_FAILED, "\033[31mbroken",
	     "next:\n    pganchor service add b --replace --host HOST\n"},
	};

	(void)state;
	put(OF_USER, GOOD "[b]\nhost=h\nsslmode=bogus\n");
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *hint;
		char end[400];

		play(0, cases[i].name, cases[i].as, "", cases[i].no_roots);
		here.terminal = true;
		assert_int_equal(run(cases[i].name[0] == 'b' ? "show b" : "show good"),
				 cases[i].status);
		(void)snprintf(end, sizeof end, ": %s\033[0m\n\n", cases[i].word);
		assert_non_null(strstr(printed.output, end));
		hint = strstr(printed.output, "next:");
		assert_non_null(hint);
		assert_string_equal(hint, cases[i].hint);
		/* Only of what libpq has read there are settings. */
		assert_int_equal(strstr(printed.output, "SETTING") != NULL,
				 cases[i].name[0] == 'g');
	}
}

static void whom_it_trusts(void **state)
{
	(void)state;
	put(OF_USER, GOOD "[local]\nhost=/run\n");
	play(0, "good", PGA_ENTRY_ALLOWED, "", false);
	assert_int_equal(run("show good"), PGA_EXIT_DONE);
	assert_int_equal(here.looked, 1);
	assert_string_equal(here.roots, "/r.crt");
	here.unpinned = "no home";
	assert_int_equal(run("show good -j"), PGA_EXIT_DONE);
	assert_string_equal(printed.errors, "pganchor: warning: no home\n");
	play(0, "good", PGA_ENTRY_WEAK, "", false);
	assert_int_equal(run("show good"), PGA_EXIT_WEAK);
	assert_int_equal(here.looked, 0);
	assert_string_equal(printed.errors, "");
	play(0, "local", PGA_ENTRY_ALLOWED, "", false);
	assert_int_equal(run("show local"), PGA_EXIT_DONE);
	assert_int_equal(here.looked, 0);
}

#define OF_ENTRY(keyword, value)                                                \
	"    {\n      \"keyword\": \"" keyword "\",\n      \"value\": \"" value \
	"\",\n      \"origin\": \"this entry\"\n    }"

static void as_json(void **state)
{
	(void)state;
	put(OF_USER, "# first\n" GOOD);
	put(OF_MACHINE, "[own]\nhost=h\nsslmode=bogus\n");
	play(0, "good", PGA_ENTRY_WEAK, "one\ntwo", false);
	assert_int_equal(run("show good --json"), PGA_EXIT_WEAK);
	assert_non_null(strstr(printed.output, "\n  ],\n  \"warnings\": ["));
	assert_non_null(strstr(printed.output, OF_ENTRY("host", "db")));
	assert_non_null(strstr(printed.output, OF_ENTRY("password", "********")));
	assert_null(strstr(printed.output, "\"keyword\": \"service\""));
	assert_null(strstr(printed.output, "\"keyword\": \"options\""));
	assert_non_null(
	    strstr(printed.output, "\"value\": \"any\",\n      \"origin\": \"libpq's default\"\n"));
	*strstr(printed.output, "\n    {") = '\0';
	assert_is(printed.output, "{\n  \"name\": \"good\",\n  \"where\": \"user\",\n  \"file\": "
				  "\"@/.pg_service.conf\",\n  "
				  "\"line\": 2,\n  \"verdict\": \"weak\",\n  \"reasons\": [\n    "
				  "\"one\",\n    \"two\"\n  ],\n  "
				  "\"settings\": [");
	play(0, "own", PGA_ENTRY_BROKEN, "", false);
	assert_int_equal(run("show own -j"), PGA_EXIT_FAILED);
	*strstr(printed.output, "\n  \"warnings\"") = '\0';
	assert_is(printed.output,
		  "{\n  \"name\": \"own\",\n  \"where\": \"system\",\n  \"file\": "
		  "\"@/pg_service.conf\",\n  \"line\": "
		  "1,\n  \"verdict\": \"broken\",\n  \"reasons\": [],\n  \"settings\": [],");
}

/* ---- what fails ---- */

static void what_cannot_be_shown(void **state)
{
	(void)state;
	put(OF_USER, GOOD);
	assert_int_equal(run("show bad"), PGA_EXIT_FAILED);
	assert_string_equal(printed.output, "");
	assert_is(printed.errors,
		  "pganchor: service bad: there is none of this name in @/.pg_service.conf or "
		  "@/pg_service.conf\n    \"pganchor service list\" shows those there are\n");
	here.fails_at = 1;
	assert_int_equal(run("show good"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: cannot be judged\n");
	no_beginning = true;
	assert_int_equal(run("show good -j"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: no beginning\n");
	assert_int_equal(here.judged, 0);
	no_beginning = false;
	here.policy = "a bad policy";
	assert_int_equal(run("show good"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: a bad policy\n    mend it\n");
	assert_int_equal(run("show"), PGA_EXIT_USAGE);
	assert_int_equal(run("show a b"), PGA_EXIT_USAGE);
	assert_int_equal(run("show --help"), PGA_EXIT_DONE);
}

/* What is there of an entry is right, or it is said why there is nothing. */
static void wherever_memory_runs_out(void **state)
{
	(void)state;
	put(OF_USER, GOOD);
	play(0, "good", PGA_ENTRY_ALLOWED, "one", false);
	for (int form = 0; form < 2; form++) {
		long number = 0;
		long failed = 0;

		do {
			int result;

			has_failed = false;
			left = ++number;
			result = run(form == 1 ? "show good -j" : "show good");
			left = 0;
			failed += result != PGA_EXIT_DONE;
			if (result != PGA_EXIT_DONE) {
				assert_int_equal(result, PGA_EXIT_FAILED);
				assert_true(has_failed);
				assert_string_equal(printed.output, "");
				assert_true(is_about_memory(printed.errors) ||
					    is_told_otherwise(printed.errors) ||
					    strstr(printed.errors, "as JSON") != NULL);
			} else if (!has_failed) {
				assert_string_equal(printed.errors, "");
				assert_non_null(strstr(printed.output, "5433"));
			}
			assert_null(strstr(printed.output, "(null)"));
		} while (has_failed);
		assert_true(failed > 30);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_command, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_it_comes_to, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_comes_next, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(whom_it_trusts, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(as_json, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_cannot_be_shown, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(wherever_memory_runs_out, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
