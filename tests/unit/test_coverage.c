/* diagnose/coverage.h: what is found of running programs, and what is to be done about them. */
#include "cmocka_start.h"
#include "printed.h"
#include "program_kinds.h"

#include "diagnose/coverage.h"
#include "report/text.h"

/* Of one program alone: what it is taken for, and the one finding. */
static void one_of_each_kind(void **state)
{
	static const struct {
		const struct pga_process *process;
		bool bare;
		bool elsewhere;
		bool powerful;
		const char *id; /* NULL: nothing is found */
		enum pga_severity severity;
	} cases[] = {
	    {&gated, false, false, false, NULL, PGA_SEVERITY_OK},
	    {&gate_alone, false, false, false, NULL, PGA_SEVERITY_OK},
	    {&replaced, false, false, false, "programs-tls-hidden", PGA_SEVERITY_WARNING},
	    {&hidden, false, false, false, "programs-tls-hidden", PGA_SEVERITY_WARNING},
	    {&bare, true, false, false, "programs-without-gate", PGA_SEVERITY_ERROR},
	    {&bare_hidden, true, false, false, "programs-without-gate", PGA_SEVERITY_ERROR},
	    {&powerful, true, false, true, "programs-privileged", PGA_SEVERITY_ERROR},
	    {&elsewhere, true, true, false, "programs-without-module", PGA_SEVERITY_ERROR},
	    {&driver, false, false, false, "programs-unseen", PGA_SEVERITY_WARNING},
	    {&own, true, false, false, "programs-unseen", PGA_SEVERITY_ERROR},
	    {&part, false, false, false, "programs-unseen", PGA_SEVERITY_WARNING},
	    {&part_bare, true, false, false, "programs-unseen", PGA_SEVERITY_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_process process = *cases[i].process;
		struct pga_processes processes = {.list = &process, .count = 1};
		struct pga_findings findings = {.list = NULL};

		assert_int_equal(pga_process_is_bare(&process), cases[i].bare);
		assert_int_equal(pga_process_is_elsewhere(&process), cases[i].elsewhere);
		assert_int_equal(pga_process_is_powerful(&process), cases[i].powerful);
		pga_coverage_judge(&processes, &findings);
		assert_int_equal(findings.count, cases[i].id != NULL ? 1 : 0);
		if (cases[i].id != NULL)
			assert_string_equal(pga_finding_word(findings.list[0].id), cases[i].id);
		assert_int_equal(pga_findings_worst(&findings), cases[i].severity);
		pga_findings_free(&findings);
	}
}

static int print(void *context)
{
	struct pga_findings findings = {.list = NULL};

	pga_coverage_judge(context, &findings);
	pga_print_findings(stdout, &findings, PGA_ABOUT_PROGRAMS);
	pga_findings_free(&findings);
	return 0;
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

		for (size_t j = 0; j < cases[i].count; j++)
			list[j] = *cases[i].processes[j];
		assert_int_equal(prints(print, &processes), 0);
		assert_string_equal(printed.output, cases[i].advice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_of_each_kind),
	    cmocka_unit_test(what_is_to_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
