/* service/compose.h: what is said of an entry before it is written, and for whom. */
#include "service_home.h"

#include "service/compose.h"

static struct pga_certificate other;

static int make_files(void **state)
{
	if (make_home(state) != 0)
		return -1;
	other = make_root("Other");
	put("root", root.pem);
	policy = DEFAULT_POLICY;
	return 0;
}

static int free_files(void **state)
{
	pga_certificate_free(&other);
	return remove_scratch(state);
}

/* [a] for db.a and one, [b] for db.b. */
static struct pga_pins pins_of(const char *scope)
{
	struct pga_pins pins;
	char text[512];

	(void)snprintf(text, sizeof text,
		       "[a]\nscope = %s\nhosts = db.a one\npin = %s\n"
		       "[b]\nscope = %s\nhosts = db.b\npin = %s\n",
		       scope, root.pin, scope, other.pin);
	assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
	return pins;
}

/* "keyword=value" with blanks between; "@" is the home, "~" a blank. */
static int wish_for(const char *words, struct pga_settings *settings, struct pga_error *said)
{
	char copy[512];
	char *rest = copy;
	int result = 0;

	(void)snprintf(copy, sizeof copy, "%s", words);
	for (char *word; result == 0 && (word = strsep(&rest, " ")) != NULL;) {
		char *value = strchr(word, '=');
		char filled[256];

		*value++ = '\0';
		(void)snprintf(filled, sizeof filled, "%s%s", value[0] == '@' ? scratch : "",
			       value[0] == '@' ? value + 1 : value);
		result = pga_settings_add(settings, word, filled, said);
	}
	return result;
}

static int compose(const char *words, const char *anchor, enum pga_service_place place,
		   const struct pga_pins *pins, struct pga_text *told, struct pga_error *said)
{
	struct pga_wish wish = {.anchor = anchor, .place = place};
	struct pga_composition composition;
	int result = wish_for(words, &wish.settings, said);

	if (result == 0)
		result = pga_compose(&wish, &policy, pins, &composition, said);
	if (result == 0) {
		for (size_t i = 0; i < composition.settings.count; i++)
			pga_text_addf(told, "%s=%s\n", composition.settings.items[i].keyword,
				      composition.settings.items[i].value);
		pga_text_addf(told, "%s: %s%s%s%s",
			      pga_entry_state_word(composition.evaluation.state),
			      pga_text_string(&composition.evaluation.why),
			      composition.no_roots ? " (no roots)" : "",
			      composition.warnings.length > 0 ? "\n" : "",
			      pga_text_string(&composition.warnings));
		pga_composition_free(&composition);
	}
	pga_settings_free(&wish.settings);
	return result;
}

/* "@" in what is wanted is the home. */
static void assert_told(const struct pga_text *told, const char *wanted)
{
	struct pga_text filled = PGA_TEXT_EMPTY;

	for (; *wanted != '\0'; wanted++)
		if (*wanted == '@')
			pga_text_add(&filled, scratch);
		else
			pga_text_add_bytes(&filled, wanted, 1);
	assert_string_equal(pga_text_string(told), pga_text_string(&filled));
	pga_text_free(&filled);
}

static void assert_composed(const char *words, const char *anchor, enum pga_service_place place,
			    const struct pga_pins *pins, const char *wanted)
{
	struct pga_text told = PGA_TEXT_EMPTY;

	if (compose(words, anchor, place, pins, &told, &error) != 0)
		fail_msg("%s", error.message);
	assert_told(&told, wanted);
	pga_text_free(&told);
}

static void assert_refused(const char *words, const char *anchor, enum pga_service_place place,
			   const struct pga_pins *pins, const char *wanted, const char *hint)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	struct pga_text message = PGA_TEXT_EMPTY;

	assert_int_equal(compose(words, anchor, place, pins, &told, &error), -1);
	pga_text_add(&message, error.message);
	assert_told(&message, wanted);
	assert_string_equal(error.hint, hint);
	pga_text_free(&message);
	pga_text_free(&told);
}

#define USER   PGA_SERVICE_USER
#define SYSTEM PGA_SERVICE_SYSTEM
#define SAFE   "sslmode=verify-full\ngssencmode=disable\n"
#define ROOT   "sslrootcert=@/root\nallowed: "
#define MISSING(hosts)                                                               \
	"no anchor is pinned for " hosts ": the gate will refuse the server (trust " \
	"= pinned); \"pganchor bootstrap\" pins one, and \"pganchor anchor "         \
	"set-hosts\" changes what one is valid for"
#define ELSEWHERE                                                                    \
	"no anchor for db.b is in @/root: the gate will refuse the server (trust = " \
	"pinned); anchor b is for it: \"pganchor service add\" with --anchor b, or " \
	"sslrootcert=@/.config/pganchor/anchors/b.crt"
#define UNPINNED(hosts)                                             \
	"no anchor is pinned for " hosts ": libpq will trust what " \
	"~/.postgresql/root.crt holds; \"pganchor bootstrap\" pins one"
#define GONE "root certificate file @/.postgresql/root.crt does not exist"
#define NOT_YET                                                                          \
	"libpq will not connect yet: " GONE "; first \"pganchor bootstrap --ca-url URL " \
	"--fingerprint HEX\", which pins the root of the server's CA and puts it there"
#define LACKS(anchor)                                                                 \
	"anchor " anchor ": no connection will succeed until \"pganchor bootstrap\" " \
	"brings it back: "
#define ROOT_CRT "sslrootcert=@/.postgresql/root.crt\nallowed: "

/* What the list of services would say, a line for each. */
static void what_the_gate_would_refuse(void **state)
{
	struct pga_pins pins = pins_of("root.crt");

	(void)state;
	assert_composed("host=db.a sslrootcert=@/root", NULL, USER, &pins, "host=db.a\n" SAFE ROOT);
	assert_composed("host=x,db.b sslrootcert=@/root", NULL, USER, &pins,
			"host=x,db.b\n" SAFE ROOT "\n" MISSING("x") "\n" ELSEWHERE);
	assert_composed("host=x", NULL, USER, &pins, "host=x\n" SAFE "allowed: \n" MISSING("x"));
	assert_composed("host=x", NULL, SYSTEM, &pins, "host=x\n" SAFE "allowed: \n" MISSING("x"));
	/* What is weak has to be put right before that. */
	assert_composed(
	    "host=x gssencmode=prefer", NULL, USER, &pins,
	    "host=x\nsslmode=verify-full\ngssencmode=prefer\nweak: gssencmode=prefer may "
	    "take GSSAPI encryption instead of TLS");
	policy.trust = PGA_TRUST_VERIFIED;
	assert_composed("host=x,db.b sslrootcert=@/root", NULL, USER, &pins,
			"host=x,db.b\n" SAFE ROOT);
	assert_composed("host=x,y", NULL, USER, &pins,
			"host=x,y\n" SAFE "allowed: \n" UNPINNED("x, y"));
	pga_pins_free(&pins);
}

static void where_root_crt_is_missing(void **state)
{
	static const struct pga_pins none = {.count = 0};
	struct pga_pins pins = pins_of("root.crt");

	(void)state;
	assert_composed("host=db.a", NULL, USER, &pins, "host=db.a\n" SAFE ROOT_CRT);
	assert_composed(
	    "host=db.b", NULL, USER, &pins,
	    "host=db.b\n" SAFE ROOT_CRT "\n" LACKS(
		"b") "@/.postgresql/root.crt: does "
		     "not hold the certificate that is pinned\n"
		     "no anchor for db.b is in @/.postgresql/root.crt: the gate will refuse the "
		     "server (trust = pinned); anchor b is for it: \"pganchor service add\" with "
		     "--anchor b, or sslrootcert=@/.config/pganchor/anchors/b.crt");
	assert_int_equal(unlink(".postgresql/root.crt"), 0);
	assert_composed("host=db.a", NULL, USER, &pins,
			"host=db.a\n" SAFE ROOT_CRT " (no roots)\n" LACKS("a") GONE);
	assert_composed("host=db.a", NULL, SYSTEM, &pins,
			"host=db.a\n" SAFE "allowed:  (no roots)\n" NOT_YET);
	/* Several are in it, and so none is named. */
	assert_composed("host=db.a,db.b", NULL, USER, &pins,
			"host=db.a,db.b\n" SAFE ROOT_CRT " (no roots)\n" NOT_YET);
	assert_composed("host=x", NULL, USER, &pins,
			"host=x\n" SAFE "allowed:  (no roots)\n" MISSING("x") "\n" NOT_YET);
	assert_composed("host=x", NULL, USER, &none,
			"host=x\n" SAFE
			"allowed:  (no roots)\nno anchor is pinned for x, and " NOT_YET);
	policy.trust = PGA_TRUST_VERIFIED;
	assert_composed("host=x", NULL, USER, &pins,
			"host=x\n" SAFE
			"allowed:  (no roots)\nno anchor is pinned for x, and " NOT_YET);
	/* A sentence that is begun is brought to its end. */
	assert_composed("host=db.a,x", NULL, USER, &pins,
			"host=db.a,x\n" SAFE ROOT_CRT " (no roots)\n" LACKS("a") GONE
			"\n" UNPINNED("x"));
	assert_composed("host=x sslrootcert=/gone", NULL, USER, &none,
			"host=x\n" SAFE
			"sslrootcert=/gone\nallowed:  (no roots)\nsslrootcert=/gone: "
			"no connection will succeed until that is put right: root certificate file "
			"/gone does not exist");
	/* Said of a file that is named for a socket, too, but not of the one that is not. */
	assert_composed(
	    "host=/run sslrootcert=/gone", NULL, USER, &none,
	    "host=/run\n" SAFE "sslrootcert=/gone\nallowed:  (no roots)\n"
	    "sslrootcert=/gone: no connection will succeed until that is put right: root "
	    "certificate file /gone does not exist");
	assert_composed("host=/run", NULL, USER, &none, "host=/run\n" SAFE "allowed: ");
	pga_pins_free(&pins);
}

static void what_is_for_all_users(void **state)
{
	static const struct pga_pins none = {.count = 0};
	struct pga_pins scoped = pins_of("scoped");
	struct pga_pins open = pins_of("root.crt");

	(void)state;
	assert_composed("host=db.a", NULL, SYSTEM, &open, "host=db.a\n" SAFE "allowed: ");
	for (int which = 0; which < 2; which++)
		assert_refused(
		    "host=db.a", which == 0 ? NULL : "a", SYSTEM, which == 0 ? &scoped : &open,
		    "anchor a: its file @/.config/pganchor/anchors/a.crt is in your home, "
		    "where other users cannot read it",
		    "put the root where all can read it, and give sslrootcert=FILE");
	assert_refused("host=db.a", NULL, USER, &scoped,
		       "anchor a: root certificate file @/.config/pganchor/anchors/a.crt does not "
		       "exist",
		       "nothing was written; \"pganchor bootstrap\" of the same CA again puts the "
		       "file right");
	assert_composed("host=/run password=p", NULL, USER, &none,
			"host=/run\n" SAFE "password=p\nallowed: \nthe password is in the file as "
			"clear text; ~/.pgpass (mode 0600) is its place");
	assert_composed("host=/run password=p", NULL, SYSTEM, &none,
			"host=/run\n" SAFE "password=p\nallowed: \nthe password is in the file as "
			"clear text, for every user of this machine to read; ~/.pgpass (mode 0600) "
			"is its place");
	pga_pins_free(&scoped);
	pga_pins_free(&open);
}

static void what_is_no_entry(void **state)
{
	static const struct pga_pins none = {.count = 0};
	struct pga_pins open = pins_of("root.crt");
	char home[128];

	(void)state;
	assert_refused("host=h port=x", NULL, USER, &none,
		       "invalid integer value \"x\" for connection option \"port\"",
		       "write a whole number");
	assert_refused("host=h sslmode=bogus", NULL, USER, &none,
		       "libpq: invalid sslmode value: \"bogus\"",
		       "libpq's manual says what each setting may be: Parameter Key Words");
	assert_refused("host=h", "n", USER, &open, "anchor n: there is none of this name",
		       "anchors: a, b");
	assert_refused("host=h sslrootcert=/x", "a", USER, &open,
		       "--anchor and sslrootcert: both say which root to trust",
		       "give one of the two");
	/* What is added has to be such that a line can hold it, too. */
	(void)snprintf(home, sizeof home, "%s/a\nb", scratch);
	assert_int_equal(setenv("HOME", home, 1), 0);
	assert_refused("host=db.a", NULL, USER, &open, "sslrootcert: the value holds a line break",
		       "pg_service.conf has no way to write it: use another value");
	pga_pins_free(&open);
}

#define NO_CRL                                                                            \
	"sslcrl=/gone: holds no CRL that can be read, and libpq goes on without one: no " \
	"certificate counts as revoked"

static void in_which_order_and_how_weak(void **state)
{
	static const struct pga_pins none = {.count = 0};

	(void)state;
	assert_composed(
	    "application_name=x sslmode=verify-ca user=u host=h sslrootcert=@/root", NULL, USER,
	    &none,
	    "host=h\nuser=u\nsslmode=verify-ca\ngssencmode=disable\napplication_name=x\n"
	    "sslrootcert=@/root\nweak: sslmode=verify-ca (conninfo) is weaker than verify-full");
	assert_composed("host=h sslrootcert=@/root sslcrl=/gone", NULL, USER, &none,
			"host=h\n" SAFE "sslrootcert=@/root\nsslcrl=/gone\nallowed: \n" NO_CRL);
	assert_composed("host=/run sslcrl=/gone", NULL, USER, &none,
			"host=/run\n" SAFE "sslcrl=/gone\nallowed: ");
	assert_composed("host=h sslrootcert=@/root sslcrl=/gone password=p", NULL, USER, &none,
			"host=h\n" SAFE
			"sslrootcert=@/root\nsslcrl=/gone\npassword=p\nallowed: \n" NO_CRL
			"\nthe password is in the file as clear text; ~/.pgpass (mode 0600) is its "
			"place");
}

static const struct pga_pins *pins_used;
static const char *words_used;
static const char *wanted_used;

/* Where it is done, nothing of what is said is missing. */
static int compose_once(struct pga_error *said)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	const int result = compose(words_used, NULL, USER, pins_used, &told, said);

	left = 0;
	if (result == 0 && !told.failed)
		assert_told(&told, wanted_used);
	pga_text_free(&told);
	return result;
}

static void without_memory(void **state)
{
	struct pga_pins open = pins_of("root.crt");

	(void)state;
	pins_used = &open;
	words_used = "host=x,db.b sslrootcert=@/root sslcrl=/gone password=p";
	wanted_used =
	    "host=x,db.b\n" SAFE "sslrootcert=@/root\nsslcrl=/gone\npassword=p\nallowed: "
	    "\n" MISSING("x") "\n" ELSEWHERE "\n" NO_CRL "\nthe password is in the file as "
			      "clear text; ~/.pgpass (mode 0600) is its "
			      "place";
	without_each(compose_once, true);
	assert_int_equal(unlink(".postgresql/root.crt"), 0);
	words_used = "host=db.a";
	wanted_used = "host=db.a\n" SAFE ROOT_CRT " (no roots)\n" LACKS("a") GONE;
	without_each(compose_once, true);
	pga_pins_free(&open);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_files, free_files)
	const struct CMUnitTest tests[] = {
	    TEST(what_the_gate_would_refuse),  TEST(where_root_crt_is_missing),
	    TEST(what_is_for_all_users),       TEST(what_is_no_entry),
	    TEST(in_which_order_and_how_weak), TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
