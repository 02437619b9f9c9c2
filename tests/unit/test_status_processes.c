/* cli/status_processes.h: what is said of running programs, and what is to be done about them. */
#include "cmocka_start.h"
#include "printed.h"

#include "cli/status_processes.h"

/* ---- one program of every kind ---- */

static struct pga_mapped_libpq shared = {.path = (char[]){"/l/libpq.so.5.15"}, .version = "15"};
static struct pga_mapped_libpq hiding = {.path = (char[]){"/l/libpq.so.5"}, .hides_tls = true};
static struct pga_mapped_libpq two[] = {
    {.path = (char[]){"/l/libpq.so.5.15"}, .version = "15", .hides_tls = true, .deleted = true},
    {.path = (char[]){"/m/libpq.so"}}};

#define PROGRAM                                 \
	.user = (char[]){"u"}, .name = (char[]) \
	{                                       \
		"p\033"                         \
	}
#define GATE                 \
	.gate = (char[])     \
	{                    \
		"/l/gate.so" \
	}

static const struct pga_process gated = {PROGRAM, GATE, .pid = 1, .libpqs = &shared,
					 .libpq_count = 1};
static const struct pga_process gate_alone = {PROGRAM, GATE, .pid = 2, .gate_deleted = true};
static const struct pga_process replaced = {
    PROGRAM, GATE, .pid = 3, .gate_deleted = true, .libpqs = two, .libpq_count = 2};
static const struct pga_process hidden = {PROGRAM, GATE, .pid = 4, .libpqs = &hiding,
					  .libpq_count = 1};
static const struct pga_process bare = {PROGRAM, .pid = 5, .libpqs = &shared, .libpq_count = 1};
static const struct pga_process bare_hidden = {PROGRAM, .pid = 6, .libpqs = &hiding,
					       .libpq_count = 1};
static const struct pga_process powerful = {PROGRAM, .pid = 7, .libpqs = &shared, .libpq_count = 1,
					    .secure = true};
static const struct pga_process elsewhere = {
    PROGRAM, .pid = 8, .libpqs = &shared, .libpq_count = 1, .secure = true, .module_missing = true};
static const struct pga_process driver = {PROGRAM, .pid = 9, .inside = "a driver",
					  .file = (char[]){"/bin/p"}, .module_missing = true};
static const struct pga_process own = {
    PROGRAM, GATE, .pid = 10, .inside = "libpq", .own_libpq = true, .file = (char[]){"/bin/p"}};
static const struct pga_process part = {PROGRAM,
					GATE,
					.pid = 11,
					.inside = "a driver",
					.file = (char[]){"/bin/d"},
					.libpqs = &shared,
					.libpq_count = 1};
static const struct pga_process part_bare = {
    PROGRAM,           .pid = 12,        .inside = "a driver", .file = (char[]){"/bin/d"},
    .libpqs = &shared, .libpq_count = 1, .secure = true};

static int print(void *context)
{
	pga_status_print(context);
	return 0;
}

/* What stands in the table's line of the one program. */
static void lines_of_the_table(void **state)
{
	static const struct {
		const struct pga_process *process;
		const char *gate;
		const char *libpq;
		const char *file;
		bool weak;
		bool with_gate;
	} cases[] = {
	    {&gated, "yes", "15", "/l/libpq.so.5.15", false, true},
	    {&gate_alone, NULL, NULL, NULL, false, true},
	    {&replaced, "yes, replaced since", "15 with TLS inside, ?",
	     "/l/libpq.so.5.15 (replaced since), /m/libpq.so", false, true},
	    {&hidden, "yes", "? with TLS inside", "/l/libpq.so.5", false, true},
	    {&bare, "no", "15", "/l/libpq.so.5.15", true, false},
	    {&bare_hidden, "no", "? with TLS inside", "/l/libpq.so.5", true, false},
	    {&powerful, "no, set-user-ID or the like", "15", "/l/libpq.so.5.15", true, false},
	    {&elsewhere, "no, not in its root", "15", "/l/libpq.so.5.15", true, false},
	    {&driver, "sees nothing", "a driver inside", "/bin/p", false, false},
	    {&own, "sees nothing", "libpq inside", "/bin/p", true, true},
	    {&part, "sees a part", "15, a driver inside", "/l/libpq.so.5.15, /bin/d", false, true},
	    {&part_bare, "no", "15, a driver inside", "/l/libpq.so.5.15, /bin/d", true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_process process = *cases[i].process;
		struct pga_processes processes = {.list = &process, .count = 1};
		char expected[600];
		const int gate = cases[i].gate != NULL ? (int)strlen(cases[i].gate) : 0;
		const int libpq = cases[i].libpq != NULL ? (int)strlen(cases[i].libpq) : 0;

		assert_int_equal(prints(print, &processes), 0);
		(void)snprintf(expected, sizeof expected,
			       "\nprograms of yours with the gate: %d; with a libpq%s: %d\n",
			       cases[i].with_gate ? 1 : 0,
			       process.inside != NULL ? " or a driver" : "",
			       cases[i].gate != NULL ? 1 : 0);
		if (gate > 0)
			(void)snprintf(expected + strlen(expected), 500,
				       "PID  USER  PROGRAM  %-*s  %-*s  FILE\n"
				       "%-3d  u     p\\x1B    %-*s  %-*s  %s\n",
				       gate < 4 ? 4 : gate, "GATE", libpq < 5 ? 5 : libpq, "LIBPQ",
				       (int)process.pid, gate < 4 ? 4 : gate, cases[i].gate,
				       libpq < 5 ? 5 : libpq, cases[i].libpq, cases[i].file);
		assert_memory_equal(printed.output, expected, strlen(expected));
		assert_int_equal(pga_status_is_weak(&processes), cases[i].weak);
	}
}

#define ADVICE_BARE "with a libpq and without the gate: start "
#define ADVICE_POWERFUL                                                                         \
	"with a libpq and more power than its caller's, such as set-user-ID, into which ld.so " \
	"loads no gate: do not let "

static void what_is_to_be_done(void **state)
{
	static const struct {
		const struct pga_process *processes[4];
		size_t count;
		const char *advice;
	} cases[] = {
	    {{&gated, &gate_alone, &replaced}, 2, ""},
	    {{&bare},
	     1,
	     "1 " ADVICE_BARE "it again where the gate is active, or with pganchor run\n"},
	    {{&bare, &gated, &bare_hidden},
	     3,
	     "2 " ADVICE_BARE "them again where the gate is active, or with pganchor run\n"},
	    {{&powerful},
	     1,
	     "1 " ADVICE_POWERFUL "it connect over TCP, or pganchor enable --ld-so-preload\n"},
	    {{&powerful, &powerful},
	     2,
	     "2 " ADVICE_POWERFUL "them connect over TCP, or pganchor enable --ld-so-preload\n"},
	    {{&elsewhere},
	     1,
	     "1 whose root directory has no module, as in a container, a chroot or a sandbox: "
	     "install "
	     "pganchor there too\n"},
	    {{&hidden, &hidden},
	     2,
	     "2 with a libpq that has no shared OpenSSL: the gate cannot look at a session of it, "
	     "and "
	     "lets it connect by TCP to exempt hosts alone\n"},
	    {{&driver},
	     1,
	     "1 with a way to PostgreSQL inside that the gate does not see: give it "
	     "sslmode=verify-full and sslrootcert by its own settings\n"},
	    {{&own, &part_bare, &part},
	     3,
	     "3 with a way to PostgreSQL inside that the gate does not see: give them "
	     "sslmode=verify-full and sslrootcert by their own settings\n"},
	    {{&driver, &powerful, &bare, &elsewhere},
	     4,
	     "1 " ADVICE_BARE "it again where the gate is active, or with pganchor run\n"
	     "1 " ADVICE_POWERFUL "it connect over TCP, or pganchor enable --ld-so-preload\n"
	     "1 whose root directory has no module, as in a container, a chroot or a sandbox: "
	     "install "
	     "pganchor there too\n"
	     "1 with a way to PostgreSQL inside that the gate does not see: give it "
	     "sslmode=verify-full and sslrootcert by its own settings\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_process list[4];
		struct pga_processes processes = {.list = list, .count = cases[i].count};
		const char *at;

		for (size_t j = 0; j < cases[i].count; j++)
			list[j] = *cases[i].processes[j];
		assert_int_equal(prints(print, &processes), 0);
		/* Behind the table, whose lines are those of the programs that are told of. */
		at = strstr(printed.output, "FILE\n");
		assert_non_null(at);
		for (size_t row = 0; row <= cases[i].count; row++)
			if (row == 0 || list[row - 1].libpq_count > 0 ||
			    list[row - 1].inside != NULL)
				at = strchr(at, '\n') + 1;
		assert_string_equal(at, cases[i].advice);
	}
}

static void of_everybody(void **state)
{
	struct pga_processes processes = {.unreadable = 2, .of_all = true};

	(void)state;
	assert_int_equal(prints(print, &processes), 0);
	assert_string_equal(printed.output,
			    "\nprograms of everybody with the gate: 0; with a libpq: 0; "
			    "that cannot be looked into: 2\n");
	processes.unreadable = 1;
	processes.of_all = false;
	assert_int_equal(prints(print, &processes), 0);
	assert_string_equal(printed.output,
			    "\nprograms of yours with the gate: 0; with a libpq: 0; "
			    "that cannot be looked into: 1\n");
	assert_false(pga_status_is_weak(&processes));
}

static void as_json(void **state)
{
	static const struct {
		const struct pga_process *process;
		const char *json;
	} cases[] = {
	    {&gated,
	     "{\"pid\": 1, \"user\": \"u\", \"program\": \"p\\u001B\", \"gate\": \"/l/gate.so\", "
	     "\"gate_deleted\": false, \"module_missing\": false, \"secure\": false, \"libpqs\": "
	     "[{\"path\": \"/l/libpq.so.5.15\", \"version\": \"15\", \"sessions\": \"SSL_write\", "
	     "\"deleted\": false}], \"inside\": null}"},
	    {&replaced,
	     "{\"pid\": 3, \"user\": \"u\", \"program\": \"p\\u001B\", \"gate\": \"/l/gate.so\", "
	     "\"gate_deleted\": true, \"module_missing\": false, \"secure\": false, \"libpqs\": "
	     "[{\"path\": \"/l/libpq.so.5.15\", \"version\": \"15\", \"sessions\": null, "
	     "\"deleted\": true}, {\"path\": \"/m/libpq.so\", \"version\": null, \"sessions\": "
	     "\"SSL_write\", \"deleted\": false}], \"inside\": null}"},
	    {&elsewhere,
	     "{\"pid\": 8, \"user\": \"u\", \"program\": \"p\\u001B\", \"gate\": null, "
	     "\"gate_deleted\": false, \"module_missing\": true, \"secure\": true, \"libpqs\": "
	     "[{\"path\": \"/l/libpq.so.5.15\", \"version\": \"15\", \"sessions\": \"SSL_write\", "
	     "\"deleted\": false}], \"inside\": null}"},
	    {&hidden,
	     "{\"pid\": 4, \"user\": \"u\", \"program\": \"p\\u001B\", \"gate\": \"/l/gate.so\", "
	     "\"gate_deleted\": false, \"module_missing\": false, \"secure\": false, \"libpqs\": "
	     "[{\"path\": \"/l/libpq.so.5\", \"version\": null, \"sessions\": \"hidden\", "
	     "\"deleted\": false}], \"inside\": null}"},
	    {&driver, "{\"pid\": 9, \"user\": \"u\", \"program\": \"p\\u001B\", \"gate\": null, "
		      "\"gate_deleted\": false, \"module_missing\": true, \"secure\": false, "
		      "\"libpqs\": [], "
		      "\"inside\": \"a driver\"}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *object = pga_status_json(cases[i].process);
		char *dumped = json_dumps(object, 0);

		assert_string_equal(dumped, cases[i].json);
		free(dumped);
		json_decref(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_of_the_table),
	    cmocka_unit_test(what_is_to_be_done),
	    cmocka_unit_test(of_everybody),
	    cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
