/* The entries of a service file: what is found in it, what libpq and the policy make of each, and
 * what surrounds them; and all of that without memory. */
#include "service_home.h"

#include "service/evaluate.h"
#include "service/surroundings.h"

static const char entries[] = "# top\n"
			      "\n"
			      "[b]\nhost=h\n" STRONG "\n"
			      "[a\nhost=h\n"
			      "[c]\n \tldap://x/y\n"
			      "[b]\nhost=h2\n"
			      "[a]\nhost=h\n"
			      "[c]\nldap=x\n"
			      "[b]\n";

static void entries_of_a_file(void **state)
{
	static const struct {
		const char *name;
		size_t line;
		size_t shadowed;
		bool ldap;
	} wanted[] = {
	    {"b", 3, 0, false},  {NULL, 8, 0, false}, {"c", 10, 0, true},  {"b", 12, 3, false},
	    {"a", 14, 0, false}, {"c", 16, 10, true}, {"b", 18, 3, false},
	};
	struct pga_service_file file;
	size_t start = strlen("# top\n\n");

	(void)state;
	put("pg_service.conf", entries);
	assert_int_equal(pga_service_file_read(&file, PGA_SERVICE_SYSTEM, &error), 0);
	assert_true(file.found);
	assert_int_equal(file.place, PGA_SERVICE_SYSTEM);
	assert_int_equal(file.count, 7);
	assert_int_equal(file.named, 6);
	for (size_t i = 0; i < file.count; i++) {
		const struct pga_entry *entry = &file.entries[i];

		if (wanted[i].name == NULL)
			assert_null(entry->name);
		else
			assert_string_equal(entry->name, wanted[i].name);
		assert_int_equal(entry->line, wanted[i].line);
		assert_int_equal(entry->shadowed, wanted[i].shadowed);
		assert_int_equal(entry->ldap, wanted[i].ldap);
		assert_int_equal(entry->start, start);
		start = entry->end;
	}
	assert_int_equal(start, strlen(entries));
	assert_ptr_equal(pga_service_file_find(&file, "a"), &file.entries[4]);
	assert_ptr_equal(pga_service_file_find(&file, "b"), &file.entries[0]);
	assert_ptr_equal(pga_service_file_find(&file, "c"), &file.entries[2]);
	assert_null(pga_service_file_find(&file, ""));
	assert_null(pga_service_file_find(&file, "aa"));
	assert_null(pga_service_file_find(&file, "d"));
	pga_service_file_free(&file);
	assert_int_equal(file.count, 0);
}

/* More than are made room for at first. */
static void many_entries(void **state)
{
	struct pga_service_file file;
	struct pga_text text = PGA_TEXT_EMPTY;
	char name[16];

	(void)state;
	for (int i = 99; i >= 0; i--)
		pga_text_addf(&text, "[s%02d]\nhost=h\n", i);
	put("pg_service.conf", pga_text_string(&text));
	assert_int_equal(pga_service_file_read(&file, PGA_SERVICE_SYSTEM, &error), 0);
	assert_int_equal(file.count, 100);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "s%02d", i);
		assert_ptr_equal(pga_service_file_find(&file, name), &file.entries[99 - i]);
	}
	pga_service_file_free(&file);
	pga_text_free(&text);
}

static void assert_path(enum pga_service_place place, const char *wanted)
{
	char *path = pga_service_path(place, &error);

	assert_non_null(path);
	assert_string_equal(path, wanted);
	free(path);
}

static void where_the_files_are(void **state)
{
	char wanted[128];
	struct pga_service_file file;

	(void)state;
	(void)snprintf(wanted, sizeof wanted, "%s/.pg_service.conf", scratch);
	assert_path(PGA_SERVICE_USER, wanted);
	(void)snprintf(wanted, sizeof wanted, "%s/pg_service.conf", scratch);
	assert_path(PGA_SERVICE_SYSTEM, wanted);
	assert_int_equal(unsetenv("PGSYSCONFDIR"), 0);
	assert_path(PGA_SERVICE_SYSTEM, PG_SYSCONFDIR "/pg_service.conf");
	assert_int_equal(setenv("PGSERVICEFILE", "x/y", 1), 0);
	assert_path(PGA_SERVICE_USER, "x/y");
	assert_int_equal(setenv("PGSERVICEFILE", "", 1), 0);
	assert_null(pga_service_path(PGA_SERVICE_USER, &error));
	assert_string_equal(error.message, "PGSERVICEFILE: set, but empty");
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
	assert_int_equal(pga_service_file_read(&file, PGA_SERVICE_USER, &error), 0);
	assert_false(file.found);
	assert_int_equal(file.count, 0);
	assert_null(pga_service_file_find(&file, "x"));
	pga_service_file_free(&file);
	assert_string_equal(pga_service_place_name(PGA_SERVICE_USER), "user");
	assert_string_equal(pga_service_place_name(PGA_SERVICE_SYSTEM), "system");
}

static void no_text(void **state)
{
	(void)state;
	assert_int_equal(pga_service_text_check("f", NULL, 0, &error), 0);
	assert_int_equal(pga_service_text_check("f", "a\nb", 3, &error), 0);
	assert_int_equal(pga_service_text_check("f", "a\nb\n\0\n\0", 7, &error), -1);
	assert_string_equal(
	    error.message,
	    "f, line 3: holds a NUL byte, behind which libpq and others read different lines");
	assert_int_equal(pga_service_text_check("f", "\0", 1, &error), -1);
	assert_memory_equal(error.message, "f, line 1:", 10);
}

/* Judges every entry of the file: its name, how it stands and why. */
static int judge(struct pga_text *told, struct pga_error *said)
{
	struct pga_service_file file;
	struct pga_evaluator judging;
	int result = -1;

	if (pga_service_file_read(&file, PGA_SERVICE_SYSTEM, said) != 0)
		return -1;
	result = pga_evaluator_begin(&judging, &file, &policy, said);
	for (size_t i = 0; result == 0 && i < file.count; i++) {
		struct pga_evaluation evaluation;

		result = pga_evaluate_entry(&judging, &file.entries[i], &evaluation, said);
		if (result != 0)
			break;
		if (told != NULL)
			pga_text_addf(told, "%s: %s: %s%s%s\n",
				      file.entries[i].name != NULL ? file.entries[i].name : "",
				      pga_entry_state_word(evaluation.state),
				      pga_text_string(&evaluation.why),
				      evaluation.needs_tls ? "; TLS" : "",
				      evaluation.no_roots ? "; no roots" : "");
		pga_evaluation_free(&evaluation);
	}
	pga_evaluator_end(&judging);
	pga_service_file_free(&file);
	return result;
}

static void assert_told(const char *wanted)
{
	struct pga_text told = PGA_TEXT_EMPTY;

	if (judge(&told, &error) != 0)
		fail_msg("%s", error.message);
	assert_string_equal(pga_text_string(&told), wanted);
	pga_text_free(&told);
}

static const char judged[] =
    "[good]\nhost=h\n" STRONG "[late]\nhost=h h\n" STRONG "[local]\nhost=/run\n"
    "[relative]\nhost=h\nsslrootcert=ca.crt\n" STRONG
    "[again]\nhost=h\nsslrootcert=/nowhere\n" STRONG
    "[good]\nhost=x\n[open\n[ask]\nldap://h\n[port]\nhost=h\nport=x\n" STRONG
    "[address]\nhost=h\nhostaddr=h\n" STRONG "[many]\nhost=a,b\nhostaddr=127.0.0.1,x\n" STRONG;

static const char judged_told[] =
    "good: allowed: ; TLS\n"
    "late: broken: host \"h h\": holds a blank; TLS\n"
    "local: allowed: \n"
    "relative: weak: sslrootcert=ca.crt is another file in every directory: whoever can "
    "put one there is "
    "trusted; TLS\n"
    "again: broken: root certificate file /nowhere does not exist; TLS; no roots\n"
    "good: shadowed: by line 1: libpq takes the first entry of a name\n"
    ": broken: the header has no closing bracket: libpq never finds it\n"
    "ask: unknown: ldap lookup: what an LDAP server will answer cannot be judged here\n"
    "port: broken: invalid integer value \"x\" for connection option \"port\"\n"
    "address: broken: could not parse network address \"h\": Name or service not known\n"
    "many: broken: could not parse network address \"x\": Name or service not known\n";

static void how_entries_stand(void **state)
{
	(void)state;
	put("pg_service.conf", judged);
	assert_told(judged_told);
}

static void lines_that_libpq_refuses(void **state)
{
	char wanted[512];
	char text[2048];
	char line[1100];

	(void)state;
	put("pg_service.conf", "# c\n[a]\nhost=h\n" STRONG "[b]\nhost=h\nbogus=1\n");
	(void)snprintf(wanted, sizeof wanted,
		       "a: allowed: ; TLS\nb: broken: syntax error in service file "
		       "\"%s/pg_service.conf\", line 8\n",
		       scratch);
	assert_told(wanted);
	/* Where one line ends libpq's reading, the file is read as it is. */
	memset(line, '#', 1023);
	line[1023] = '\0';
	(void)snprintf(text, sizeof text, "[a]\nhost=h\n" STRONG "[b]\nbogus=1\n%s\n[c]\nhost=h\n",
		       line);
	put("pg_service.conf", text);
	(void)snprintf(wanted, sizeof wanted,
		       "a: allowed: ; TLS\nb: broken: syntax error in service file "
		       "\"%s/pg_service.conf\", line 6\n"
		       "c: broken: line 7 too long in service file \"%s/pg_service.conf\"\n",
		       scratch, scratch);
	assert_told(wanted);
}

static int judge_all(struct pga_error *said)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	int result = judge(&told, said);

	/* What could not be found out is not called something else. */
	if (result == 0 && (told.failed || strstr(pga_text_string(&told), "out of memory") != NULL))
		result = pga_fail_memory(said);
	else if (result == 0)
		assert_string_equal(pga_text_string(&told), judged_told);
	pga_text_free(&told);
	return result;
}

static void judging_without_memory(void **state)
{
	(void)state;
	put("pg_service.conf", judged);
	without_each(judge_all, true);
}

/* What surrounds an entry stays as it was. */
static void the_environment_stays(void **state)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_evaluation evaluation;

	(void)state;
	put("pg_service.conf", judged);
	assert_int_equal(setenv("PGSERVICEFILE", "mine", 1), 0);
	assert_int_equal(setenv("PGSERVICE", "good", 1), 0);
	assert_int_equal(judge(NULL, &error), 0);
	assert_string_equal(getenv("PGSERVICEFILE"), "mine");
	assert_string_equal(getenv("PGSYSCONFDIR"), scratch);
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
	assert_int_equal(judge(NULL, &error), 0);
	assert_null(getenv("PGSERVICEFILE"));
	assert_int_equal(pga_settings_add(&settings, "host", "h", &error), 0);
	assert_int_equal(pga_evaluate_here(&settings, &policy, &evaluation, &error), 0);
	assert_string_equal(getenv("PGSERVICE"), "good");
	assert_int_equal(evaluation.state, PGA_ENTRY_WEAK);
	pga_evaluation_free(&evaluation);
	assert_int_equal(unsetenv("PGSERVICE"), 0);
	assert_int_equal(pga_evaluate_here(&settings, &policy, &evaluation, &error), 0);
	assert_null(getenv("PGSERVICE"));
	pga_evaluation_free(&evaluation);
	pga_settings_free(&settings);
}

/* Where PGSERVICE cannot be kept, it is not taken away. */
static void no_memory_for_the_environment(void **state)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_evaluation evaluation;

	(void)state;
	assert_int_equal(setenv("PGSERVICE", "good", 1), 0);
	memset(&evaluation, 'x', sizeof evaluation);
	left = 1;
	assert_int_equal(pga_evaluate_here(&settings, &policy, &evaluation, &error), -1);
	left = 0;
	assert_string_equal(error.message, "out of memory");
	assert_string_equal(getenv("PGSERVICE"), "good");
	assert_null(evaluation.effective.options);
	assert_null(evaluation.why.bytes);
	assert_int_equal(unsetenv("PGSERVICE"), 0);
}

/* What libpq did not tell, and what it told without where it is from. */
static void settings_of_unknown_origin(void **state)
{
	PQconninfoOption options[] = {
	    {.keyword = (char[]){"port"}, .envvar = (char[]){"PGPORT"}, .val = (char[]){"1"}},
	    {.keyword = NULL}};
	enum pga_origin origins[] = {PGA_FROM_ENVIRONMENT};
	struct pga_evaluation evaluation = {.state = PGA_ENTRY_BROKEN};
	struct pga_text text = PGA_TEXT_EMPTY;

	(void)state;
	pga_text_add(&evaluation.why, "no");
	pga_surroundings_tell(&evaluation, &text);
	assert_false(text.failed);
	assert_string_equal(pga_text_string(&text),
			    "with the environment of this shell the entry is broken: no");
	pga_text_free(&text);
	evaluation.state = PGA_ENTRY_ALLOWED;
	evaluation.effective.options = options;
	pga_surroundings_tell(&evaluation, &text);
	assert_true(text.failed);
	pga_text_free(&text);
	evaluation.effective.origins = origins;
	pga_surroundings_tell(&evaluation, &text);
	assert_false(text.failed);
	assert_memory_equal(pga_text_string(&text), "environment PGPORT: port=1 counts", 33);
	pga_text_free(&text);
	/* What has failed before is not mended by that. */
	text.failed = true;
	pga_surroundings_tell(&evaluation, &text);
	assert_true(text.failed);
	options[0].val = NULL;
	pga_text_free(&text);
	pga_surroundings_tell(&evaluation, &text);
	assert_string_equal(pga_text_string(&text), "");
	pga_text_free(&text);
	pga_text_free(&evaluation.why);
}

static const char *const surroundings[][2] = {
    {"PGSSLCRL", "/nowhere/a b"},
    {"PGPORT", "5433"},
    {"PGUSER", "u"},
    {"PGDATABASE", "d"},
    {"PGPASSWORD", "secret"},
    {"PGAPPNAME", "x"},
    {"PGOPTIONS", ""},
    {"PGCONNECT_TIMEOUT", "3"},
    {"PGCLIENTENCODING", "UTF8"},
    {"PGPASSFILE", "/p"},
    {"PGHOST", "other"},
    {"PGGSSENCMODE", ""},
};

static int tell(struct pga_text *told, const char *mode, struct pga_error *said)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_evaluation evaluation;
	int result = -1;

	if (pga_settings_add(&settings, "host", "h", said) == 0 &&
	    pga_settings_add(&settings, "sslmode", mode, said) == 0 &&
	    pga_settings_add(&settings, "gssencmode", "disable", said) == 0 &&
	    pga_evaluate_here(&settings, &policy, &evaluation, said) == 0) {
		pga_surroundings_tell(&evaluation, told);
		result = evaluation.why.failed || told->failed ? pga_fail_memory(said) : 0;
		pga_evaluation_free(&evaluation);
	}
	pga_settings_free(&settings);
	return result;
}

#define COUNTS(keyword)                                                                  \
	" counts in this shell, since the entry does not say " keyword "; give " keyword \
	"=VALUE to have "                                                                \
	"the same everywhere"

static const char surroundings_told[] = "environment PGPORT: port=5433" COUNTS(
    "port") "\nenvironment PGSSLCRL: sslcrl=/nowhere/a b" COUNTS("sslcrl");

static int tell_once(struct pga_error *said)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	const int result = tell(&told, "verify-full", said);

	if (result == 0)
		assert_string_equal(pga_text_string(&told), surroundings_told);
	pga_text_free(&told);
	return result;
}

/* What the environment adds to an entry is said, but for what is about the user. */
static void what_surrounds_an_entry(void **state)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	char wanted[1024];

	(void)state;
	for (size_t i = 0; i < sizeof surroundings / sizeof surroundings[0]; i++)
		assert_int_equal(setenv(surroundings[i][0], surroundings[i][1], 1), 0);
	without_each(tell_once, true);
	assert_int_equal(tell(&told, "prefer", &error), 0);
	(void)snprintf(
	    wanted, sizeof wanted,
	    "%s\nwith the environment of this shell the entry is weak: ", surroundings_told);
	assert_memory_equal(pga_text_string(&told), wanted, strlen(wanted));
	pga_text_free(&told);
	for (size_t i = 0; i < sizeof surroundings / sizeof surroundings[0]; i++)
		assert_int_equal(unsetenv(surroundings[i][0]), 0);
	assert_int_equal(tell(&told, "verify-full", &error), 0);
	assert_string_equal(pga_text_string(&told), "");
	assert_int_equal(tell(&told, "prefer", &error), 0);
	assert_memory_equal(pga_text_string(&told), wanted + strlen(surroundings_told) + 1,
			    strlen(wanted) - strlen(surroundings_told) - 1);
	pga_text_free(&told);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_scratch)
	const struct CMUnitTest tests[] = {
	    TEST(entries_of_a_file),
	    TEST(many_entries),
	    TEST(where_the_files_are),
	    TEST(no_text),
	    TEST(how_entries_stand),
	    TEST(lines_that_libpq_refuses),
	    TEST(judging_without_memory),
	    TEST(the_environment_stays),
	    TEST(no_memory_for_the_environment),
	    TEST(settings_of_unknown_origin),
	    TEST(what_surrounds_an_entry),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
