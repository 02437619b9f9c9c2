/* preload/program.h: whether the gate can stand before the connections of a program, by what its
 * file says and what its ld.so answers. */
#include "cmocka_start.h"
#include "failing.h"
#include "moved_root.h"
#include "played_program.h"

#include "preload/binary.h"
#include "preload/module.h"
#include "preload/program.h"

/* ---- what its file says ---- */
#define OWN "give it sslmode=verify-full and sslrootcert by its own settings"

static void what_its_file_says(void **state)
{
	static const struct {
		const char *name;
		struct pga_binary binary;
		const char *entry_32;
		enum pga_cover cover;
		const char *message; /* behind the name */
		const char *hint;
	} cases[] = {
	    {"./p", {0}, NULL, PGA_COVERED, "", ""},
	    {"./pgbouncer",
	     {0},
	     NULL,
	     PGA_UNCOVERED,
	     " speaks PostgreSQL's protocol itself, so the gate does not see its connections",
	     "give it server_tls_sslmode = verify-full and server_tls_ca_file in pgbouncer.ini"},
	    {"./pgbouncer",
	     {.has_libpq = true, .driver = "x"},
	     NULL,
	     PGA_UNCOVERED,
	     " speaks PostgreSQL's protocol itself, so the gate does not see its connections",
	     "give it server_tls_sslmode = verify-full and server_tls_ca_file in pgbouncer.ini"},
	    {"./p",
	     {.driver = "x", .has_libpq = true},
	     NULL,
	     PGA_UNCOVERED,
	     " connects by x and no libpq, so the gate does not see it",
	     "give it PGSSLMODE=verify-full and PGSSLROOTCERT, or the same by its own settings"},
	    {"./p",
	     {.has_libpq = true, .is_static = true},
	     NULL,
	     PGA_UNCOVERED,
	     " has a libpq of its own inside, so the gate does not see it",
	     OWN},
	    {"./p",
	     {.is_static = true, .other_machine = true},
	     NULL,
	     PGA_UNCOVERED,
	     " is linked statically, so ld.so loads no gate into it",
	     OWN},
	    {"./p",
	     {.other_machine = true},
	     "/lib/32",
	     PGA_UNCOVERED,
	     " is a program for another kind of processor, so ld.so cannot load this gate into it",
	     OWN},
	    {"./p",
	     {.other_machine = true, .is_32_bit = true},
	     NULL,
	     PGA_UNCOVERED,
	     " is a program for another kind of processor, so ld.so cannot load this gate into it",
	     OWN},
	    {"./p", {.other_machine = true, .is_32_bit = true}, "/lib/32", PGA_COVERED_32, "", ""},
	    {"./p",
	     {.wants_asan = true},
	     NULL,
	     PGA_HINDERED,
	     " is built with AddressSanitizer, which ends it when anything is loaded before",
	     "start it with ASAN_OPTIONS=verify_asan_link_order=0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char message[200] = "";

		put_program(cases[i].name, "");
		binary = cases[i].binary;
		entry_32 = cases[i].entry_32;
		if (cases[i].message[0] != '\0')
			(void)snprintf(message, sizeof message, "%s%s", cases[i].name,
				       cases[i].message);
		if (look(cases[i].name) != cases[i].cover)
			fail_msg("case %zu: %s", i, error.message);
		assert_string_equal(error.message, message);
		assert_string_equal(error.hint, cases[i].hint);
		unreadable = true;
		assert_int_equal(look(cases[i].name), PGA_COVERED);
		assert_string_equal(error.message, "");
		unreadable = false;
	}
}

static void when_asan_may_be_second(void **state)
{
	static const struct {
		const char *options; /* NULL: none */
		enum pga_cover cover;
	} cases[] = {{NULL, PGA_HINDERED},
		     {"", PGA_HINDERED},
		     {"verify_asan_link_order=1", PGA_HINDERED},
		     {"verify_asan_link_order=0", PGA_COVERED},
		     {"a=b:verify_asan_link_order=0:c=d", PGA_COVERED}};

	(void)state;
	put_program("p", "");
	binary.wants_asan = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].options != NULL)
			assert_int_equal(setenv("ASAN_OPTIONS", cases[i].options, 1), 0);
		assert_int_equal(look("./p"), cases[i].cover);
	}
}

/* ---- another libc ---- */

#define OTHER " is for another libc, and "

static void another_libc(void **state)
{
	static const char message[] = "./p" OTHER "./ld.so cannot load this gate";
	static const struct {
		struct answer with;
		struct answer without;
		enum pga_cover cover;
		const char *complaint; /* in parentheses behind the message */
		bool twice;            /* it is asked without the module, too */
	} cases[] = {
	    {{0, 0, ""}, {0, 0, ""}, PGA_COVERED, NULL, false},
	    {{0, 1, "no\nmore"}, {0, 0, ""}, PGA_UNLOADABLE, " (no)", true},
	    {{0, 1, "x"}, {0, 0, ""}, PGA_UNLOADABLE, " (x)", true},
	    {{0, 1, ""}, {0, 0, ""}, PGA_UNLOADABLE, "", true},
	    {{0, 1, "\n"}, {0, 0, ""}, PGA_UNLOADABLE, "", true},
	    {{0, 0, "warning"}, {0, 0, ""}, PGA_UNLOADABLE, " (warning)", true},
	    {{0, 0, "w"}, {0, 0, ""}, PGA_UNLOADABLE, " (w)", true},
	    {{-1, 0, ""}, {0, 0, ""}, PGA_UNLOADABLE, "", true},
	    /* Where it does not start without it either, that is not why. */
	    {{0, 1, "no"}, {0, 1, ""}, PGA_COVERED, NULL, true},
	    {{0, 1, "no"}, {0, 0, "no"}, PGA_COVERED, NULL, true},
	    {{0, 1, "no"}, {-1, 0, ""}, PGA_COVERED, NULL, true},
	};

	(void)state;
	put_program("p", "");
	put_program("ld.so", "");
	interpreter = "./ld.so";
	for (size_t i = 0; i < COUNT(cases); i++) {
		with = cases[i].with;
		without = cases[i].without;
		if (look("./p") != cases[i].cover)
			fail_msg("case %zu: %s", i, error.message);
		assert_string_equal(asked, cases[i].twice ? PGA_MODULE
					       " ./ld.so --list ./p\n ./ld.so --list ./p\n"
							  : PGA_MODULE " ./ld.so --list ./p\n");
		if (cases[i].complaint == NULL) {
			assert_string_equal(error.message, "");
			continue;
		}
		assert_memory_equal(error.message, message, strlen(message));
		assert_string_equal(error.message + strlen(message), cases[i].complaint);
		assert_string_equal(error.hint, OWN);
	}
}

static void one_device(struct stat *status)
{
	status->st_dev = 1;
}

static void one_number(struct stat *status)
{
	static dev_t device;

	status->st_ino = 1;
	status->st_dev = ++device;
}

static void who_is_asked(void **state)
{
	(void)state;
	put_program("p", "");
	put_program("ld.so", "");
	put_program("own.so", "");
	assert_int_equal(symlink("own.so", "same.so"), 0);
	with = (struct answer){0, 1, ""};
	/* The same ld.so by another name has loaded us. */
	own_interpreter = "./own.so";
	interpreter = "./same.so";
	assert_int_equal(look("./p"), PGA_COVERED);
	assert_string_equal(asked, "");
	interpreter = "./ld.so";
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	played_look = one_device;
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	played_look = one_number;
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	played_look = NULL;
	for (int missing = 0; missing < 2; missing++) {
		deny("stat", missing == 0 ? "./ld.so" : "./own.so", ENOENT);
		assert_int_equal(look("./p"), PGA_UNLOADABLE);
	}
	deny(NULL, NULL, 0);
	/* Who was loaded by none, or is for none, is not compared. */
	own_interpreter = NULL;
	assert_int_equal(look("./p"), PGA_COVERED);
	own_interpreter = "./own.so";
	interpreter = NULL;
	assert_int_equal(look("./p"), PGA_COVERED);
	interpreter = "./ld.so";
	binary.is_static = true;
	assert_int_equal(look("./p"), PGA_UNCOVERED);
	binary.is_static = false;
	binary.other_machine = true;
	assert_int_equal(look("./p"), PGA_UNCOVERED);
	assert_string_equal(asked, "");
	/* An ld.so is asked itself, and lists a file of ours. */
	binary.other_machine = false;
	binary.is_loader = true;
	interpreter = NULL;
	without = (struct answer){0, 1, ""};
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	assert_string_equal(asked, PGA_MODULE " ./p --list " PGA_MODULE "\n");
	assert_string_equal(error.message, "./p" OTHER "./p cannot load this gate");
	binary.is_loader = false;
	without.status = 0;
	/* A 32-bit program gets the module for those. */
	interpreter = "./ld.so";
	binary.is_32_bit = true;
	entry_32 = "/usr/$LIB/gate.so";
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	assert_string_equal(asked, "/usr/$LIB/gate.so ./ld.so --list ./p\n ./ld.so --list ./p\n");
	entry_32 = NULL;
	assert_int_equal(look("./p"), PGA_COVERED_32);
	assert_string_equal(asked, "");
}

static void wherever_memory_runs_out(void **state)
{
	long number = 0;

	(void)state;
	put_program("p", "");
	put_program("ld.so", "");
	interpreter = "./ld.so";
	with = (struct answer){0, 1, "no"};
	do {
		enum pga_cover cover;

		has_failed = false;
		left = ++number;
		cover = look("./p");
		left = 0;
		assert_true(cover == PGA_UNLOADABLE || (has_failed && cover == PGA_COVERED));
	} while (has_failed);
	assert_true(number > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(what_its_file_says),
	    IN_A_DIRECTORY(when_asan_may_be_second),
	    IN_A_DIRECTORY(another_libc),
	    IN_A_DIRECTORY(who_is_asked),
	    IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
