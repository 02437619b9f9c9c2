/* diagnose/status.h: what is found, by the words that programs know it by, and how bad it is. What
 * is said of it is test_cmd_status.c's. */
#include "played_status.h"

static struct pga_status status;
static struct pga_error failure;

static int look(void)
{
	grown = 0;
	held = 0;
	return pga_status_look(&status, &failure);
}

static int end(void **state)
{
	(void)state;
	pga_status_free(&status);
	memset(&status, 0, sizeof status);
	return 0;
}

static void assert_finding(size_t number, const char *id, enum pga_severity severity,
			   const char *subject)
{
	assert_true(number < status.findings.count);
	assert_string_equal(pga_finding_word(status.findings.list[number].id), id);
	assert_int_equal(status.findings.list[number].severity, severity);
	assert_string_equal(status.findings.list[number].subject, subject);
}

static void the_gate_here(void **state)
{
	static const struct {
		bool bound;
		const char *preload;
		const char *id;
		enum pga_severity severity;
	} cases[] = {
	    {true, "gate.so", "gate-active", PGA_SEVERITY_OK},
	    {true, "a.so", "gate-active", PGA_SEVERITY_OK},
	    {false, "gate.so", "gate-not-loaded", PGA_SEVERITY_ERROR},
	    {false, "a.so", "gate-not-active", PGA_SEVERITY_ERROR},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		here.bound = cases[i].bound;
		assert_int_equal(setenv("LD_PRELOAD", cases[i].preload, 1), 0);
		assert_int_equal(look(), 0);
		assert_int_equal(status.active, cases[i].bound);
		assert_int_equal(status.in_variable, strcmp(cases[i].preload, "gate.so") == 0);
		assert_int_equal(status.findings.count, 1);
		assert_finding(0, cases[i].id, cases[i].severity, "gate");
		assert_int_equal(end(state), 0);
	}
}

static void policy_and_pins(void **state)
{
	here.pins = "bad pins";
	assert_int_equal(look(), 0);
	assert_true(status.broken);
	assert_finding(1, "pins-unreadable", PGA_SEVERITY_ERROR, "policy");
	assert_string_equal(status.findings.list[1].message, "every connection is refused");
	assert_string_equal(status.findings.list[1].detail, "bad pins");
	assert_string_equal(status.findings.list[1].hint, "mend it");
	assert_int_equal(end(state), 0);
	here.policy = "bad policy";
	here.mode = PGA_MODE_AUDIT;
	assert_int_equal(look(), 0);
	assert_finding(1, "policy-unreadable", PGA_SEVERITY_ERROR, "policy");
	assert_int_equal(status.findings.count, 2);
	assert_string_equal(status.problem.message, "bad policy");
	assert_int_equal(end(state), 0);
	/* Where it is memory that ran out, there is nothing to be done. */
	here.policy_hint = "";
	assert_int_equal(look(), 0);
	assert_null(status.findings.list[1].hint);
}

static void audit(void **state)
{
	static const struct {
		enum pga_log log;
		bool heard;
		const char *id;
		enum pga_severity severity;
	} cases[] = {
	    {PGA_LOG_OFF, true, "audit-not-logged", PGA_SEVERITY_WARNING},
	    {PGA_LOG_SYSLOG, false, "audit-not-heard", PGA_SEVERITY_WARNING},
	    {PGA_LOG_SYSLOG, true, "audit-mode", PGA_SEVERITY_NOTE},
	};

	here.mode = PGA_MODE_AUDIT;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.log = cases[i].log;
		here.heard = cases[i].heard;
		assert_int_equal(look(), 0);
		assert_int_equal(status.findings.count, 2);
		assert_finding(1, cases[i].id, cases[i].severity, "policy");
		assert_int_equal(end(state), 0);
	}
}

/* Each that cannot be read is told of; the others are there all the same. */
static void files_that_cannot_be_read(void **state)
{
	(void)state;
	here.unreadable = "/.bashrc";
	here.weak = true;
	assert_int_equal(look(), 0);
	assert_int_equal(status.findings.count, 3);
	assert_finding(0, "activation-unreadable", PGA_SEVERITY_WARNING, "activation");
	assert_string_equal(status.findings.list[0].message, "could not read /.bashrc");
	assert_finding(1, "gate-active", PGA_SEVERITY_OK, "gate");
	assert_finding(2, "programs-without-gate", PGA_SEVERITY_ERROR, "programs");
	assert_int_equal(status.way_count, 6);
	for (size_t i = 0; i < status.way_count; i++)
		assert_string_not_equal(status.ways[i].path, "/.bashrc");
}

/* What was found before is kept, for whoever wants to tell of it. */
static void where_it_cannot_be_told(void **state)
{
	here.unreadable = "/.bashrc";
	here.processes = "could not read /proc";
	assert_int_equal(look(), -1);
	assert_string_equal(failure.message, "could not read /proc");
	assert_finding(0, "activation-unreadable", PGA_SEVERITY_WARNING, "activation");
	assert_int_equal(end(state), 0);
	here.processes = NULL;
	/* The list of findings has no room. */
	for (no_room = 3; no_room <= 9; no_room += 6) {
		assert_int_equal(look(), -1);
		assert_string_equal(failure.message, "out of memory");
		assert_int_equal(end(state), 0);
	}
	no_room = 0;
	assert_int_equal(look(), 0);
	assert_int_equal(grown, 9);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_gate_here),
	    TEST(policy_and_pins),
	    TEST(audit),
	    TEST(files_that_cannot_be_read),
	    TEST(where_it_cannot_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
