/* cli/cmd_run.c: what LD_PRELOAD becomes, and what a program is started with, or not. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "preload/dropin.h"
#include "preload/known.h"
#include "preload/module.h"
#include "preload/program.h"
#include "preload/watch.h"
#include "base/error.h"
#include "base/memory_file.h"
#include "cli/cli.h"
#include "service/ports.h"

#include <errno.h>
#include <stdbool.h>

/* ---- what is played ---- */

static enum pga_cover cover;
static int loads;       /* the result of the try */
static int keeps;       /* and of the copy of PGSERVICEFILE */
static int watches;     /* and of the watch */
static int not_started; /* errno */
static const char *entry_32;
static bool bound;
static bool dropped_in;
static const char *other_libpq;
static char happened[400];

enum pga_cover pga_program_look(const char *name, struct pga_error *error)
{
	(void)strcat(strcat(happened, "look "), name);
	if (cover != PGA_COVERED && cover != PGA_COVERED_32)
		(void)pga_fail(error, "do this", "not seen");
	return cover;
}

int pga_module_loads(const char *preload, bool quiet, struct pga_error *error)
{
	assert_string_equal(preload, PGA_MODULE);
	assert_false(quiet);
	return loads == 0 ? 0 : pga_fail(error, "other", "does not load");
}

bool pga_module_is_bound(bool any)
{
	assert_false(any);
	return bound;
}

bool pga_dropin_is_loaded(bool any)
{
	assert_false(any);
	return dropped_in;
}

const char *pga_dropin_libpq(void)
{
	return other_libpq;
}

char *pga_module_entry_32(void)
{
	return entry_32 != NULL ? strdup(entry_32) : NULL;
}

bool pga_module_is_named(const char *entry, size_t length)
{
	return (length == strlen(PGA_MODULE) && memcmp(entry, PGA_MODULE, length) == 0) ||
	       (entry_32 != NULL && length == strlen(entry_32) &&
		memcmp(entry, entry_32, length) == 0);
}

bool pga_puts_libpq_first(const char *preload)
{
	return strstr(preload, "libpq") != NULL;
}

int pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
			       struct pga_error *error)
{
	assert_string_equal(variable, "PGSERVICEFILE");
	assert_true(descriptors_alone);
	return keeps == 0 ? 0 : pga_fail(error, "again", "could not keep");
}

void pga_service_ports(pga_take_port *take, void *context)
{
	take(context, 5432);
	take(context, 65535);
}

int pga_watch_start(const struct pga_watch_ports *ports, struct pga_error *error)
{
	assert_true(ports->watched[5432] && ports->watched[65535]);
	assert_false(ports->watched[0] || ports->watched[443]);
	(void)strcat(happened, "; watch");
	return watches == 0 ? 0 : pga_fail(error, "why", "no seccomp");
}

int __wrap_execvp(const char *file, char *const argv[]);
int __wrap_execvp(const char *file, char *const argv[])
{
	const char *preload = getenv("LD_PRELOAD");

	(void)strcat(strcat(happened, "; start "), file);
	for (; *argv != NULL; argv++)
		(void)strcat(strcat(happened, " "), *argv);
	(void)strcat(strcat(happened, " with "), preload != NULL ? preload : "none");
	errno = not_started;
	return -1;
}

int __real_setenv(const char *name, const char *value, int replace);
int __wrap_setenv(const char *name, const char *value, int replace);
static bool no_memory;
int __wrap_setenv(const char *name, const char *value, int replace)
{
	return no_memory ? -1 : __real_setenv(name, value, replace);
}

static int begin(void **state)
{
	(void)state;
	cover = PGA_COVERED;
	loads = keeps = watches = 0;
	not_started = ENOENT;
	entry_32 = NULL;
	bound = no_memory = false;
	return unsetenv("LD_PRELOAD");
}

static int run(const char *words)
{
	happened[0] = '\0';
	return command_prints(pga_cmd_run.run, words);
}

/* ---- LD_PRELOAD ---- */

static void what_is_preloaded(void **state)
{
#define M PGA_MODULE
#define E "/usr/$LIB/gate.so"
	static const struct {
		enum pga_cover cover;
		const char *before; /* NULL: it is not set */
		const char *after;
		bool warned;
	} cases[] = {
	    {PGA_COVERED, NULL, M, false},
	    {PGA_COVERED, "", M, false},
	    {PGA_COVERED, "a.so", M ":a.so", false},
	    {PGA_COVERED, " a.so:b.so c.so ", M ":a.so:b.so:c.so", false},
	    /* What begins with it stays as it is. */
	    {PGA_COVERED, M, M, false},
	    {PGA_COVERED, M " a.so", M " a.so", false},
	    {PGA_COVERED, M ":a.so b.so", M ":a.so b.so", false},
	    {PGA_COVERED, M "x", M ":" M "x", false},
	    {PGA_COVERED, ":" M ":a.so", M ":a.so", false},
	    {PGA_COVERED, "a.so:" M ":b.so", M ":a.so:b.so", false},
	    {PGA_COVERED, "a.so " M " " M, M ":a.so", false},
	    {PGA_COVERED, "libpq.so", M ":libpq.so", true},
	    /* One that cannot load it. */
	    {PGA_UNLOADABLE, NULL, "none", false},
	    {PGA_UNLOADABLE, M, "none", false},
	    {PGA_UNLOADABLE, "a.so", "a.so", false},
	    {PGA_UNLOADABLE, M ":a.so:libpq.so", "a.so:libpq.so", false},
	    {PGA_UNLOADABLE, "a b", "a:b", false},
	    /* And those for 32-bit programs. */
	    {PGA_COVERED_32, NULL, E, false},
	    {PGA_COVERED_32, M ":a.so", E ":a.so", false},
	    {PGA_COVERED_32, E " a.so", E " a.so", false},
	    {PGA_COVERED, E ":a.so", M ":a.so", false},
	    {PGA_UNCOVERED, "a.so", M ":a.so", false},
	    {PGA_HINDERED, NULL, M, false},
	};
	static const char libpq_first[] =
	    "pganchor: warning: LD_PRELOAD has a libpq before the gate: the gate is put in front\n";

	(void)state;
	entry_32 = E;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[600];

		cover = cases[i].cover;
		assert_int_equal(cases[i].before != NULL
				     ? __real_setenv("LD_PRELOAD", cases[i].before, 1)
				     : unsetenv("LD_PRELOAD"),
				 0);
		assert_int_equal(run("run p a"), 127);
		(void)snprintf(expected, sizeof expected, "look p; start p p a with %s",
			       cases[i].after);
		assert_string_equal(happened, expected);
		assert_int_equal(strncmp(printed.errors, libpq_first, strlen(libpq_first)) == 0,
				 cases[i].warned);
	}
	/* Where none is installed for those, it is what there is. */
	entry_32 = NULL;
	cover = PGA_COVERED_32;
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
	assert_int_equal(run("run p"), 127);
	assert_string_equal(happened, "look p; start p p with " M);
#undef E
}

/* ---- options and ends ---- */

#define USAGE "usage: pganchor run [--require] [--] PROGRAM [ARGUMENT ...]\n"

static void options_of_it(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *happened;
		const char *output;
		const char *errors;
	} cases[] = {
	    {"run -h", 0, "", USAGE, ""},
	    {"run --help p", 0, "", USAGE, ""},
	    {"run", 2, "", "",
	     "pganchor: run: an argument is missing: the program to start\n    see pganchor run "
	     "--help\n"},
	    {"run --require --", 2, "", "",
	     "pganchor: run: an argument is missing: the program to start\n    see pganchor run "
	     "--help\n"},
	    {"run --reqire p", 2, "", "",
	     "pganchor: run: --reqire: no such option; did you mean --require?\n    see pganchor "
	     "run "
	     "--help\n"},
	    {"run -x p", 2, "", "",
	     "pganchor: run: -x: no such option\n    see pganchor run --help\n"},
	    {"run --is-bound", 3, "", "", ""},
	    {"run -- p -r", 127, "look p; start p p -r with " M, "",
	     "pganchor: could not start p: No such file or directory\n"},
	    {"run p -h --help", 127, "look p; start p p -h --help with " M, "",
	     "pganchor: could not start p: No such file or directory\n"},
	    {"run --require -- p", 127, "look p; watch; start p p with " M, "",
	     "pganchor: could not start p: No such file or directory\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(unsetenv("LD_PRELOAD"), 0);
		assert_int_equal(run(cases[i].words), cases[i].status);
		assert_string_equal(happened, cases[i].happened);
		assert_memory_equal(printed.output, cases[i].output, strlen(cases[i].output));
		assert_string_equal(printed.errors, cases[i].errors);
	}
	bound = true;
	assert_int_equal(run("run --is-bound"), 0);
	assert_int_equal(run("run --has-dropin"), 3);
	assert_string_equal(printed.output, "no libpq\n");
	other_libpq = "/other/libpq.so.5";
	assert_int_equal(run("run --has-dropin"), 3);
	assert_string_equal(printed.output, "/other/libpq.so.5\n");
	dropped_in = true;
	assert_int_equal(run("run --has-dropin"), 0);
	assert_string_equal(printed.output, "/other/libpq.so.5\n");
}

#define WARNED "pganchor: warning: not seen\n    do this\n"

static void programs_that_are_not_seen(void **state)
{
	static const struct {
		enum pga_cover cover;
		bool refused; /* with --require */
		bool warned;  /* without */
	} cases[] = {{PGA_COVERED, false, false},
		     {PGA_COVERED_32, false, false},
		     {PGA_UNCOVERED, true, true},
		     {PGA_UNLOADABLE, true, true},
		     {PGA_HINDERED, false, true}};
	static const char failed[] = "pganchor: could not start p: No such file or directory\n";

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		cover = cases[i].cover;
		assert_int_equal(run("run p"), 127);
		assert_string_equal(printed.errors + (cases[i].warned ? strlen(WARNED) : 0),
				    failed);
		if (cases[i].warned)
			assert_memory_equal(printed.errors, WARNED, strlen(WARNED));
		for (int form = 0; form < 2; form++) {
			const int status =
			    run(form == 0 ? "run --require p" : "run --require -- p");

			assert_int_equal(status, cases[i].refused ? 3 : 127);
			if (cases[i].refused) {
				assert_string_equal(printed.errors,
						    "pganchor: not seen\n    do this\n");
				assert_string_equal(happened, "look p");
			}
		}
	}
}

static void what_is_not_started(void **state)
{
	(void)state;
	not_started = EACCES;
	assert_int_equal(run("run p"), 126);
	assert_string_equal(printed.errors, "pganchor: could not start p: Permission denied\n");
	no_memory = true;
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
	assert_int_equal(run("run p"), 1);
	assert_string_equal(printed.errors, "pganchor: out of memory\n");
	keeps = -1;
	assert_int_equal(run("run p"), 1);
	assert_string_equal(printed.errors, "pganchor: could not keep\n    again\n");
	loads = -1;
	assert_int_equal(run("run p"), 1);
	assert_string_equal(
	    printed.errors,
	    "pganchor: does not load\n    install pganchor again; nothing was started\n");
	assert_string_equal(happened, "look p");
}

/* What cannot be watched is not started where that is wanted. */
static void what_is_not_watched(void **state)
{
	(void)state;
	watches = -1;
	assert_int_equal(run("run p"), 127);
	assert_int_equal(run("run --require p"), 1);
	assert_string_equal(printed.errors,
			    "pganchor: could not watch the connections of p: no seccomp\n"
			    "    start it without --require: what it starts, and drivers without "
			    "libpq, then are not looked at\n");
	assert_string_equal(happened, "look p; watch");
}

/* Nothing is started with a part of what is to be preloaded. */
static void want_of_memory(void **state)
{
	long number = 0;
	int status;

	(void)state;
	do {
		assert_int_equal(__real_setenv("LD_PRELOAD", "/a.so:/b.so", 1), 0);
		left = ++number;
		status = run("run p");
		left = 0;
		if (status == 127)
			continue;
		assert_int_equal(status, 1);
		assert_string_equal(printed.errors, "pganchor: out of memory\n");
		assert_string_equal(happened, "look p");
		assert_string_equal(getenv("LD_PRELOAD"), "/a.so:/b.so");
	} while (status != 127);
	assert_true(number > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(what_is_preloaded, begin),
	    cmocka_unit_test_setup(options_of_it, begin),
	    cmocka_unit_test_setup(programs_that_are_not_seen, begin),
	    cmocka_unit_test_setup(what_is_not_started, begin),
	    cmocka_unit_test_setup(what_is_not_watched, begin),
	    cmocka_unit_test_setup(want_of_memory, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
