/* service/write.c: what becomes of the file, and what is told of it. */
#include "service_home.h"

#include "service/write.h"

#define OF_H "host=h\nsslmode=verify-full\n"

/* Writes an entry of this name, for a strong connection to h. */
static int write_entry(const char *name, enum pga_service_place place, bool replace, bool dry_run,
		       struct pga_changed *changed)
{
	const struct pga_change change = {
	    .name = name, .place = place, .replace = replace, .dry_run = dry_run};
	struct pga_settings settings = {.count = 0};
	int result;

	assert_int_equal(pga_settings_add(&settings, "host", "h", &error), 0);
	assert_int_equal(pga_settings_add(&settings, "sslmode", "verify-full", &error), 0);
	memset(&error, 0, sizeof error);
	result = pga_service_write(&change, &settings, &policy, changed, &error);
	pga_settings_free(&settings);
	return result;
}

static int delete_entry(const char *name, bool dry_run, struct pga_changed *changed)
{
	const struct pga_change change = {
	    .name = name, .place = PGA_SERVICE_USER, .dry_run = dry_run};

	memset(&error, 0, sizeof error);
	return pga_service_delete(&change, changed, &error);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

#define FILE_OF_USER ".pg_service.conf"

static void check(struct pga_changed *changed, size_t line, bool replaced, bool unchanged,
		  bool created, bool readable, size_t sections, const char *removed)
{
	assert_int_equal(changed->line, line);
	assert_int_equal(changed->replaced, replaced);
	assert_int_equal(changed->unchanged, unchanged);
	assert_int_equal(changed->created, created);
	assert_int_equal(changed->readable_by_others, readable);
	assert_int_equal(changed->sections, sections);
	assert_string_equal(pga_text_string(&changed->removed), removed);
	assert_non_null(strstr(changed->path, "pg_service.conf"));
	pga_changed_free(changed);
	assert_null(changed->path);
	assert_int_equal(changed->line + changed->sections + changed->removed.length, 0);
}

static void an_entry_comes_and_goes(void **state)
{
	struct pga_changed changed;

	(void)state;
	assert_int_equal(write_entry("a", PGA_SERVICE_USER, false, true, &changed), 0);
	check(&changed, 1, false, false, true, false, 0, "");
	assert_int_equal(access(FILE_OF_USER, F_OK), -1);
	assert_int_equal(write_entry("a", PGA_SERVICE_USER, false, false, &changed), 0);
	check(&changed, 1, false, false, true, false, 0, "");
	assert_holds(FILE_OF_USER, "[a]\n" OF_H);
	assert_int_equal(mode_of(FILE_OF_USER), 0600);
	/* What is there already stays, unless it is to be replaced. */
	assert_int_equal(write_entry("a", PGA_SERVICE_USER, false, false, &changed), -1);
	assert_null(changed.path);
	assert_non_null(strstr(error.message, "service a: already exists in "));
	assert_non_null(strstr(error.message, ", line 1"));
	assert_string_equal(error.hint, "--replace puts the new settings in its place; this shows "
					"it: pganchor service show a");
	assert_int_equal(write_entry("a", PGA_SERVICE_USER, true, false, &changed), 0);
	check(&changed, 1, true, true, false, false, 1, OF_H);
	put(FILE_OF_USER, "[a]\nhost=other\n[b]\nhost=b\n[a]\nport=1\n");
	assert_int_equal(chmod(FILE_OF_USER, 0640), 0);
	assert_int_equal(write_entry("b", PGA_SERVICE_USER, true, true, &changed), 0);
	check(&changed, 3, true, false, false, true, 1, "host=b\n");
	assert_int_equal(chmod(FILE_OF_USER, 0604), 0);
	assert_int_equal(write_entry("c", PGA_SERVICE_USER, true, true, &changed), 0);
	assert_true(changed.readable_by_others && !changed.replaced);
	pga_changed_free(&changed);
	assert_holds(FILE_OF_USER, "[a]\nhost=other\n[b]\nhost=b\n[a]\nport=1\n");
	/* All entries of the name go. */
	assert_int_equal(delete_entry("a", true, &changed), 0);
	check(&changed, 1, false, false, false, true, 2, "[a]\nhost=other\n[a]\nport=1\n");
	assert_holds(FILE_OF_USER, "[a]\nhost=other\n[b]\nhost=b\n[a]\nport=1\n");
	assert_int_equal(delete_entry("a", false, &changed), 0);
	check(&changed, 1, false, false, false, true, 2, "[a]\nhost=other\n[a]\nport=1\n");
	assert_holds(FILE_OF_USER, "[b]\nhost=b\n");
	assert_int_equal(mode_of(FILE_OF_USER), 0604);
	assert_int_equal(delete_entry("a", false, &changed), -1);
	assert_null(changed.path);
	assert_non_null(strstr(error.message, "service a: there is none of this name in "));
	assert_string_equal(error.hint, "\"pganchor service list\" shows those there are");
}

/* The machine's file is for everybody to read. */
static void the_machine_s_file_is_for_everybody(void **state)
{
	struct pga_changed changed;
	char path[sizeof scratch + 8];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/sys", scratch);
	assert_int_equal(setenv("PGSYSCONFDIR", path, 1), 0);
	(void)umask(0022);
	assert_int_equal(write_entry("a", PGA_SERVICE_SYSTEM, false, false, &changed), 0);
	check(&changed, 1, false, false, true, true, 0, "");
	assert_holds("sys/pg_service.conf", "[a]\n" OF_H);
	assert_int_equal(mode_of("sys/pg_service.conf"), 0644);
	assert_int_equal(mode_of("sys"), 0755);
}

static void a_user_s_directory_is_the_user_s(void **state)
{
	struct pga_changed changed;

	(void)state;
	assert_int_equal(setenv("PGSERVICEFILE", "own/services", 1), 0);
	(void)umask(0022);
	assert_int_equal(write_entry("a", PGA_SERVICE_USER, false, false, &changed), 0);
	pga_changed_free(&changed);
	assert_int_equal(mode_of("own/services"), 0600);
	assert_int_equal(mode_of("own"), 0700);
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
}

static void a_pipe_is_no_file_to_write(void **state)
{
	struct pga_changed changed;

	(void)state;
	assert_int_equal(setenv("PGSERVICEFILE", "/dev/fd/9", 1), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(i == 0 ? write_entry("a", PGA_SERVICE_USER, true, false, &changed)
					: delete_entry("a", false, &changed),
				 -1);
		assert_null(changed.path);
		assert_string_equal(error.message, "/dev/fd/9: a pipe, or what was in one: nothing "
						   "can be written there");
		assert_string_equal(
		    error.hint,
		    "let PGSERVICEFILE name a file, or unset it for ~/.pg_service.conf");
	}
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
}

/* The command that shows an entry is told where it is one: whole, and with what it needs. */
static void the_hint_is_a_command_that_works(void **state)
{
	static char name[900];
	struct pga_changed changed;
	const size_t words = strlen("--replace puts the new settings in its place; this shows it: "
				    "pganchor service show ");
	const size_t room = sizeof error.hint;

	(void)state;
	put(FILE_OF_USER, "[-x y]\nhost=h\n");
	assert_int_equal(write_entry("-x y", PGA_SERVICE_USER, false, false, &changed), -1);
	assert_string_equal(error.hint, "--replace puts the new settings in its place; this shows "
					"it: pganchor service show -- '-x y'");
	for (size_t more = 0; more < 2; more++) {
		char text[1000];

		if (room - words - 1 + more >= sizeof name)
			skip();
		memset(name, 'n', room - words - 1 + more);
		name[room - words - 1 + more] = '\0';
		(void)snprintf(text, sizeof text, "[%s]\nhost=h\n", name);
		put(FILE_OF_USER, text);
		assert_int_equal(write_entry(name, PGA_SERVICE_USER, false, false, &changed), -1);
		assert_int_equal(
		    strlen(error.hint),
		    more == 0 ? room - 1 : strlen("--replace puts the new settings in its place"));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_scratch)
	const struct CMUnitTest tests[] = {
	    TEST(an_entry_comes_and_goes),          TEST(the_machine_s_file_is_for_everybody),
	    TEST(a_user_s_directory_is_the_user_s), TEST(a_pipe_is_no_file_to_write),
	    TEST(the_hint_is_a_command_that_works),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
