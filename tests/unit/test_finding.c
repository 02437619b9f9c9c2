/* report/finding.h, report/text.h, and findings in report/json.h: a finding says the same whoever
 * reads it. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "base/terminal.h"
#include "report/finding.h"
#include "report/json.h"
#include "report/text.h"

#include <stdarg.h>

static bool is_terminal;
static bool no_text; /* vasprintf() has no memory */

int __wrap_isatty(int file);
int __real_vasprintf(char **result, const char *format, va_list arguments);
int __wrap_vasprintf(char **result, const char *format, va_list arguments);
int __wrap___vasprintf_chk(char **result, int flag, const char *format, va_list arguments);

int __wrap_isatty(int file)
{
	assert_true(file == 1 || file == 2);
	return is_terminal ? 1 : 0;
}

__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **result, const char *format,
							   va_list arguments)
{
	static char garbage[] = "garbage";

	if (!no_text)
		return __real_vasprintf(result, format, arguments);
	*result = garbage;
	return -1;
}

/* The same, as a build with _FORTIFY_SOURCE calls it. */
__attribute__((format(printf, 3, 0))) int __wrap___vasprintf_chk(char **result, int flag,
								 const char *format,
								 va_list arguments)
{
	(void)flag;
	return __wrap_vasprintf(result, format, arguments);
}

static struct pga_findings found;

static int begin(void **state)
{
	(void)state;
	is_terminal = no_text = false;
	left = 0;
	return setenv("TERM", "xterm", 1) | unsetenv("NO_COLOR");
}

static int end(void **state)
{
	(void)state;
	pga_findings_free(&found);
	return 0;
}

/* One of each severity and of each shape. */
static void find(void)
{
	pga_findings_add(&found, PGA_GATE_ACTIVE, PGA_SEVERITY_OK, "gate", "it %s", "is");
	pga_findings_add(&found, PGA_AUDIT_MODE, PGA_SEVERITY_NOTE, "policy", "so\033 and so");
	pga_findings_detail(&found, "for %d\n reasons", 2);
	pga_findings_add(&found, PGA_GATE_NOT_ACTIVE, PGA_SEVERITY_ERROR, "gate", "it is not");
	pga_findings_detail(&found, "\xFFwhy");
	pga_findings_hint(&found, "do %s", "that\r");
	pga_findings_add(&found, PGA_PROGRAMS_UNSEEN, PGA_SEVERITY_WARNING, "gate", "1 with");
	pga_findings_hint(&found, "mind it");
}

static int print_those_of_the_gate(void *context)
{
	(void)context;
	pga_print_findings(stdout, &found, "gate");
	return 0;
}

static int print_every_one(void *context)
{
	(void)context;
	for (size_t i = 0; i < found.count; i++)
		pga_print_finding(stdout, &found.list[i]);
	return 0;
}

static void as_text(void **state)
{
	(void)state;
	find();
	assert_false(found.failed);
	assert_int_equal(prints(print_those_of_the_gate, NULL), 0);
	assert_string_equal(printed.output,
			    "it is\nit is not: \\xFFwhy\n    do that\\x0D\n1 with: mind it\n");
	is_terminal = true;
	assert_int_equal(prints(print_every_one, NULL), 0);
	assert_string_equal(printed.output,
			    "\033[32mit is\033[0m\nso\\x1B and so: for 2\\x0A reasons\n"
			    "\033[31mit is not\033[0m: \\xFFwhy\n    do that\\x0D\n"
			    "\033[33m1 with\033[0m: mind it\n");
	assert_string_equal(printed.errors, "");
}

static int warn(void *context)
{
	pga_warn_of_findings(&found, context);
	return 0;
}

/* As a warning is, a report has it in one line. */
static void as_warnings(void **state)
{
	(void)state;
	find();
	assert_int_equal(prints(warn, (char[]){"gate"}), 0);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors,
			    "pganchor: warning: it is\n"
			    "pganchor: warning: it is not: \\xFFwhy\n    do that\\x0D\n"
			    "pganchor: warning: 1 with\n    mind it\n");
	assert_string_equal(pga_warnings(), "it is\nit is not: \xFFwhy do that\r\n1 with mind it");
}

static int warn_of_the_last(void *context)
{
	(void)context;
	pga_warn_since(&found, found.count > 0 ? 2 : 0);
	return 0;
}

/* What was warned of already is not told again. */
static void as_warnings_since(void **state)
{
	(void)state;
	find();
	assert_int_equal(prints(warn_of_the_last, NULL), 0);
	assert_string_equal(printed.errors,
			    "pganchor: warning: it is not: \\xFFwhy\n    do that\\x0D\n"
			    "pganchor: warning: 1 with\n    mind it\n");
	pga_findings_free(&found);
	found.failed = true;
	assert_int_equal(prints(warn_of_the_last, NULL), 0);
	assert_string_equal(printed.errors, "pganchor: warning: out of memory\n");
	found.failed = false;
}

static int report(void *context)
{
	(void)context;
	return pga_json_print(json_pack("{s:o}", "findings", pga_json_findings(&found)), 3);
}

static void as_json(void **state)
{
	json_t *array;
	char *dumped;

	(void)state;
	find();
	array = pga_json_findings(&found);
	dumped = json_dumps(array, JSON_INDENT(1));
	assert_string_equal(
	    dumped,
	    "[\n {\n  \"id\": \"gate-active\",\n  \"severity\": \"ok\",\n  \"subject\": \"gate\",\n"
	    "  \"object\": null,\n  \"message\": \"it is\",\n  \"detail\": null,\n  \"hint\": "
	    "null\n },\n"
	    " {\n  \"id\": \"audit-mode\",\n  \"severity\": \"note\",\n  \"subject\": \"policy\",\n"
	    "  \"object\": null,\n  \"message\": \"so\\u001B and so\",\n  \"detail\": \"for 2\\n "
	    "reasons\",\n"
	    "  \"hint\": null\n },\n"
	    " {\n  \"id\": \"gate-not-active\",\n  \"severity\": \"error\",\n"
	    "  \"subject\": \"gate\",\n  \"object\": null,\n  \"message\": \"it is not\",\n"
	    "  \"detail\": \"\\\\xFFwhy\",\n  \"hint\": \"do that\\r\"\n },\n"
	    " {\n  \"id\": \"programs-unseen\",\n  \"severity\": \"warning\",\n"
	    "  \"subject\": \"gate\",\n  \"object\": null,\n  \"message\": \"1 with\",\n  "
	    "\"detail\": null,\n"
	    "  \"hint\": \"mind it\"\n }\n]");
	free(dumped);
	json_decref(array);
	assert_int_equal(prints(report, NULL), 3);
	/* A report is whole, or there is none. */
	found.failed = true;
	assert_int_equal(prints(report, NULL), EXIT_FAILURE);
	assert_string_equal(printed.output, "");
	assert_string_equal(printed.errors, "pganchor: could not write the report as JSON\n");
	found.failed = false;
}

static void the_worst(void **state)
{
	(void)state;
	assert_int_equal(pga_findings_worst(&found), PGA_SEVERITY_OK);
	find();
	assert_int_equal(pga_findings_worst(&found), PGA_SEVERITY_ERROR);
	found.list[2].severity = PGA_SEVERITY_NOTE;
	assert_int_equal(pga_findings_worst(&found), PGA_SEVERITY_WARNING);
	pga_findings_free(&found);
	assert_int_equal(found.count, 0);
}

static void words(void **state)
{
	(void)state;
	for (int i = 0; i < PGA_FINDING_ID_COUNT; i++) {
		const char *word = pga_finding_word((enum pga_finding_id)i);

		assert_true(word[0] != '\0');
		assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(word));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(word, pga_finding_word((enum pga_finding_id)j));
	}
}

/* Nothing is said by halves: the list knows that it is not whole. */
static void want_of_memory(void **state)
{
	long number = 0;

	(void)state;
	do {
		has_failed = false;
		left = ++number;
		find();
		left = 0;
		assert_int_equal(found.failed, has_failed);
		assert_int_equal(found.count, has_failed ? number - 1 : 4);
		pga_findings_free(&found);
		assert_false(found.failed);
	} while (has_failed);
	assert_int_equal(number, 5);
	no_text = true;
	find();
	assert_true(found.failed);
	assert_int_equal(found.count, 0);
	pga_findings_free(&found);
	no_text = false;
	pga_findings_add(&found, PGA_GATE_ACTIVE, PGA_SEVERITY_OK, "gate", "it is");
	no_text = true;
	pga_findings_detail(&found, "why");
	assert_true(found.failed);
	found.failed = false;
	pga_findings_hint(&found, "do that");
	assert_true(found.failed);
	assert_null(found.list[0].detail);
	assert_null(found.list[0].hint);
	no_text = false;
	left = 1;
	assert_int_equal(prints(print_those_of_the_gate, NULL), 0);
	left = 0;
	assert_string_equal(printed.output, "out of memory\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(as_text), TEST(as_warnings),    TEST(as_json),           TEST(the_worst),
	    TEST(words),   TEST(want_of_memory), TEST(as_warnings_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
