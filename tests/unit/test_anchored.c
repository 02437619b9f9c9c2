/* service/anchored.h: what the pins will make of a server before it is asked. */
#include "cmocka_start.h"
#include "settings.h"
#include "service_home.h"

#include "service/anchored.h"

static struct pga_certificate other;
static struct pga_pins pins;

/* Three files of roots, and one anchor for each root. */
static int make_files(void **state)
{
	char text[8192];

	if (make_home(state) != 0)
		return -1;
	other = make_root("Other");
	put("root", root.pem);
	put("other", other.pem);
	(void)snprintf(text, sizeof text, "%s%s", root.pem, other.pem);
	put("both", text);
	(void)snprintf(text, sizeof text,
		       "[a]\nhosts = db.a one two\npin = %s\n[b]\nhosts = db.b two\npin = %s\n",
		       root.pin, other.pin);
	assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
	policy.mode = PGA_MODE_ENFORCE;
	policy.trust = PGA_TRUST_PINNED;
	policy.user_anchors = PGA_ALLOW;
	return 0;
}

static int free_files(void **state)
{
	pga_pins_free(&pins);
	pga_certificate_free(&other);
	return remove_scratch(state);
}

/* "@" in what is wanted is the home. */
static void fill_in(const char *wanted, struct pga_text *text)
{
	for (; *wanted != '\0'; wanted++)
		if (*wanted == '@')
			pga_text_add(text, scratch);
		else
			pga_text_add_bytes(text, wanted, 1);
}

static void assert_look(const char *words, const struct pga_pins *of, const char *wanted)
{
	struct pga_text filled = PGA_TEXT_EMPTY;
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_roots roots = {.count = 0};
	struct settings settings;

	make_settings(&settings, words);
	fill_in(wanted, &filled);
	assert_int_equal(pga_anchored_look(&roots, &settings.effective, &policy, of, &text, &error),
			 0);
	assert_string_equal(pga_text_string(&text), pga_text_string(&filled));
	pga_text_free(&text);
	pga_text_free(&filled);
	pga_roots_free(&roots);
}

#define MISSING(hosts, refuses)                                          \
	"no anchor is pinned for " hosts ": the gate " refuses           \
	" the server (trust = pinned)\n    \"pganchor bootstrap\" pins " \
	"one, and \"pganchor anchor set-hosts\" changes what one is valid for"
#define ELSEWHERE(hosts, file, refuses, anchor)                                      \
	"no anchor for " hosts " is in " file ": the gate " refuses                  \
	" the server (trust = pinned)\n    anchor " anchor " is for it: \"pganchor " \
	"service add\" with --anchor " anchor ", or sslrootcert=@/.config/pganchor/" \
	"anchors/" anchor ".crt"
#define REFUSES "will refuse"
#define AUDITS  "would refuse, but for mode = audit,"

static void what_is_pinned_and_where(void **state)
{
	static const struct {
		const char *words;
		const char *wanted;
	} cases[] = {
	    {"host=db.a sslrootcert=root", ""},
	    {"host=db.a sslrootcert=both", ""},
	    {"host=db.a,db.b sslrootcert=both", ""},
	    {"host=two sslrootcert=root", ""},
	    {"host=two sslrootcert=other", ""},
	    {"host=/run sslrootcert=root", ""},
	    {"host=db.a", ""},
	    /* None is pinned for it, whatever the file. */
	    {"host=x sslrootcert=root", MISSING("x", REFUSES)},
	    {"host=db.a,x,y sslrootcert=root", MISSING("x, y", REFUSES)},
	    {"host=x", MISSING("x", REFUSES)},
	    {"host=db.a hostaddr=127.0.0.1 sslrootcert=root", ""},
	    {"hostaddr=127.0.0.1 sslrootcert=root", MISSING("127.0.0.1", REFUSES)},
	    /* One is, but the file is another. */
	    {"host=db.b sslrootcert=root", ELSEWHERE("db.b", "root", REFUSES, "b")},
	    {"host=db.b", ELSEWHERE("db.b", "@/.postgresql/root.crt", REFUSES, "b")},
	    {"host=db.a,one,db.b sslrootcert=other", ELSEWHERE("db.a, one", "other", REFUSES, "a")},
	    {"host=db.b hostaddr=127.0.0.1 sslrootcert=root",
	     ELSEWHERE("db.b", "root", REFUSES, "b")},
	    /* Both. */
	    {"host=x,db.b sslrootcert=root",
	     MISSING("x", REFUSES) "\n" ELSEWHERE("db.b", "root", REFUSES, "b")},
	    /* What the file holds cannot be told. */
	    {"host=db.b sslrootcert=/dev/null", ""},
	    {"host=db.b sslrootcert=gone", ""},
	    {"host=x sslrootcert=gone", MISSING("x", REFUSES)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_look(cases[i].words, &pins, cases[i].wanted);
}

static void what_the_policy_says(void **state)
{
	static const char both[] = "host=x,db.b sslrootcert=root";
	static const struct pga_pins none = {.count = 0};
	struct pga_host_set exempt;

	(void)state;
	assert_look(both, &none, "");
	policy.mode = PGA_MODE_AUDIT;
	assert_look(both, &pins, MISSING("x", AUDITS) "\n" ELSEWHERE("db.b", "root", AUDITS, "b"));
	assert_string_equal(pga_anchored_refuses(&policy, "refused"), AUDITS);
	policy.mode = PGA_MODE_ENFORCE;
	assert_string_equal(pga_anchored_refuses(&policy, "refused"), "refused");
	policy.trust = PGA_TRUST_VERIFIED;
	assert_look(both, &pins, "");
	policy.trust = PGA_TRUST_PINNED;
	assert_int_equal(pga_host_set_make(&exempt, "x db.b", 6), 0);
	policy.allow_weak = &exempt;
	policy.allow_weak_count = 1;
	assert_look(both, &pins, "");
	policy.allow_weak_count = 0;
	pga_host_set_free(&exempt);
}

static int look_once(struct pga_error *said)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_roots roots = {.count = 0};
	struct settings settings;
	int result;

	make_settings(&settings, "host=x,db.b sslrootcert=root");
	result = pga_anchored_look(&roots, &settings.effective, &policy, &pins, &text, said);
	pga_text_free(&text);
	pga_roots_free(&roots);
	return result;
}

static void without_memory(void **state)
{
	(void)state;
	without_each(look_once, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_files, free_files)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_pinned_and_where),
	    TEST(what_the_policy_says),
	    TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
