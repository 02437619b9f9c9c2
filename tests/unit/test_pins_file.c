/* policy/pins.h: what the lines of anchors.conf come to, and what is said of those that are none.
 */
#include "cmocka_start.h"

#include "assert_text.h"
#include "policy_files.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *lines;
	const char *expected;
} pins[] = {
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "1:a:0000::*:root.crt: "},
    {"# c\n\n[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nsource = "
     "https://x\nhosts = *.b c\nscope = scoped\npinned = 2026\nsubject = s\nnot-after = "
     "n\n[b]\npin = 00000000000000000000000000000000000000000000000000000000000000bb\nscope = "
     "root.crt\n",
     "3:a:0000:https://x:*.b c:scoped:2026 11:b:0000::*:root.crt: "},
    {"", "f: there is no anchor in it: was it cut short? | put its sections back, or remove the "
	 "file: then no root is pinned, and pganchor bootstrap pins them anew"},
    {"\n# c\n", "f: there is no anchor in it: was it cut short? | put its sections back, or remove "
		"the file: then no root is pinned, and pganchor bootstrap pins them anew"},
    {"[a]\n", "f, line 1: a section without a pin: a | correct the line, or remove the anchor's "
	      "section and run pganchor bootstrap again"},
    {"[a]\n[b]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: a section without a pin: a | correct the line, or remove the anchor's section and "
     "run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[b]\n",
     "f, line 3: a section without a pin: b | correct the line, or remove the anchor's section and "
     "run pganchor bootstrap again"},
    {"pin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: a setting before any [NAME]: pin | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"hosts = a\n", "f, line 1: a setting before any [NAME]: hosts | correct the line, or remove "
		    "the anchor's section and run pganchor bootstrap again"},
    {"x\n", "f, line 1: neither [NAME] nor a line of the form key = value: x | correct the line, "
	    "or remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\nx\n", "f, line 2: neither [NAME] nor a line of the form key = value: x | correct the "
		 "line, or remove the anchor's section and run pganchor bootstrap again"},
    {"x\x0D\n", "f, line 1: neither [NAME] nor a line of the form key = value: x | correct the "
		"line, or remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nwhat = x\n",
     "f, line 3: no such key: what | correct the line, or remove the anchor's section and run "
     "pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 3: set twice in one section: pin | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nhosts = "
     "a\nhosts = a\n",
     "f, line 4: set twice in one section: hosts | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aaa\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000aaa | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aA\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000aA | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000ag\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000ag | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a/\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a/ | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a:\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a: | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000a`\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "00000000000000000000000000000000000000000000000000000000000000a` | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000af\n",
     "1:a:0000::*:root.crt: "},
    {"[a]\npin = 0000000000000000000000000000000000000000000000000000000000000009\n",
     "1:a:0000::*:root.crt: "},
    {"[a]\npin = g0000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 2: not a pin of 64 lower-case hex digits: "
     "g0000000000000000000000000000000000000000000000000000000000000aa | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nhosts =\n",
     "f, line 3: no host pattern: hosts | correct the line, or remove the anchor's section and run "
     "pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nhosts = a b/c "
     "d\n",
     "f, line 3: neither *, *.DOMAIN, a host name nor an address: b/c | correct the line, or "
     "remove the anchor's section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nscope = x\n",
     "f, line 3: neither root.crt nor scoped: x | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nscope =\n",
     "f, line 3: neither root.crt nor scoped:  | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[a]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000bb\n",
     "f, line 3: this name is twice in the file: a | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[b]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 3: this pin is twice in the file: b | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[b]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n[a]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 3: this pin is twice in the file: a | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[c]\npin = 00000000000000000000000000000000000000000000000000000000000000cc\n[a]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n[b]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000bb\n[d]\npin = "
     "00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 7: this pin is twice in the file: d | correct the line, or remove the anchor's "
     "section and run pganchor bootstrap again"},
    {"[-a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: not a name for an anchor: -a | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[a b]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: not a name for an anchor: a b | correct the line, or remove the anchor's section "
     "and run pganchor bootstrap again"},
    {"[]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n",
     "f, line 1: not a name for an anchor:  | correct the line, or remove the anchor's section and "
     "run pganchor bootstrap again"},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nsource =\n",
     "1:a:0000::*:root.crt: "},
    {"[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\nscope = "
     "scoped\n[b]\npin = 00000000000000000000000000000000000000000000000000000000000000bb\n",
     "1:a:0000::*:scoped: 4:b:0000::*:root.crt: "},
    {"[n0]\npin = 0000000000000000000000000000000000000000000000000000000000000000\n[n1]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000001\n[n2]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000002\n[n3]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000003\n[n4]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000004\n[n5]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000005\n[n6]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000006\n[n7]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000007\n[n8]\npin = "
     "0000000000000000000000000000000000000000000000000000000000000008\n",
     "1:n0:0000::*:root.crt: 3:n1:0000::*:root.crt: 5:n2:0000::*:root.crt: 7:n3:0000::*:root.crt: "
     "9:n4:0000::*:root.crt: 11:n5:0000::*:root.crt: 13:n6:0000::*:root.crt: "
     "15:n7:0000::*:root.crt: 17:n8:0000::*:root.crt: "},
};

static void what_the_lines_of_anchors_come_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
		struct pga_text text = PGA_TEXT_EMPTY;
		struct pga_pins read;
		struct pga_error error = {.message = ""};

		if (pga_pins_parse(&read, "f", pins[i].lines, strlen(pins[i].lines), &error) != 0) {
			add_error(&text, &error);
			assert_int_equal(read.count, 0);
		}
		for (size_t k = 0; k < read.count; k++)
			pga_text_addf(
			    &text, "%zu:%s:%.4s:%s:%s:%s:%s ", read.pins[k].line, read.pins[k].name,
			    read.pins[k].pin, read.pins[k].source, read.pins[k].hosts,
			    read.pins[k].scoped ? "scoped" : "root.crt", read.pins[k].pinned);
		assert_text(&text, pins[i].expected);
		pga_pins_free(&read);
	}
}

static void which_names_are_good(void **state)
{
	static const char sixty_four[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.";
	static const char *const good[] = {"a", "a.", "a-", "_", "0", "Z", sixty_four};
	static const char *const bad[] = {"", ".a", "-a", "a b", "a/b", "\xC3\xB6", ".", "-"};
	char long_name[80];

	(void)state;
	assert_int_equal(strlen(sixty_four), 64);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(pga_pin_name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(pga_pin_name_is_valid(bad[i]));
	(void)snprintf(long_name, sizeof long_name, "%sx", sixty_four);
	assert_false(pga_pin_name_is_valid(long_name));
}

static void a_file_of_pins_is_read_again(void **state)
{
	struct pga_pins read;
	struct pga_error error;

	(void)state;
	put("user/pganchor/anchors.conf", NULL);
	assert_int_equal(pga_pins_load(&read, &error), 0);
	assert_int_equal(read.count, 0);
	assert_non_null(strstr(read.file.path, "/user/pganchor/anchors.conf"));
	put("user/pganchor/anchors.conf", "");
	assert_false(pga_pins_is_fresh(&read));
	pga_pins_free(&read);
	assert_int_equal(pga_pins_load(&read, &error), -1);
	assert_non_null(strstr(error.message, "there is no anchor in it: was it cut short?"));
	pga_pins_free(&read);
	put("user/pganchor/anchors.conf", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_lines_of_anchors_come_to),
	    cmocka_unit_test(which_names_are_good),
	    cmocka_unit_test(a_file_of_pins_is_read_again),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
