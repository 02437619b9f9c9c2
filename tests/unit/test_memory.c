/* Without memory: every allocation of what the gate reads and judges fails once. What cannot be
 * known is an error, never a part of it: half a list of pins or half a policy would let through
 * what the whole one refuses. */
#include "failing.h"

#include "base/file.h"
#include "base/host.h"
#include "base/paths.h"
#include "base/text.h"
#include "default_policy.h"

#include "policy/explain.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/secrets.h"
#include "policy/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIN_A "00000000000000000000000000000000000000000000000000000000000000aa"
#define PIN_B "00000000000000000000000000000000000000000000000000000000000000ab"

static const char anchors[] =
    "[a]\npin = " PIN_A "\nsource = https://a\nhosts = *.a b\n"
    "pinned = 2026-11-22T06:00:00Z\n[b]\nscope = scoped\npin = " PIN_B "\n";
static const char policy_lines[] = "mode = audit\nmin-tls = 1.3\nallow-weak = a *.b c\n";

static char scratch[] = "/tmp/pganchor-test-XXXXXX";

static void put(const char *path, const char *bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(bytes, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

/* A home with a policy and pins, in a path that is longer than a text's first block. */
static int make_home(void **state)
{
	(void)state;
	if (mkdtemp(scratch) == NULL || chdir(scratch) != 0 || mkdir("pganchor", 0700) != 0 ||
	    setenv("XDG_CONFIG_HOME", scratch, 1) != 0 || setenv("HOME", scratch, 1) != 0)
		return -1;
	put("pganchor/anchors.conf", anchors);
	put("pganchor/policy.conf", policy_lines);
	return 0;
}

static int remove_home(void **state)
{
	(void)state;
	return unlink("pganchor/anchors.conf") != 0 || unlink("pganchor/policy.conf") != 0 ||
		       rmdir("pganchor") != 0 || chdir("/") != 0 || rmdir(scratch) != 0
		   ? -1
		   : 0;
}

static int make_hosts(struct pga_error *error)
{
	struct pga_host_set set;

	if (pga_host_set_make(&set, "*.a b", strlen("*.a b")) != 0) {
		/* Nothing is left in it: neither to free, nor to be asked. */
		assert_null(set.names);
		assert_null(set.suffixes);
		assert_null(set.text);
		return pga_fail_memory(error);
	}
	assert_true(pga_host_set_has(&set, "x.a"));
	assert_true(pga_host_set_has(&set, "b"));
	pga_host_set_free(&set);
	return 0;
}

static void hosts(void **state)
{
	(void)state;
	without_each(make_hosts, false);
}

static int read_twice(struct pga_error *error)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	int result = 0;

	for (int i = 0; i < 2 && result == 0; i++)
		result = pga_file_read("pganchor/anchors.conf", &content, NULL, error);
	if (result == 0)
		assert_int_equal(content.length, 2 * strlen(anchors));
	pga_text_free(&content);
	return result;
}

static void a_file(void **state)
{
	(void)state;
	without_each(read_twice, false);
}

static int parse_pins(struct pga_error *error)
{
	struct pga_pins pins;

	if (pga_pins_parse(&pins, "anchors.conf", anchors, strlen(anchors), error) != 0) {
		assert_int_equal(pins.count, 0);
		assert_null(pins.pins);
		return -1;
	}
	assert_int_equal(pins.count, 2);
	assert_string_equal(pins.pins[0].hosts, "*.a b");
	assert_string_equal(pins.pins[0].source, "https://a");
	assert_string_equal(pins.pins[0].pinned, "2026-11-22T06:00:00Z");
	assert_true(pins.pins[1].scoped);
	assert_string_equal(pga_pins_find(&pins, PIN_B)->name, "b");
	pga_pins_free(&pins);
	return 0;
}

static int load_pins(struct pga_error *error)
{
	struct pga_pins pins;
	int result = pga_pins_load(&pins, NULL, error);

	assert_int_equal(pins.count, result == 0 ? 2 : 0);
	pga_pins_free(&pins);
	return result;
}

static void pins(void **state)
{
	(void)state;
	without_each(parse_pins, false);
	without_each(load_pins, false);
}

static int load_policy(struct pga_error *error)
{
	struct pga_policy policy;

	/* A system's policy is not ours to make: what there is of it is as strict or stricter. */
	if (pga_policy_load(&policy, error) != 0) {
		pga_policy_free(&policy);
		return -1;
	}
	assert_int_equal(policy.min_tls, PGA_TLS_1_3);
	assert_true(policy.allow_weak_count >= 1);
	pga_policy_free(&policy);
	return 0;
}

static void a_policy(void **state)
{
	(void)state;
	without_each(load_policy, false);
}

static int find_config(struct pga_error *error)
{
	char *path =
	    pga_user_config("a-name-that-is-longer-than-what-a-text-has-room-for-at-first");

	if (path == NULL)
		return errno == ENOMEM ? pga_fail_memory(error) : -2;
	assert_memory_equal(path, scratch, strlen(scratch));
	free(path);
	return 0;
}

static int find_config_below_home(struct pga_error *error)
{
	int result;

	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
	result = find_config(error);
	assert_int_equal(setenv("XDG_CONFIG_HOME", scratch, 1), 0);
	return result;
}

static void places(void **state)
{
	(void)state;
	without_each(find_config, false);
	without_each(find_config_below_home, false);
}

/* What is judged is judged: only the words are lost. */
static void a_verdict(void **state)
{
	PQconninfoOption options[4];
	struct pga_effective effective;
	const struct pga_policy policy = DEFAULT_POLICY;
	static char host[] = "host", db[] = "db", sslmode[] = "sslmode", prefer[] = "prefer",
		    gssencmode[] = "gssencmode", require[] = "require";

	(void)state;
	memset(options, 0, sizeof options);
	memset(&effective, 0, sizeof effective);
	options[0] = (PQconninfoOption){.keyword = host, .val = db};
	options[1] = (PQconninfoOption){.keyword = sslmode, .val = prefer};
	options[2] = (PQconninfoOption){.keyword = gssencmode, .val = require};
	effective.options = options;
	for (long number = 1; number < 40; number++) {
		struct pga_verdict verdict;
		struct pga_text message = PGA_TEXT_EMPTY;

		left = number;
		pga_judge(&effective, &policy, &verdict);
		pga_verdict_message(&verdict, &effective, &message);
		left = 0;
		assert_false(verdict.allowed);
		assert_true(verdict.needs_tls);
		assert_int_equal(verdict.reasons, 2);
		assert_string_equal(verdict.weak[0], "sslmode");
		assert_string_equal(verdict.weak[1], "gssencmode");
		pga_text_free(&message);
		pga_verdict_free(&verdict);
	}
}

/* An explanation is whole, or failed. */
static void an_explanation(void **state)
{
	static char host[] = "host", db[] = "db", sslmode[] = "sslmode", prefer[] = "prefer",
		    unknown[] = "brand_new", value[] = "a value";
	PQconninfoOption options[4] = {{.keyword = host, .val = db},
				       {.keyword = sslmode, .val = prefer},
				       {.keyword = unknown, .val = value}};
	const struct pga_effective effective = {.options = options};
	const struct pga_policy policy = DEFAULT_POLICY;
	struct pga_text whole = PGA_TEXT_EMPTY;
	struct pga_verdict verdict;
	long number = 0;

	(void)state;
	pga_judge(&effective, &policy, &verdict);
	pga_explain_verdict(&effective, &policy, &verdict, NULL, &whole);
	pga_explain_settings(&effective, true, &whole);
	assert_false(whole.failed);
	do {
		struct pga_text text = PGA_TEXT_EMPTY;

		has_failed = false;
		left = ++number;
		pga_explain_verdict(&effective, &policy, &verdict, NULL, &text);
		pga_explain_settings(&effective, true, &text);
		left = 0;
		assert_int_equal(text.failed, has_failed);
		if (!text.failed)
			assert_string_equal(pga_text_string(&text), pga_text_string(&whole));
		pga_text_free(&text);
	} while (has_failed);
	assert_true(number > 10);
	pga_text_free(&whole);
	pga_verdict_free(&verdict);
}

/* A text that has failed once stays failed, whatever is added, and is handed to nobody. */
static void a_text(void **state)
{
	static const size_t endless[] = {(size_t)-1 / 2, (size_t)-1 / 2 + 1, (size_t)-2,
					 (size_t)-1};
	struct pga_text text = PGA_TEXT_EMPTY;
	char *taken;

	(void)state;
	pga_text_add(&text, "kept");
	left = 1;
	pga_text_addf(&text, "%100s", "lost");
	left = 0;
	assert_true(text.failed);
	assert_string_equal(text.bytes, "kept");
	pga_text_add(&text, "behind it");
	assert_string_equal(text.bytes, "kept");
	assert_null(pga_text_take(&text));
	/* And then it is empty, and can be used again. */
	assert_false(text.failed);
	assert_string_equal(pga_text_string(&text), "");
	taken = pga_text_take(&text);
	assert_string_equal(taken, "");
	free(taken);
	/* More than there can be is no room for less. */
	for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
		text = (struct pga_text)PGA_TEXT_EMPTY;
		pga_text_add_bytes(&text, "", endless[i]);
		assert_true(text.failed);
		assert_null(text.bytes);
	}
}

static int show_a_line(struct pga_error *error)
{
	static const char line[] = "password: hunter2";
	struct pga_text shown = PGA_TEXT_EMPTY;
	bool failed;

	pga_text_add_masked_line(&shown, line, sizeof line - 1);
	failed = shown.failed;
	/* Who shows it may not ask. */
	assert_null(strstr(pga_text_string(&shown), "hunter2"));
	pga_text_free(&shown);
	return failed ? pga_fail_memory(error) : 0;
}

static void a_secret(void **state)
{
	(void)state;
	without_each(show_a_line, false);
}

/* Not by strdup(), of which the compiler knows that it looks at no variable of ours. */
static char *copy_of(const char *string)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, string);
	return pga_text_take(&text);
}

/* Settings are masked, or it is said that they are not. */
static int mask_settings(struct pga_error *error)
{
	static char password[] = "password", host[] = "host", user[] = "user", port[] = "port",
		    name[] = "application_name";
	const long number = left;
	PQconninfoOption options[6] = {{.keyword = user},
				       {.keyword = password},
				       {.keyword = port},
				       {.keyword = host},
				       {.keyword = name}};
	struct pga_effective effective = {.options = options};
	int result;

	left = 0;
	options[0].val = copy_of("u");
	options[1].val = copy_of("hunter2");
	options[2].val = copy_of("");
	options[3].val = copy_of("a.example");
	options[4].val = copy_of("its token is hunter2");
	left = number;
	result = pga_effective_mask(&effective);
	left = 0;
	if (result == 0) {
		assert_string_equal(options[0].val, "u");
		assert_string_equal(options[1].val, PGA_MASK);
		assert_string_equal(options[2].val, "");
		assert_string_equal(options[3].val, "a.example");
		assert_string_equal(options[4].val, "its token " PGA_MASK);
	}
	for (size_t i = 0; i < 5; i++)
		free(options[i].val);
	return result == 0 ? 0 : pga_fail_memory(error);
}

static void settings(void **state)
{
	struct pga_effective none = {.options = NULL};

	(void)state;
	without_each(mask_settings, false);
	assert_int_equal(pga_effective_mask(&none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts),     cmocka_unit_test(a_file),
	    cmocka_unit_test(pins),      cmocka_unit_test(a_policy),
	    cmocka_unit_test(places),    cmocka_unit_test(a_text),
	    cmocka_unit_test(a_verdict), cmocka_unit_test(an_explanation),
	    cmocka_unit_test(a_secret),  cmocka_unit_test(settings),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
