/* cli/print_processes.h: what is said of running programs. */
#include "cmocka_start.h"
#include "printed.h"
#include "program_kinds.h"

#include "cli/print_processes.h"

static int print(void *context)
{
	pga_print_processes(context);
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
		bool with_gate;
	} cases[] = {
	    {&gated, "yes", "15", "/l/libpq.so.5.15", true},
	    {&gate_alone, NULL, NULL, NULL, true},
	    {&replaced, "yes, replaced since", "15 with TLS inside, ?",
	     "/l/libpq.so.5.15 (replaced since), /m/libpq.so", true},
	    {&hidden, "yes", "? with TLS inside", "/l/libpq.so.5", true},
	    {&bare, "no", "15", "/l/libpq.so.5.15", false},
	    {&bare_hidden, "no", "? with TLS inside", "/l/libpq.so.5", false},
	    {&powerful, "no, set-user-ID or the like", "15", "/l/libpq.so.5.15", false},
	    {&elsewhere, "no, not in its root", "15", "/l/libpq.so.5.15", false},
	    {&driver, "sees nothing", "a driver inside", "/bin/p", false},
	    {&own, "sees nothing", "libpq inside", "/bin/p", true},
	    {&part, "sees a part", "15, a driver inside", "/l/libpq.so.5.15, /bin/d", true},
	    {&part_bare, "no", "15, a driver inside", "/l/libpq.so.5.15, /bin/d", false},
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
		assert_string_equal(printed.output, expected);
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
		json_t *object = pga_process_as_json(cases[i].process);
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
	    cmocka_unit_test(of_everybody),
	    cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
