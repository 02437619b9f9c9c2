/* diagnose/processes.h: which running programs are looked at, where they run and with which power;
 * in a /proc that the test writes. */
#include "cmocka_start.h"
#include "failing.h"
#include "moved_root.h"
#include "played_processes.h"

#include "preload/module.h"
#include "diagnose/processes.h"

#include <pwd.h>
#include <sys/auxv.h>

/* ---- whose they are ---- */
static void whose_they_are(void **state)
{
	static const struct {
		const char *status;
		uid_t user;
		uid_t acting;
		const char *name; /* NULL: it is not told of */
	} cases[] = {
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1000, 1000, "1000"},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1000, 77, "1000"},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1001, 1001, NULL},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 5, 5, NULL},
	    {"Name:\ta\nUid:\t1000\t5\nVmSize:\t1 kB\n", 1001, 0, "1000"},
	    {"Name:\ta\nUid:\t0\t5\nVmSize:\t1 kB\n", 0, 0, "0"},
	    {"Name:\ta\nUid:\t4000000000\t5\nVmSize:\t1 kB\n", 0, 0, "4000000000"},
	    /* The kernel's own threads, and what has ended. */
	    {"Name:\ta\nUid:\t1000\t5\n", 1000, 0, NULL},
	    {"VmSize:\t1\nUid:\t1000\t5\n", 1000, 0, NULL},
	    {"Name:\tVmSize:\nUid:\t1000\t5 VmSize:\n", 1000, 0, NULL},
	    /* What is not as the kernel writes it. */
	    {"Name:\ta\nVmSize:\t1 kB\n", 1000, 0, NULL},
	    {"Name:\ta\nGUid:\t1000\nVmSize:\t1 kB\n", 1000, 0, NULL},
	    {"", 1000, 0, NULL},
	    {NULL, 1000, 0, NULL},
	};

	(void)state;
	start("12", "p", "libpq", "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_processes processes;
		const struct passwd *entry;
		char *shown;

		if (cases[i].status != NULL)
			put_of("12", "status", cases[i].status);
		else
			assert_int_equal(unlink("proc/12/status"), 0);
		user = cases[i].user;
		acting = cases[i].acting;
		shown = look(&processes);
		if (processes.count != (cases[i].name != NULL ? 1 : 0))
			fail_msg("%s: %s", cases[i].status, shown);
		assert_int_equal(processes.of_all, cases[i].acting == 0);
		if (cases[i].name != NULL) {
			entry = getpwuid((uid_t)strtoul(cases[i].name, NULL, 10));
			assert_string_equal(processes.list[0].user,
					    entry != NULL ? entry->pw_name : cases[i].name);
		}
		free(shown);
		pga_processes_free(&processes);
	}
}

static void which_are_looked_at(void **state)
{
	char own[20];

	(void)state;
	(void)snprintf(own, sizeof own, "%ld", (long)getpid());
	start("9", "p", "libpq", "");
	start("100", "p", "libpq", "");
	start("20", "p", "libpq", "");
	start("3", "p", "", ""); /* nothing to tell of */
	start("self", "p", "libpq", "");
	start(own, "p", "libpq", "");
	put_moved("/proc/1/maps", "");
	put_moved("/proc/uptime", "");
	assert_shown("9 a program inside libpq own /bin9/p missing\n"
		     "20 a program inside libpq own /bin20/p missing\n"
		     "100 a program inside libpq own /bin100/p missing\n");
}

static void what_cannot_be_read(void **state)
{
	static const char *const shown[] = {"", "12 a program inside libpq own /bin12/p missing\n",
					    "12 ? inside libpq own /bin12/p missing\n"};
	struct pga_processes processes;
	struct pga_error error;

	(void)state;
	start("12", "p", "libpq", "");
	start("13", "p", "", "");
	assert_shown(shown[1]);
	deny("open", "/proc/12/comm", EACCES);
	assert_shown(shown[2]);
	deny("open", "/proc/12/maps", EACCES);
	for (size_t others = 0; others < 3; others++) {
		char *text = look(&processes);

		assert_string_equal(text, "");
		assert_int_equal(processes.unreadable, 1 + others);
		free(text);
		pga_processes_free(&processes);
		assert_null(processes.list);
		if (others == 0)
			assert_int_equal(unlink("proc/13/maps"), 0);
		if (others == 1) {
			start("14", "p", "", "");
			assert_int_equal(unlink("proc/14/maps"), 0);
		}
	}
	deny("opendir", "/proc", EACCES);
	assert_int_equal(pga_processes_look(&processes, &error), -1);
	assert_string_equal(error.message, "could not read /proc: Permission denied");
	assert_string_equal(error.hint, "mount it");
	pga_processes_free(&processes);
	deny(NULL, NULL, 0);
}

/* ---- where they run, and with which power ---- */

static void where_the_module_is(void **state)
{
	(void)state;
	start("12", "p", "libpq", "");
	assert_shown("12 a program inside libpq own /bin12/p missing\n");
	deny("access", "/proc/12/root/" PGA_MODULE, EACCES);
	assert_shown("12 a program inside libpq own /bin12/p\n");
	deny("access", "/proc/12/root/", EACCES);
	assert_shown("12 a program inside libpq own /bin12/p\n");
	deny(NULL, NULL, 0);
	put_library(PGA_MODULE, "");
	assert_shown("12 a program inside libpq own /bin12/p\n");
	/* Who has the gate has it. */
	start("13", "p", "", "/l/pganchor-gate.so");
	assert_shown("12 a program inside libpq own /bin12/p\n"
		     "13 a program gate /l/pganchor-gate.so\n");
}

static void who_trusts_no_caller(void **state)
{
	static const struct {
		unsigned long words[8];
		size_t length; /* bytes */
		bool secure;
	} cases[] = {
	    {{0}, 0, false},
	    {{AT_SECURE, 1}, 16, true},
	    {{AT_SECURE, 0}, 16, false},
	    {{AT_SECURE + 1, 1}, 16, false},
	    {{1, AT_SECURE, 1, 1}, 32, false},
	    {{1, 1, AT_SECURE, 1}, 32, true},
	    {{AT_SECURE, 1, 1, 1}, 32, true},
	    {{AT_SECURE, 2, AT_SECURE, 0, 3, 3}, 48, true},
	    {{1, 1, AT_SECURE, 1}, 31, false},
	    {{AT_SECURE, 1}, 15, false},
	    {{AT_SECURE, 1}, 8, false},
	};

	(void)state;
	start("12", "p", "libpq", "");
	put_library(PGA_MODULE, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		FILE *file = fopen("proc/12/auxv", "w");

		assert_non_null(file);
		assert_int_equal(fwrite(cases[i].words, 1, cases[i].length, file), cases[i].length);
		assert_int_equal(fclose(file), 0);
		assert_shown(cases[i].secure ? "12 a program inside libpq own /bin12/p secure\n"
					     : "12 a program inside libpq own /bin12/p\n");
	}
}

/* ---- memory ---- */

static int look_again(struct pga_error *error)
{
	struct pga_processes processes;
	int result = pga_processes_look(&processes, error);

	for (size_t i = 0; i < processes.count; i++) {
		assert_non_null(processes.list[i].name);
		assert_non_null(processes.list[i].user);
		/* What could not be looked at is not said to be missing. */
		assert_false(processes.list[i].module_missing);
		if (result == 0 && processes.list[i].pid == 12)
			assert_true(processes.list[i].libpq_count == 2 &&
				    processes.list[i].gate != NULL);
		for (size_t libpq = 0; libpq < processes.list[i].libpq_count; libpq++)
			assert_non_null(processes.list[i].libpqs[libpq].path);
	}
	/* Nor does one that was found get lost on the way into the list. */
	if (result == 0 && grows_no_more)
		assert_int_equal(processes.count, 2);
	grows_no_more = false;
	pga_processes_free(&processes);
	return result;
}

static void wherever_memory_runs_out(void **state)
{
	(void)state;
	start("12", "p", "driver",
	      "/l/libpq.so.5.15\n/l/libpq.so.5.16\n/l/pganchor-gate.so\n/l/libc.so.6");
	put_library("/l/libpq.so.5.15", "tls");
	start("13", "q", "libpq", "/l/libpq.so.5.16");
	put_of("13", "root" PGA_MODULE, "");
	without_each(look_again, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(whose_they_are),       IN_A_DIRECTORY(which_are_looked_at),
	    IN_A_DIRECTORY(what_cannot_be_read),  IN_A_DIRECTORY(where_the_module_is),
	    IN_A_DIRECTORY(who_trusts_no_caller), IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
