/* policy/pins.h: what the lines of anchors.conf come to, and what is said of those that are none.
 */
#include "cmocka_start.h"

#include "assert_text.h"
#include "policy_files.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/trust.h"

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
	assert_int_equal(pga_pins_load(&read, NULL, &error), 0);
	assert_int_equal(read.count, 0);
	assert_non_null(strstr(read.file.path, "/user/pganchor/anchors.conf"));
	put("user/pganchor/anchors.conf", "");
	assert_false(pga_pins_is_fresh(&read));
	pga_pins_free(&read);
	assert_int_equal(pga_pins_load(&read, NULL, &error), -1);
	assert_non_null(strstr(error.message, "there is no anchor in it: was it cut short?"));
	pga_pins_free(&read);
	put("user/pganchor/anchors.conf", NULL);
}

#define ZEROS            "00000000000000000000000000000000000000000000000000000000000000"
#define ROOT(name, last) "[" name "]\npin = " ZEROS last "\n"
#define HOSTS(hosts)     "hosts = " hosts "\n"
#define CUT                                                                                     \
	": there is no anchor in it: was it cut short? | put its sections back, or remove the " \
	"file, as root"

static const struct {
	const char *system, *ninth, *tenth, *user;
	bool refuses; /* user-anchors */
	const char *expected;
} files[] = {
    {NULL, NULL, NULL, NULL, false, "0 of 0: "},
    {ROOT("a", "aa"), NULL, NULL, NULL, false, "1 of 1: a=aa:system "},
    {NULL, NULL, NULL, ROOT("a", "aa"), false, "0 of 1: a=aa:user "},
    {NULL, NULL, NULL, ROOT("a", "aa"), true, "0 of 0: "},
    /* In the order of the names' bytes. */
    {ROOT("a", "aa"), ROOT("c", "cc"), ROOT("b", "bb"), ROOT("d", "dd"), false,
     "3 of 4: a=aa:system b=bb:system c=cc:system d=dd:user "},
    {ROOT("a", "aa"), ROOT("c", "cc"), ROOT("b", "bb"), ROOT("d", "dd"), true,
     "3 of 3: a=aa:system b=bb:system c=cc:system "},
    /* A name stands for the user's root where that has it, then for the first of the system's. */
    {ROOT("a", "aa"), ROOT("a", "cc"), ROOT("a", "bb"), ROOT("a", "dd"), false,
     "3 of 4: a=aa:system a=bb:system a=cc:system a=dd:user "},
    {ROOT("a", "aa"), NULL, ROOT("b", "aa"), ROOT("c", "aa"), false,
     "2 of 3: a=aa:system b=aa:system c=aa:user "},
    /* What says nothing refuses, wherever it stands, and leaves no pin. */
    {"", NULL, NULL, ROOT("a", "aa"), false, "/proc/self/cwd/pganchor/anchors.conf" CUT},
    {ROOT("a", "aa"), "# c\n", NULL, ROOT("a", "aa"), false,
     "/proc/self/cwd/pganchor/anchors.d/9.conf" CUT},
    {ROOT("a", "aa"), NULL, "[b]\n", NULL, false,
     "/proc/self/cwd/pganchor/anchors.d/10.conf, line 1: a section without a pin: b | correct the "
     "line, as root; no user of this machine connects by the gate until then"},
    {ROOT("a", "aa") ROOT("a", "bb"), NULL, NULL, NULL, false,
     "/proc/self/cwd/pganchor/anchors.conf, line 3: this name is twice in the file: a | "
     "correct "
     "the line, as root; no user of this machine connects by the gate until then"},
    {ROOT("a", "aa"), NULL, NULL, "", false,
     "~/user/pganchor/anchors.conf: there is no anchor in it: was it cut short? | put its sections "
     "back, or remove the file: then no root is pinned, and pganchor bootstrap pins them anew"},
    /* What does not count cannot be wrong. */
    {ROOT("a", "aa"), NULL, NULL, "", true, "1 of 1: a=aa:system "},
};

static void put_all(size_t i)
{
	put("pganchor/anchors.conf", files[i].system);
	put("pganchor/anchors.d/9.conf", files[i].ninth);
	put("pganchor/anchors.d/10.conf", files[i].tenth);
	put("user/pganchor/anchors.conf", files[i].user);
}

static void add_pins(struct pga_text *text, const struct pga_pins *read)
{
	pga_text_addf(text, "%zu of %zu: ", read->system_count, read->count);
	for (size_t i = 0; i < read->count; i++)
		pga_text_addf(text, "%s=%s:%s ", read->pins[i].name, read->pins[i].pin + 62,
			      read->pins[i].system ? "system" : "user");
}

static void what_the_files_come_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const struct pga_policy policy = {.user_anchors =
						      files[i].refuses ? PGA_REFUSE : PGA_ALLOW};
		struct pga_text text = PGA_TEXT_EMPTY;
		struct pga_pins read;
		struct pga_error error = {.message = ""};

		put_all(i);
		if (pga_pins_load(&read, &policy, &error) == 0) {
			add_pins(&text, &read);
		} else {
			add_error(&text, &error);
			assert_int_equal(read.count + read.system_count, 0);
			assert_null(pga_pins_find(&read, ZEROS "aa"));
		}
		assert_text(&text, files[i].expected);
		pga_pins_free(&read);
	}
	begin_with_nothing();
}

static void which_section_a_name_and_a_root_have(void **state)
{
	const struct pga_pin *const *sections;
	struct pga_pins read;
	struct pga_error error;

	(void)state;
	put("pganchor/anchors.conf", ROOT("a", "aa") ROOT("b", "bb"));
	put("pganchor/anchors.d/9.conf", ROOT("a", "bb"));
	put("user/pganchor/anchors.conf", ROOT("a", "cc") ROOT("u", "bb"));
	assert_int_equal(pga_pins_load(&read, NULL, &error), 0);
	assert_string_equal(pga_pins_named(&read, "a")->pin, ZEROS "cc");
	assert_string_equal(pga_pins_named(&read, "b")->path,
			    "/proc/self/cwd/pganchor/anchors.conf");
	assert_null(pga_pins_named(&read, "c"));
	assert_int_equal(pga_pins_of_root(&read, ZEROS "bb", &sections), 3);
	assert_string_equal(sections[0]->name, "b");
	assert_string_equal(sections[1]->path, "/proc/self/cwd/pganchor/anchors.d/9.conf");
	assert_string_equal(sections[2]->name, "u");
	assert_ptr_equal(pga_pins_find(&read, ZEROS "bb"), sections[0]);
	assert_int_equal(pga_pins_of_root(&read, ZEROS "dd", &sections), 0);
	assert_null(sections);
	pga_pins_free(&read);
	begin_with_nothing();
}

/* Each of the system's places is one that is looked at again. */
static void the_systems_files_are_read_again(void **state)
{
	static const char *const places[] = {"pganchor/anchors.conf", "pganchor/anchors.d/9.conf"};

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct pga_pins read;
		struct pga_error error;

		assert_int_equal(pga_pins_load(&read, NULL, &error), 0);
		put(places[i], ROOT("a", "aa"));
		assert_false(pga_pins_is_fresh(&read));
		pga_pins_free(&read);
		assert_int_equal(pga_pins_load(&read, NULL, &error), 0);
		assert_int_equal(read.count, 1);
		put(places[i], NULL);
		assert_false(pga_pins_is_fresh(&read));
		pga_pins_free(&read);
	}
}

static void what_others_can_write_is_none_of_the_systems(void **state)
{
	static const char *const places[] = {"pganchor", "pganchor/anchors.conf",
					     "pganchor/anchors.d", "pganchor/anchors.d/9.conf"};

	(void)state;
	put("pganchor/anchors.conf", ROOT("a", "aa"));
	put("pganchor/anchors.d/9.conf", ROOT("b", "bb"));
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct pga_pins read;
		struct pga_error error;
		struct stat status;

		assert_int_equal(stat(places[i], &status), 0);
		assert_int_equal(chmod(places[i], status.st_mode | S_IWOTH), 0);
		assert_int_equal(pga_pins_load(&read, NULL, &error), -1);
		assert_non_null(strstr(error.message, places[i]));
		assert_non_null(strstr(error.message, "only root may write the system's anchors"));
		assert_int_equal(read.count, 0);
		pga_pins_free(&read);
		assert_int_equal(chmod(places[i], status.st_mode & 07777), 0);
	}
	begin_with_nothing();
}

/* Who may say what of a root's hosts. */
static const struct {
	const char *system, *ninth, *user;
	bool refuses;
	const char *valid;   /* of a.x, b.x, c.x */
	const char *refused; /* the section for the first that is not; "": none */
} trusted[] = {
    {NULL, NULL, NULL, false, "", ""},
    {ROOT("s", "aa") HOSTS("a.x"), NULL, NULL, false, "a.x ", "s"},
    {ROOT("s", "aa"), NULL, NULL, false, "a.x b.x c.x ", ""},
    /* The system's files together. */
    {ROOT("s", "aa") HOSTS("a.x"), ROOT("t", "aa") HOSTS("b.x"), NULL, false, "a.x b.x ", "s"},
    /* A user adds no host to a root of the system's, by whatever name; and may take some away. */
    {ROOT("s", "aa") HOSTS("a.x"), NULL, ROOT("s", "aa"), false, "a.x ", "s"},
    {ROOT("s", "aa") HOSTS("a.x"), NULL, ROOT("u", "aa") HOSTS("*"), false, "a.x ", "s"},
    {ROOT("s", "aa"), NULL, ROOT("u", "aa") HOSTS("b.x"), false, "b.x ", "u"},
    {ROOT("s", "aa") HOSTS("a.x b.x"), NULL, ROOT("u", "aa") HOSTS("b.x c.x"), false, "b.x ", "u"},
    /* Where the user's do not count, they take none away either. */
    {ROOT("s", "aa"), NULL, ROOT("u", "aa") HOSTS("b.x"), true, "a.x b.x c.x ", ""},
    {NULL, NULL, ROOT("u", "aa"), true, "", ""},
    {ROOT("s", "bb"), NULL, ROOT("u", "aa"), false, "a.x b.x c.x ", ""},
    {ROOT("s", "bb"), NULL, ROOT("u", "aa"), true, "", ""},
};

static void which_hosts_a_root_is_valid_for(void **state)
{
	static const char *const hosts[] = {"a.x", "b.x", "c.x"};

	(void)state;
	for (size_t i = 0; i < sizeof trusted / sizeof trusted[0]; i++) {
		const struct pga_policy policy = {.user_anchors =
						      trusted[i].refuses ? PGA_REFUSE : PGA_ALLOW};
		struct pga_text text = PGA_TEXT_EMPTY;
		const struct pga_pin *refused = NULL;
		struct pga_pins read;
		struct pga_error error;

		put("pganchor/anchors.conf", trusted[i].system);
		put("pganchor/anchors.d/9.conf", trusted[i].ninth);
		put("user/pganchor/anchors.conf", trusted[i].user);
		assert_int_equal(pga_pins_load(&read, &policy, &error), 0);
		for (size_t k = 0; k < 3; k++) {
			if (pga_root_is_valid_for(&read, ZEROS "aa", hosts[k]))
				pga_text_addf(&text, "%s ", hosts[k]);
			else if (refused == NULL)
				refused = pga_root_refused(&read, ZEROS "aa", hosts[k]);
		}
		assert_text(&text, trusted[i].valid);
		assert_string_equal(refused != NULL ? refused->name : "", trusted[i].refused);
		pga_pins_free(&read);
	}
	begin_with_nothing();
}

/* Without a pin every root of root.crt is believed; not where the system alone may pin, and has
 * none by now. */
static void whether_pins_count(void **state)
{
	static const struct pga_pins none = {.count = 0}, one = {.count = 1};
	const struct pga_policy allow = {.user_anchors = PGA_ALLOW};
	const struct pga_policy refuse = {.user_anchors = PGA_REFUSE};
	const struct pga_policy verified = {.trust = PGA_TRUST_VERIFIED};

	(void)state;
	assert_false(pga_trust_by_pins(&allow, &none));
	assert_true(pga_trust_by_pins(&allow, &one));
	assert_true(pga_trust_by_pins(&refuse, &none));
	assert_true(pga_trust_by_pins(&refuse, &one));
	assert_false(pga_trust_by_pins(&verified, &one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_lines_of_anchors_come_to),
	    cmocka_unit_test(which_names_are_good),
	    cmocka_unit_test(a_file_of_pins_is_read_again),
	    cmocka_unit_test(what_the_files_come_to),
	    cmocka_unit_test(which_section_a_name_and_a_root_have),
	    cmocka_unit_test(the_systems_files_are_read_again),
	    cmocka_unit_test(what_others_can_write_is_none_of_the_systems),
	    cmocka_unit_test(which_hosts_a_root_is_valid_for),
	    cmocka_unit_test(whether_pins_count),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
