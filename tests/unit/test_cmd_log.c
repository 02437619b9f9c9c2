/* cli/cmd_log.c, cli/print_log.c: what is asked for, and how the records are shown. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "diagnose/audit_log.h"
#include "diagnose/quiet.h"
#include "cli/cli.h"

#include <time.h>

/* ---- the records, as the test plays them ---- */

static char source[] = "the log";
static char empty[] = "";
static struct pga_records given;
static const char *failure; /* NULL: they can be read */
static char asked_path[100];
static time_t asked_since;
static int held;

int pga_records_read(struct pga_records *records, const char *path, time_t since,
		     struct pga_error *error)
{
	(void)snprintf(asked_path, sizeof asked_path, "%s", path != NULL ? path : "none");
	asked_since = since;
	*records = given;
	held++;
	return failure != NULL ? pga_fail(error, "try", "%s", failure) : 0;
}

void pga_records_free(struct pga_records *records)
{
	(void)records;
	held--;
}

/* For how long nothing has been weak: test_log.py. */
bool pga_quiet_judge(struct pga_quiet *quiet, const struct pga_records *records, const char *path,
		     time_t since)
{
	(void)records;
	(void)path;
	(void)since;
	memset(quiet, 0, sizeof *quiet);
	return false;
}

void pga_quiet_add(struct pga_text *text, const struct pga_quiet *quiet)
{
	(void)quiet;
	pga_text_add(text, "quiet");
}

void pga_quiet_free(struct pga_quiet *quiet)
{
	(void)quiet;
}

#define NOW 2000000000

time_t __wrap_time(time_t *now);
uid_t __wrap_geteuid(void);
static uid_t acting;

time_t __wrap_time(time_t *now)
{
	assert_null(now);
	return NOW;
}

uid_t __wrap_geteuid(void)
{
	return acting;
}

static int begin(void **state)
{
	(void)state;
	memset(&given, 0, sizeof given);
	given.source = source;
	failure = NULL;
	acting = 0;
	held = 0;
	return setenv("TZ", "EST5EDT", 1);
}

static int run(const char *words)
{
	int status;

	asked_path[0] = '\0';
	asked_since = -1;
	status = command_prints(pga_cmd_log.run, words);
	assert_int_equal(held, 0);
	return status;
}

/* ---- what is asked for ---- */

#define NOTHING "nothing: the log holds no connection that would have been refused\n"

static void which_records(void **state)
{
	static const struct {
		const char *words;
		const char *path;
		time_t since;
	} cases[] = {
	    {"log", "none", 0},
	    {"log --file a", "a", 0},
	    {"log --file=-", "-", 0},
	    {"log --since 0s", "none", NOW},
	    {"log --since 1s", "none", NOW - 1},
	    {"log --since 2m --file x", "x", NOW - 120},
	    {"log --since 3h", "none", NOW - 10800},
	    {"log --since 4d", "none", NOW - 345600},
	    {"log --since 5w", "none", NOW - 3024000},
	    {"log --since 999999s", "none", NOW - 999999},
	    /* Local time, in winter and in summer, and UTC. */
	    {"log --since 2026-11-22", "none", 1795323600},
	    {"log --since 2026-11-22_07:01", "none", 1795348860},
	    {"log --since 2026-11-22T07:01", "none", 1795348860},
	    {"log --since 2026-11-22_07:01:02", "none", 1795348862},
	    {"log --since 2026-11-22T07:01:02", "none", 1795348862},
	    {"log --since 2026-07-01", "none", 1782878400},
	    {"log --since 2026-11-22T07:01:02Z", "none", 1795330862},
	    {"log --since 2026-07-01Z", "none", 1782864000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), PGA_EXIT_DONE);
		if (strcmp(asked_path, cases[i].path) != 0 || asked_since != cases[i].since)
			fail_msg("%s: %s, %lld", cases[i].words, asked_path,
				 (long long)asked_since);
		assert_string_equal(printed.output, NOTHING);
		assert_string_equal(printed.errors, "");
	}
}

static void what_is_not_understood(void **state)
{
	static const char *const times[] = {"x",   "d",          "''",          "-1d",
					    "1",   "1y",         "1dd",         "1000000s",
					    "1 d", "2026-13-01", "2026-11-22x", "2026-11-22ZZ"};
	static const struct {
		const char *words;
		const char *said;
	} cases[] = {
	    {"log --sinc", "--since: needs a value"},
	    {"log --jso=1", "--json: takes no value"},
	    {"log --fiel x", "--fiel: no such option; did you mean --file?"},
	    {"log --file", "--file: needs a value"},
	    {"log -x", "-x: no such option"},
	    {"log a b", "a: not an option, and no argument is taken"},
	};
	char words[100];
	char expected[200];

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		(void)snprintf(words, sizeof words, "log --since %s",
			       strcmp(times[i], "1 d") == 0 ? "1_d" : times[i]);
		assert_int_equal(run(words), PGA_EXIT_USAGE);
		(void)snprintf(
		    expected, sizeof expected,
		    "pganchor: log: --since %s: not a time\n    see pganchor log --help\n",
		    strcmp(times[i], "''") == 0 ? "" : times[i]);
		assert_string_equal(printed.errors, expected);
		assert_string_equal(asked_path, "");
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), PGA_EXIT_USAGE);
		(void)snprintf(expected, sizeof expected,
			       "pganchor: log: %s\n    see pganchor log --help\n", cases[i].said);
		assert_string_equal(printed.errors, expected);
		assert_string_equal(printed.output, "");
	}
}

static void help(void **state)
{
	static const char usage[] = "usage: pganchor log [OPTION ...]\n";

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(i == 0 ? "log -h" : "log --help"), PGA_EXIT_DONE);
		assert_memory_equal(printed.output, usage, strlen(usage));
		assert_string_equal(asked_path, "");
	}
}

static void what_cannot_be_read(void **state)
{
	(void)state;
	failure = "no log";
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(i == 0 ? "log" : "log -j"), PGA_EXIT_FAILED);
		assert_string_equal(printed.errors, "pganchor: no log\n    try\n");
		assert_string_equal(printed.output, "");
	}
}

/* ---- what is shown ---- */

static struct pga_record *record(const char *program, const char *host, const char *reasons)
{
	static struct pga_record records[10];
	static char kept[10][PGA_WORDS][64];
	static size_t hint;
	struct pga_record *made = &records[hint % COUNT(records)];

	memset(made, 0, sizeof *made);
	for (int word = 0; word < PGA_WORDS; word++) {
		made->words[word] = kept[hint % COUNT(records)][word];
		made->words[word][0] = '\0';
	}
	(void)strcpy(made->words[PGA_WORD_PROGRAM], program);
	(void)strcpy(made->words[PGA_WORD_HOST], host);
	(void)strcpy(made->words[PGA_WORD_REASONS], reasons);
	made->count = 1;
	made->first = made->last = 100;
	made->last_pid = 9;
	made->uid = -1;
	made->exe = empty;
	hint++;
	return made;
}

static void give(struct pga_record **records, size_t count)
{
	given.records = records;
	given.count = count;
}

static void nothing_at_all(void **state)
{
	(void)state;
	acting = 1000;
	assert_int_equal(run("log"), PGA_EXIT_DONE);
	assert_string_equal(printed.output,
			    "nothing: the log holds no connection that would have been "
			    "refused, as far as you may read it\n");
	assert_int_equal(run("log -j"), PGA_EXIT_DONE);
	assert_string_equal(
	    printed.output,
	    "{\n  \"source\": \"the log\",\n  \"unreadable\": 0,\n  \"logged_since\": null,\n  "
	    "\"last_weak\": null,\n  \"days_without_weak\": null,\n"
	    "  \"connections\": [],\n  \"warnings\": []\n}\n");
}

static void lines_of_the_table(void **state)
{
	struct pga_record *records[] = {record("psql", "a", "r"),   record("psql", "a", "r"),
					record("psql", "a", "r"),   record("psql", "a", "s"),
					record("p\033g", "b", "r"), record("psql", "", "r"),
					record("aa", "z", "r")};

	(void)state;
	give(records, 7);
	records[1]->last = 3700; /* the same, but for what is not shown */
	records[1]->count = 4;
	(void)strcpy(records[1]->words[PGA_WORD_USER], "u");
	records[2]->last = 50;
	records[3]->last = 101;
	(void)strcpy(records[4]->words[PGA_WORD_PORT], "5433");
	(void)strcpy(records[4]->words[PGA_WORD_DBNAME], "d");
	(void)strcpy(records[4]->words[PGA_WORD_HOSTADDR], "10.0.0.1");
	(void)strcpy(records[5]->words[PGA_WORD_HOSTADDR], "10.0.0.2");
	records[5]->last = 101;
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output, "PROGRAM  TIMES  LAST                 TO        WHY\n"
					    "psql     6      1969-12-31 20:01:40  a         r\n"
					    "psql     1      1969-12-31 19:01:41  10.0.0.2  r\n"
					    "psql     1      1969-12-31 19:01:41  a         s\n"
					    "aa       1      1969-12-31 19:01:40  z         r\n"
					    "p\\x1Bg   1      1969-12-31 19:01:40  b:5433/d  r\n");
	assert_string_equal(printed.errors, "");
}

static void who_has_sent_it(void **state)
{
	static char psql[] = "/bin/psql";
	struct pga_record *records[] = {record("psql", "a", "r"), record("psql", "a", "r"),
					record("psql", "a", "r"), record("psql", "a", "r")};

	(void)state;
	give(records, 4);
	records[0]->uid = 0;
	records[0]->exe = psql;
	records[0]->count = 9;
	records[1]->uid = 4000000000;
	records[1]->count = 8;
	records[2]->exe = psql;
	records[2]->count = 3;
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output,
			    "PROGRAM  TIMES  LAST                 TO  WHY  SENDER\n"
			    "psql     9      1969-12-31 19:01:40  a   r    root: /bin/psql\n"
			    "psql     8      1969-12-31 19:01:40  a   r    user 4000000000\n"
			    "psql     4      1969-12-31 19:01:40  a   r    \n");
}

/* One whose time is none, behind one whose time is; a port of one digit. */
static void times_that_are_none(void **state)
{
	struct pga_record *records[] = {record("psql", "a", "r"), record("psql", "b", "r")};

	(void)state;
	give(records, 2);
	records[0]->count = 2;
	records[1]->last = records[1]->first = INT64_MAX;
	(void)strcpy(records[1]->words[PGA_WORD_PORT], "5");
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output, "PROGRAM  TIMES  LAST                 TO   WHY\n"
					    "psql     2      1969-12-31 19:01:40  a    r\n"
					    "psql     1                           b:5  r\n");
	assert_int_equal(run("log -j"), PGA_EXIT_WEAK);
	assert_non_null(strstr(printed.output, "      \"first\": \"\",\n      \"last\": \"\",\n"));
}

/* Those that are the same need not come one behind the other. */
static void the_same_again(void **state)
{
	struct pga_record *records[] = {record("psql", "a", "r"), record("psql", "b", "r"),
					record("psql", "a", "r"), record("psql", "b", "r")};

	(void)state;
	give(records, 4);
	records[0]->count = 3;
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output, "PROGRAM  TIMES  LAST                 TO  WHY\n"
					    "psql     4      1969-12-31 19:01:40  a   r\n"
					    "psql     2      1969-12-31 19:01:40  b   r\n");
}

/* Whoever of them is known to have sent it. */
static void one_sender(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		struct pga_record *records[] = {record("psql", "a", "r"), record("psql", "b", "r")};

		give(records, 2);
		records[0]->count = 2;
		records[which]->uid = 4000000000;
		assert_int_equal(run("log"), PGA_EXIT_WEAK);
		assert_non_null(strstr(printed.output, "SENDER\n"));
		assert_non_null(strstr(printed.output, "  user 4000000000\n"));
	}
}

#define WARNED                                                                                   \
	"pganchor: warning: the log: 2 lines of pganchor's are cut or changed, and not "         \
	"counted\npganchor: warning: not read, since compressed: a.gz, b.xz\n    \"zcat FILE | " \
	"pganchor log --file -\" reads one of them\n"

static void what_is_left_out(void **state)
{
	static char compressed[] = "a.gz, b.xz";
	struct pga_record *records[] = {record("psql", "a", "r")};

	(void)state;
	give(records, 1);
	given.unread = empty;
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.output, "PROGRAM  TIMES  LAST                 TO  WHY\n"
					    "psql     1      1969-12-31 19:01:40  a   r\n");
	assert_string_equal(printed.errors, "");
	given.unread = compressed;
	given.unreadable = 2;
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.errors, WARNED);
	given.unreadable = 1;
	given.unread = NULL;
	assert_int_equal(run("log"), PGA_EXIT_WEAK);
	assert_string_equal(printed.errors,
			    "pganchor: warning: the log: 1 lines of pganchor's are cut "
			    "or changed, and not counted\n");
}

/* All of it; with what was warned of before. */
static void as_json(void **state)
{
	static char q[] = "/bin/q";
	struct pga_record *records[] = {record("psql", "a", "r"), record("q\xFF", "b", "s")};

	(void)state;
	give(records, 2);
	records[0]->count = 7;
	records[0]->last = 86500;
	records[1]->uid = 0;
	records[1]->exe = q;
	given.unreadable = 2;
	assert_int_equal(run("log --json"), PGA_EXIT_WEAK);
	assert_non_null(strstr(
	    printed.output,
	    "{\n  \"source\": \"the log\",\n  \"unreadable\": 2,\n  \"logged_since\": null,\n  "
	    "\"last_weak\": null,\n  \"days_without_weak\": null,\n  \"connections\": [\n    {\n"
	    "      \"program\": \"psql\",\n      \"argc\": \"\",\n      \"arguments\": \"\",\n"
	    "      \"host\": \"a\",\n      \"hostaddr\": \"\",\n      \"port\": \"\",\n"
	    "      \"user\": \"\",\n      \"dbname\": \"\",\n      \"service\": \"\",\n"
	    "      \"sslmode\": \"\",\n      \"sslrootcert\": \"\",\n      \"gssencmode\": \"\",\n"
	    "      \"ssl_min_protocol_version\": \"\",\n      \"ssl_max_protocol_version\": \"\",\n"
	    "      \"channel_binding\": \"\",\n      \"require_auth\": \"\",\n"
	    "      \"reasons\": \"r\",\n      \"count\": 7,\n"
	    "      \"first\": \"1970-01-01T00:01:40Z\",\n"
	    "      \"last\": \"1970-01-02T00:01:40Z\",\n      \"last_pid\": 9,\n"
	    "      \"uid\": null,\n      \"exe\": null\n    },\n"));
	assert_non_null(strstr(printed.output, "      \"program\": \"q\\\\xFF\",\n"));
	assert_non_null(
	    strstr(printed.output, "      \"uid\": 0,\n      \"exe\": \"/bin/q\"\n    }\n  ],\n"));
	assert_non_null(strstr(printed.output, "2 lines of pganchor's are cut or changed"));
	assert_non_null(strstr(printed.errors, "2 lines of pganchor's are cut or changed"));
}

static void wherever_memory_runs_out(void **state)
{
	struct pga_record *records[] = {record("psql", "a", "r"), record("q", "b", "s")};
	long number = 0;
	int status;

	(void)state;
	give(records, 2);
	records[1]->uid = 4000000000;
	do {
		left = ++number;
		status = run("log");
		left = 0;
		if (status == PGA_EXIT_WEAK)
			continue;
		assert_int_equal(status, PGA_EXIT_FAILED);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, "pganchor: out of memory\n");
	} while (status == PGA_EXIT_FAILED);
	/* The two lists, and the texts of both programs. */
	assert_true(number >= 10);
	do {
		has_failed = false;
		left = ++number;
		assert_int_equal(run("log"), PGA_EXIT_WEAK);
		left = 0;
		assert_null(strstr(printed.output, "(null)"));
	} while (has_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(nothing_at_all, begin),
	    cmocka_unit_test_setup(which_records, begin),
	    cmocka_unit_test_setup(what_is_not_understood, begin),
	    cmocka_unit_test_setup(help, begin),
	    cmocka_unit_test_setup(what_cannot_be_read, begin),
	    cmocka_unit_test_setup(lines_of_the_table, begin),
	    cmocka_unit_test_setup(who_has_sent_it, begin),
	    cmocka_unit_test_setup(times_that_are_none, begin),
	    cmocka_unit_test_setup(the_same_again, begin),
	    cmocka_unit_test_setup(one_sender, begin),
	    cmocka_unit_test_setup(what_is_left_out, begin),
	    cmocka_unit_test_setup(as_json, begin),
	    cmocka_unit_test_setup(wherever_memory_runs_out, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
