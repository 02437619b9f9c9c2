/* diagnose/processes.h: what running programs have of libpqs and of the gate, by their files; in a
 * /proc that the test writes. */
#include "cmocka_start.h"
#include "played_processes.h"

#include "preload/module.h"
#include "diagnose/processes.h"
#include "base/text.h"

static void what_is_mapped(void **state)
{
	static const struct {
		const char *maps;
		const char *expected; /* "" nothing; without what is told of every one */
	} cases[] = {
	    {"", ""},
	    {"/l/libc.so.6", ""},
	    {"[stack]", ""},
	    {"/l/libpq.so.5.15", " libpq /l/libpq.so.5.15 [15]"},
	    {"/l/hidden/libpq.so.5.15", " libpq /l/hidden/libpq.so.5.15 [15] hides"},
	    {"/l/broken/libpq.so.5.15", " libpq /l/broken/libpq.so.5.15 [15] hides"},
	    {"/l/none/libpq.so.5.15", " libpq /l/none/libpq.so.5.15 [15]"},
	    {"/l/libpq.so.5.15 (deleted)", " libpq /l/libpq.so.5.15 [15] gone"},
	    {"/l/hidden/libpq.so.5.15 (deleted)", " libpq /l/hidden/libpq.so.5.15 [15] gone"},
	    {"/l/libpq.so.5.15 (delete)", " libpq /l/libpq.so.5.15 (delete) []"},
	    {"/l/libpq.so.5.15 x", " libpq /l/libpq.so.5.15 x []"},
	    /* Versions. */
	    {"/l/libpq.so.5", " libpq /l/libpq.so.5 []"},
	    {"/l/libpq.so", " libpq /l/libpq.so []"},
	    {"/l/libpq.so.5.", " libpq /l/libpq.so.5. []"},
	    {"/l/libpq.so.5.x", " libpq /l/libpq.so.5.x []"},
	    {"/l/libpq.so.5.18b1", " libpq /l/libpq.so.5.18b1 []"},
	    {"/l/libpq.so.5.1", " libpq /l/libpq.so.5.1 [1]"},
	    {"/l/libpq-0a.so.5.17", " libpq /l/libpq-0a.so.5.17 [17]"},
	    {"/l/libpq.so.5.123456789012345",
	     " libpq /l/libpq.so.5.123456789012345 [123456789012345]"},
	    {"/l/libpq.so.5.1234567890123456", " libpq /l/libpq.so.5.1234567890123456 []"},
	    /* Several. */
	    {"/l/libpq.so.5.15\n/l/libpq.so.5.15\n/l/libc.so.6\n/l/libpq.so.5.15",
	     " libpq /l/libpq.so.5.15 [15]"},
	    {"/l/libpq.so.5.15\n/l/libpq.so.5.16\n/l/libpq.so.5.15\n/l/libpq.so.5.16",
	     " libpq /l/libpq.so.5.15 [15] libpq /l/libpq.so.5.16 [16]"},
	    {"/l/renamed.so", " libpq /l/renamed.so [] hides"},
	    {"/l/renamed-tls.so", " libpq /l/renamed-tls.so []"},
	    /* The gate. */
	    {"/l/pganchor-gate.so", " gate /l/pganchor-gate.so"},
	    {"/l/libpganchor.so.0", " gate /l/libpganchor.so.0"},
	    {"/l/pganchor-gate.so (deleted)", " gate /l/pganchor-gate.so gone"},
	    {"/l/none/pganchor-gate.so", " gate /l/none/pganchor-gate.so"},
	    {"/l/other/pganchor-gate.so", ""},
	    {"/l/other/pganchor-gate.so\n/l/pganchor-gate.so", " gate /l/pganchor-gate.so"},
	    {"/l/pganchor-gate.so\n/l/libpganchor.so.0 (deleted)", " gate /l/pganchor-gate.so"},
	    {"/l/pganchor-gate.so\n/l/libpq.so.5.15",
	     " gate /l/pganchor-gate.so libpq /l/libpq.so.5.15 [15]"},
	    /* What brings a way of its own. */
	    {"/l/with.so", " inside libpq own /l/with.so"},
	    {"/l/driver.so", " inside a driver /l/driver.so"},
	    {"/l/both.so", " inside a driver /l/both.so"},
	    {"/l/driver.so\n/l/with.so", " inside a driver /l/driver.so"},
	    {"/l/with.so\n/l/driver.so", " inside libpq own /l/with.so"},
	    {"/l/with.so (deleted)", ""},
	    {"/ (deleted)", ""},
	    {"/l/asyncpg/protocol/protocol.so", " inside asyncpg /l/asyncpg/protocol/protocol.so"},
	    {"/l/x/asyncpg/protocol/protocol.so",
	     " inside asyncpg own /l/x/asyncpg/protocol/protocol.so"},
	    {"/l/driver.so\n/l/libpq.so.5.15\n/l/pganchor-gate.so",
	     " gate /l/pganchor-gate.so libpq /l/libpq.so.5.15 [15] inside a driver /l/driver.so"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_text expected = PGA_TEXT_EMPTY;

		assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
		start("12", "p", "", cases[i].maps);
		put_library("/l/libpq.so.5.15", "libpq exports tls");
		put_library("/l/libpq.so.5.16", "libpq exports tls");
		put_library("/l/hidden/libpq.so.5.15", "libpq exports");
		put_library("/l/broken/libpq.so.5.15", "broken tls");
		put_library("/l/renamed.so", "libpq exports");
		put_library("/l/renamed-tls.so", "libpq exports tls");
		put_library("/l/pganchor-gate.so", "libpq exports");
		put_library("/l/libpganchor.so.0", "libpq exports");
		put_library("/l/other/pganchor-gate.so", "tls");
		put_library("/l/with.so", "libpq");
		put_library("/l/driver.so", "driver");
		put_library("/l/both.so", "driver libpq");
		put_library("/ (deleted)", "driver");
		put_library("/l/x/asyncpg/protocol/protocol.so", "libpq");
		put_library(PGA_MODULE, "");
		if (cases[i].expected[0] != '\0')
			pga_text_addf(&expected, "12 a program%s\n", cases[i].expected);
		{
			struct pga_processes processes;
			char *shown = look(&processes);

			if (strcmp(shown, pga_text_string(&expected)) != 0)
				fail_msg("%s: %s", cases[i].maps, shown);
			free(shown);
			pga_processes_free(&processes);
		}
		pga_text_free(&expected);
	}
}

static void what_the_program_is(void **state)
{
	static const struct {
		const char *program;
		const char *words;
		const char *expected;
	} cases[] = {
	    {"p", "", ""},
	    {"p", "libpq", "12 a program inside libpq own /bin12/p\n"},
	    {"p", "driver", "12 a program inside a driver /bin12/p\n"},
	    {"p", "driver libpq", "12 a program inside a driver /bin12/p\n"},
	    {"pgbouncer", "", "12 a program inside own protocol /bin12/pgbouncer\n"},
	    {"pgbouncer", "libpq", "12 a program inside own protocol own /bin12/pgbouncer\n"},
	    {"pgbouncer", "driver libpq", "12 a program inside own protocol /bin12/pgbouncer\n"},
	    {"pgbouncer", NULL, "12 a program inside own protocol /bin12/pgbouncer\n"},
	    {"p", NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[40];

		assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
		start("12", cases[i].program, cases[i].words != NULL ? cases[i].words : "", "");
		put_library(PGA_MODULE, "");
		(void)snprintf(path, sizeof path, "bin12/%s", cases[i].program);
		if (cases[i].words == NULL)
			assert_int_equal(unlink(path), 0);
		assert_shown(cases[i].expected);
	}
	/* What is in the program itself comes first. */
	assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
	start("12", "p", "driver", "/l/with.so");
	put_library("/l/with.so", "libpq");
	put_library(PGA_MODULE, "");
	assert_shown("12 a program inside a driver /bin12/p\n");
}

static void every_file_is_another(struct stat *status)
{
	static ino_t number;

	status->st_dev = 1;
	status->st_ino = ++number;
}

static void every_file_has_one_number(struct stat *status)
{
	static dev_t device;

	status->st_ino = 1;
	status->st_dev = ++device;
}

/* A file is read once, however many processes have it. */
static void files_are_read_once(void **state)
{
	static const struct {
		void (*look)(struct stat *status);
		unsigned read;
	} cases[] = {{NULL, 3}, {every_file_is_another, 5}, {every_file_has_one_number, 5}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(remove_scratch(NULL) | make_scratch(NULL), 0);
		start("12", "p", "libpq", "/l/libpq.so.5.15\n/l/x.so\n/l/x.so\n/l/libpq.so.5.15");
		start("13", "q", "", "");
		assert_int_equal(unlink("proc/13/exe") | symlink("../12/exe", "proc/13/exe"), 0);
		assert_int_equal(unlink("bin13/q"), 0);
		put_library("/l/libpq.so.5.15", "tls");
		put_library("/l/x.so", "broken");
		binaries_read = 0;
		binaries_held = 0;
		played_look = cases[i].look;
		assert_shown("12 a program libpq /l/libpq.so.5.15 [15] inside libpq own /bin12/p "
			     "missing\n13 a program inside libpq own ../12/exe missing\n");
		played_look = NULL;
		assert_int_equal(binaries_read, cases[i].read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(what_is_mapped),
	    IN_A_DIRECTORY(what_the_program_is),
	    IN_A_DIRECTORY(files_are_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
