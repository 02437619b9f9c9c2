/* audit/html.h and audit/sarif.h: the page that an auditor gets, and what a code scanner reads. */
#include "cmocka_start.h"
#include "failing.h"

#include "sample_audit.h"

#include "audit/html.h"
#include "audit/sarif.h"
#include "report/json.h"
#include "report/sarif.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the two servers; NULL where memory ran out. The caller frees it. */
static char *make_page(void)
{
	struct pga_audit audits[] = {sample_weak(), sample_not_reached()};
	struct pga_audit_page page = {0};
	char *text;

	for (size_t i = 0; i < 2; i++) {
		pga_audit_page_add(&page, &audits[i]);
		pga_findings_free(&audits[i].findings);
	}
	text = pga_audit_page_text(&page, "0.1.0", 1795914123);
	pga_audit_page_free(&page);
	return text;
}

static void assert_has(const char *page, const char *part)
{
	if (strstr(page, part) == NULL)
		fail_msg("not in the page: %s", part);
}

static size_t count_of(const char *page, const char *part)
{
	size_t count = 0;

	while ((page = strstr(page, part)) != NULL) {
		count++;
		page += strlen(part);
	}
	return count;
}

static void all_that_was_seen(void **state)
{
	static const char *const parts[] = {
	    "<a href=\"#server-1\">orders</a>",
	    "<h2 id=\"server-1\">orders</h2>",
	    "<li class=\"error\"><b>5</b> errors</li>",
	    "<li class=\"warning\"><b>1</b> warning</li>",
	    "<li class=\"quiet\"><b>2</b> things not seen</li>",
	    "<li class=\"error\"><b>1</b> server not audited</li>",
	    "<dd>db1.example.test, port 5432</dd>",
	    "<dd>auditor (member of pg_monitor)</dd>",
	    "<pre>hostssl orders shop 10.20.0.0/16 scram-sha-256</pre>",
	    "<code>rule-without-tls</code>",
	    "<span class=\"mark\">error: </span>line 103",
	    "permission denied for table pg_user_mapping",
	    "CN=Example Intermediate CA",
	    "password=********",
	    "2026-11-01 to 2026-12-04",
	    "<time datetime=\"2026-11-29T01:02:03Z\">",
	};
	char *page = make_page();

	(void)state;
	assert_non_null(page);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		assert_has(page, parts[i]);
	free(page);
}

/* Two of the texts are markup, and one steers a terminal. */
static void nothing_of_strangers(void **state)
{
	char *page = make_page();

	(void)state;
	assert_non_null(page);
	assert_has(page, "&lt;script&gt;alert(1)&lt;/script&gt;");
	assert_has(page, "legacy&lt;br&gt;app");
	assert_has(page, "reports &amp; &lt;b&gt;more&lt;/b&gt;");
	assert_has(page, "psql\\x1B[31m");
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "<br>"));
	free(page);
}

/* What whoever hears the page goes by. */
static void is_ordered(void **state)
{
	static const char *const tags[][2] = {
	    {"<table>", "</table>"}, {"<section", "</section>"}, {"<article", "</article>"},
	    {"<div", "</div>"},      {"<tr", "</tr>"},           {"<dl>", "</dl>"}};
	char *page = make_page();

	(void)state;
	assert_non_null(page);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		assert_int_equal(count_of(page, tags[i][0]), count_of(page, tags[i][1]));
	assert_int_equal(count_of(page, "<h1>"), 1);
	assert_int_equal(count_of(page, "<table>"), count_of(page, "<caption>"));
	assert_int_equal(count_of(page, "<table>"), count_of(page, "<thead>"));
	assert_int_equal(count_of(page, "<main>"), 1);
	free(page);
}

/* By the weight of a finding, and those of one weight as they were found. */
static void heaviest_first(void **state)
{
	static const char *const parts[] = {"<code>session-without-tls", "<code>rule-trust",
					    "<code>server-tls-old", "<code>server-release-old"};
	char *page = make_page();
	const char *at = page;

	(void)state;
	assert_non_null(page);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		at = strstr(at, parts[i]);
		assert_non_null(at);
	}
	free(page);
}

/* A page is read by people, and a server can have thousands of sessions. */
static void many_sessions(void **state)
{
	struct pga_audit audit = sample_seen;
	struct pga_audit_page page = {0};
	char *text;

	(void)state;
	for (int i = 0; i < 1234; i++)
		pga_findings_add(&audit.findings, PGA_SESSION_WITHOUT_TLS, PGA_SEVERITY_ERROR,
				 PGA_AUDIT_SESSIONS, "session %d is not encrypted", i);
	pga_audit_page_add(&page, &audit);
	pga_findings_free(&audit.findings);
	text = pga_audit_page_text(&page, "0.1.0", 1795914123);
	pga_audit_page_free(&page);
	assert_non_null(text);
	assert_has(text, "<b>1234</b> errors");
	assert_has(text, ">1034 more findings about sessions are counted, and not listed.<");
	assert_int_equal(count_of(text, "<code>session-without-tls"), 200);
	free(text);
}

static json_t *make_log(void)
{
	struct pga_audit audits[] = {sample_weak(), sample_not_reached()};
	json_t *log = pga_sarif_begin("0.1.0");

	for (size_t i = 0; i < 2; i++) {
		pga_audit_sarif_add(log, &audits[i]);
		pga_findings_free(&audits[i].findings);
	}
	return log;
}

/* Sessions are no configuration, and what was not seen is no result. */
static void configuration_alone(void **state)
{
	char *line = pga_json_line(make_log());

	(void)state;
	assert_non_null(line);
	assert_null(strstr(line, "session-without-tls"));
	assert_null(strstr(line, "standby-without-tls"));
	assert_has(line, "\"uri\": \"file:///etc/postgresql/15/main/pg_hba.conf\"");
	assert_has(line, "\"startLine\": 103");
	assert_has(line, "\"uri\": \"file:///etc/postgresql/15/main/postgresql.conf\"");
	assert_has(line, "\"text\": \"A rule lets clients in without TLS\"");
	assert_has(line, "\"executionSuccessful\": false");
	assert_int_equal(count_of(line, "\"ruleId\""), 4);
	free(line);
}

static void memory_runs_out(void **state)
{
	(void)state;
	for (long at = 1;; at++) {
		char *made[2];

		has_failed = false;
		left = at;
		made[0] = make_page();
		made[1] = has_failed ? NULL : pga_json_line(make_log());
		left = 0;
		assert_true(has_failed == (made[0] == NULL || made[1] == NULL));
		free(made[0]);
		free(made[1]);
		if (!has_failed)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_that_was_seen), cmocka_unit_test(nothing_of_strangers),
	    cmocka_unit_test(is_ordered),        cmocka_unit_test(heaviest_first),
	    cmocka_unit_test(many_sessions),     cmocka_unit_test(configuration_alone),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
