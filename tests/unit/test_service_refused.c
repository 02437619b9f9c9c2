/* service/write.h: what is not written and why, what is told of what is, and that all else stays.
 */
#include "service_home.h"

#include "service/write.h"

static struct pga_settings settings;

static void set(const char *keyword, const char *value)
{
	assert_int_equal(pga_settings_add(&settings, keyword, value, &error), 0);
}

static int begin(void **state)
{
	if (make_home(state) != 0)
		return -1;
	settings = (struct pga_settings){.items = NULL};
	set("host", "/run");
	return 0;
}

static int end(void **state)
{
	pga_settings_free(&settings);
	return remove_scratch(state);
}

static int write_entry(const struct pga_change *change, struct pga_changed *changed)
{
	memset(&error, 0, sizeof error);
	memset(changed, 'x', sizeof *changed);
	return pga_service_write(change, &settings, &policy, changed, &error);
}

static void assert_refused(const char *name, const char *message, const char *hint)
{
	const struct pga_change change = {.name = name, .place = PGA_SERVICE_SYSTEM};
	struct pga_changed changed;

	assert_int_equal(write_entry(&change, &changed), -1);
	assert_string_equal(error.message, message);
	assert_string_equal(error.hint, hint);
	assert_null(changed.path);
	assert_null(changed.removed.bytes);
}

/* libpq takes blanks off the end of a line. */
static void what_libpq_would_read_otherwise(void **state)
{
	(void)state;
	put("pg_service.conf", "[a]\nhost=h\n");
	set("application_name", "x ");
	assert_refused("c", "application_name: libpq would read another value than the one given",
		       "nothing was changed; please report this");
	assert_holds("pg_service.conf", "[a]\nhost=h\n");
}

static void what_libpq_cannot_read(void **state)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char message[256];

	(void)state;
	pga_text_add(&text, "#");
	for (int i = 0; i < 1100; i++)
		pga_text_add(&text, "x");
	pga_text_add(&text, "\n");
	put("pg_service.conf", pga_text_string(&text));
	(void)snprintf(message, sizeof message,
		       "libpq could not read the new entry: line 1 too long in service file "
		       "\"%s/pg_service.conf\"",
		       scratch);
	assert_refused("c", message, "nothing was changed; correct the file with an editor first");
	assert_holds("pg_service.conf", pga_text_string(&text));
	pga_text_free(&text);
}

static void what_stands_already(void **state)
{
	static const char shows[] =
	    "--replace puts the new settings in its place; this shows it: pganchor service show ";
	struct pga_text text = PGA_TEXT_EMPTY;
	char name[600];
	char message[2048];
	char hint[1024];

	(void)state;
	for (size_t longest = 0; longest < 3; longest++) {
		/* What is shown has room for a command, or for none. */
		const size_t length =
		    longest == 0 ? 5 : sizeof error.hint - sizeof shows + longest - 1;

		memset(name, 'x', length);
		name[0] = longest == 0 ? '-' : 'x';
		name[length] = '\0';
		pga_text_addf(&text, "\n[%s]\nhost=h\n", name);
		put("pg_service.conf", pga_text_string(&text));
		(void)snprintf(message, sizeof message,
			       "service %s: already exists in %s/pg_service.conf, line 2", name,
			       scratch);
		(void)snprintf(hint, sizeof hint, "%s%s%s",
			       longest == 2 ? "--replace puts the new settings in its place"
					    : shows,
			       longest == 0 ? "-- " : "", longest == 2 ? "" : name);
		assert_refused(name, message, hint);
		assert_holds("pg_service.conf", pga_text_string(&text));
		pga_text_free(&text);
	}
}

static void where_nothing_can_be_written(void **state)
{
	const struct pga_change change = {.name = "c", .place = PGA_SERVICE_USER};
	struct pga_changed changed;

	(void)state;
	assert_int_equal(setenv("PGSERVICEFILE", "/dev/fd/3", 1), 0);
	for (int turn = 0; turn < 2; turn++) {
		memset(&error, 0, sizeof error);
		assert_int_equal(turn == 0 ? write_entry(&change, &changed)
					   : pga_service_delete(&change, &changed, &error),
				 -1);
		assert_string_equal(
		    error.message,
		    "/dev/fd/3: a pipe, or what was in one: nothing can be written there");
		assert_string_equal(error.hint, "let PGSERVICEFILE name a file, or unset it for "
						"~/.pg_service.conf");
	}
	assert_int_equal(setenv("PGSERVICEFILE", "", 1), 0);
	assert_int_equal(write_entry(&change, &changed), -1);
	assert_string_equal(error.message, "PGSERVICEFILE: set, but empty");
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

/* The user's file may get passwords; the machine's is for everybody. */
static void who_may_read_it(void **state)
{
	struct pga_change change = {.name = "c", .place = PGA_SERVICE_USER};
	struct pga_changed changed;

	(void)state;
	(void)umask(0);
	assert_int_equal(setenv("PGSERVICEFILE", "sub/file", 1), 0);
	assert_int_equal(write_entry(&change, &changed), 0);
	assert_int_equal(mode_of("sub"), 0700);
	assert_int_equal(mode_of("sub/file"), 0600);
	assert_true(changed.created);
	assert_false(changed.readable_by_others || changed.replaced || changed.unchanged);
	assert_int_equal(changed.line, 1);
	pga_changed_free(&changed);
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
	assert_int_equal(setenv("PGSYSCONFDIR", "etc", 1), 0);
	change.place = PGA_SERVICE_SYSTEM;
	assert_int_equal(write_entry(&change, &changed), 0);
	assert_int_equal(mode_of("etc"), 0755);
	assert_int_equal(mode_of("etc/pg_service.conf"), 0644);
	assert_true(changed.created && changed.readable_by_others);
	pga_changed_free(&changed);
	/* By the group alone, by the others alone, by neither. */
	for (int which = 0; which < 3; which++) {
		static const mode_t modes[] = {0640, 0604, 0611};

		assert_int_equal(chmod("etc/pg_service.conf", modes[which]), 0);
		change.name = which == 0 ? "d" : which == 1 ? "e" : "f";
		assert_int_equal(write_entry(&change, &changed), 0);
		assert_false(changed.created);
		assert_int_equal(changed.readable_by_others, which < 2);
		assert_int_equal(changed.line, 4 + 3 * which);
		pga_changed_free(&changed);
	}
	(void)umask(022);
}

#define BEFORE "[a]\nhost=h\n\n[c]\nport=1\n"
#define AFTER  "[a]\nhost=h\n\n[c]\nhost=/run\n"

static void what_is_told(void **state)
{
	struct pga_change change = {
	    .name = "c", .place = PGA_SERVICE_SYSTEM, .replace = true, .dry_run = true};
	struct pga_changed changed;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/pg_service.conf", scratch);
	put("pg_service.conf", BEFORE);
	for (int turn = 0; turn < 3; turn++) {
		change.dry_run = turn == 0;
		assert_int_equal(write_entry(&change, &changed), 0);
		assert_string_equal(changed.path, path);
		assert_int_equal(changed.line, 4);
		assert_int_equal(changed.sections, 1);
		assert_true(changed.replaced);
		assert_int_equal(changed.unchanged, turn == 2);
		assert_string_equal(pga_text_string(&changed.removed),
				    turn < 2 ? "port=1\n" : "host=/run\n");
		assert_holds("pg_service.conf", turn == 0 ? BEFORE : AFTER);
		pga_changed_free(&changed);
		assert_null(changed.path);
	}
	for (int turn = 0; turn < 2; turn++) {
		change.dry_run = turn == 0;
		assert_int_equal(pga_service_delete(&change, &changed, &error), 0);
		assert_string_equal(changed.path, path);
		assert_string_equal(pga_text_string(&changed.removed), "[c]\nhost=/run\n");
		assert_holds("pg_service.conf", turn == 0 ? AFTER : "[a]\nhost=h\n");
		pga_changed_free(&changed);
	}
	memset(&error, 0, sizeof error);
	assert_int_equal(pga_service_delete(&change, &changed, &error), -1);
	assert_string_equal(error.hint, "\"pganchor service list\" shows those there are");
	assert_null(changed.path);
}

static int write_once(struct pga_error *said)
{
	const struct pga_change change = {
	    .name = "c", .place = PGA_SERVICE_SYSTEM, .replace = true};
	struct pga_changed changed;
	int result;

	put("pg_service.conf", BEFORE);
	result = pga_service_write(&change, &settings, &policy, &changed, said);
	left = 0;
	assert_holds("pg_service.conf", result == 0 ? AFTER : BEFORE);
	assert_int_equal(changed.path != NULL, result == 0);
	pga_changed_free(&changed);
	return result;
}

/* Or else with the entry behind all others. */
static int append_once(struct pga_error *said)
{
	const struct pga_change change = {.name = "d", .place = PGA_SERVICE_SYSTEM};
	struct pga_changed changed;
	int result;

	put("pg_service.conf", BEFORE);
	result = pga_service_write(&change, &settings, &policy, &changed, said);
	left = 0;
	assert_holds("pg_service.conf", result == 0 ? BEFORE "\n[d]\nhost=/run\n" : BEFORE);
	pga_changed_free(&changed);
	return result;
}

static void without_memory(void **state)
{
	(void)state;
	without_each(write_once, true);
	without_each(append_once, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(what_libpq_would_read_otherwise),
	    TEST(what_libpq_cannot_read),
	    TEST(what_stands_already),
	    TEST(where_nothing_can_be_written),
	    TEST(who_may_read_it),
	    TEST(what_is_told),
	    TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
