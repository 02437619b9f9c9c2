/* report/sarif.h: what code scanners read. */
#include "cmocka_start.h"
#include "failing.h"
#include "printed.h"

#include "report/json.h"
#include "report/sarif.h"

static const struct pga_sarif_result rule_result = {
    .rule = "hba-plain",
    .rule_text = "A rule lets somebody in without TLS",
    .tags = "CIS 6.7, TLS",
    .severity = PGA_SEVERITY_ERROR,
    .message = "host all all 0.0.0.0/0 md5 lets somebody in without TLS",
    .detail = "it is a \"host\" rule",
    .hint = "Write hostssl.",
    .server = "db.example.test:5432",
    .file = "/etc/postgresql/15/main dir/pg_hba.conf",
    .line = 7,
    .text = "host all all 0.0.0.0/0 md5",
};

static json_t *make_log(void)
{
	const struct pga_sarif_result no_place = {
	    .rule = "server-old", .severity = PGA_SEVERITY_NOTE, .message = "15.2 is old"};
	json_t *log = pga_sarif_begin("0.1.0");

	pga_sarif_add(log, &rule_result);
	pga_sarif_add(log, &no_place);
	pga_sarif_add(log, &rule_result);
	return log;
}

static const json_t *run_of(const json_t *log)
{
	return json_array_get(json_object_get(log, "runs"), 0);
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Each kind is told once, and each result says which of them it is. */
static void rules(void **state)
{
	json_t *log = make_log();
	const json_t *run = run_of(log);
	const json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
	const json_t *list = json_object_get(driver, "rules");
	const json_t *results = json_object_get(run, "results");
	static const json_int_t of[] = {0, 1, 0};

	(void)state;
	assert_string_equal(text_at(log, "version"), "2.1.0");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_at(json_array_get(list, 0), "id"), "hba-plain");
	assert_int_equal(json_array_size(results), COUNT(of));
	for (size_t i = 0; i < COUNT(of); i++)
		assert_int_equal(
		    json_integer_value(json_object_get(json_array_get(results, i), "ruleIndex")),
		    of[i]);
	json_decref(log);
}

static void places(void **state)
{
	json_t *log = make_log();
	const json_t *results = json_object_get(run_of(log), "results");
	const json_t *first = json_array_get(results, 0);
	const json_t *place = json_array_get(json_object_get(first, "locations"), 0);
	const json_t *physical = json_object_get(place, "physicalLocation");
	const json_t *region = json_object_get(physical, "region");

	(void)state;
	assert_string_equal(text_at(first, "level"), "error");
	assert_string_equal(text_at(json_object_get(physical, "artifactLocation"), "uri"),
			    "file:///etc/postgresql/15/main%20dir/pg_hba.conf");
	assert_int_equal(json_integer_value(json_object_get(region, "startLine")), 7);
	assert_string_equal(text_at(json_object_get(first, "message"), "text"),
			    "host all all 0.0.0.0/0 md5 lets somebody in without TLS: it is a "
			    "\"host\" rule\nWrite hostssl.");
	assert_int_equal(json_array_size(json_object_get(json_array_get(results, 1), "locations")),
			 0);
	json_decref(log);
}

/* What was not looked at is no result, and a server that was not reached fails the run. */
static void not_seen(void **state)
{
	json_t *log = make_log();
	const json_t *invocation = json_array_get(json_object_get(run_of(log), "invocations"), 0);

	(void)state;
	assert_true(json_is_true(json_object_get(invocation, "executionSuccessful")));
	pga_sarif_not_seen(log, PGA_SEVERITY_WARNING, "db", "pg_hba.conf: permission denied");
	assert_true(json_is_true(json_object_get(invocation, "executionSuccessful")));
	pga_sarif_not_seen(log, PGA_SEVERITY_ERROR, "db2", "could not connect");
	assert_false(json_is_true(json_object_get(invocation, "executionSuccessful")));
	assert_int_equal(json_array_size(json_object_get(invocation, "toolExecutionNotifications")),
			 2);
	json_decref(log);
}

static int print_log(void *context)
{
	(void)context;
	return pga_json_print_line(make_log(), EXIT_SUCCESS);
}

static void memory_runs_out(void **state)
{
	(void)state;
	for (long at = 1;; at++) {
		int status;

		has_failed = false;
		left = at;
		status = prints(print_log, NULL);
		left = 0;
		assert_int_equal(status, has_failed ? EXIT_FAILURE : EXIT_SUCCESS);
		if (!has_failed)
			break;
		assert_string_equal(printed.output, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rules),
	    cmocka_unit_test(places),
	    cmocka_unit_test(not_seen),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
