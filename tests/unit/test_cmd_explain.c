/* cli/cmd_explain.c: what is looked at for a connection string, and what is said of one that is
 * none. */
#include "service_home.h"
#include "printed.h"

#include "base/memory_file.h"
#include "cli/cli.h"
#include "cli/print_unpinned.h"
#include "policy/linked.h"
#include "preload/binary.h"
#include "service/anchored.h"
#include "service/roots.h"

/* ---- what is looked at, as the test plays it ---- */

static struct {
	const char *fails; /* the look that does */
	const char *why;   /* with this message */
	const char *anchored;
	const char *crls;
	const char *but; /* why libpq finds no root */
	bool unread;
	bool calls_tls;
	int version;
} here;
static char happened[200];

static int look(const char *name, struct pga_error *why)
{
	(void)strcat(strcat(happened, happened[0] != '\0' ? " " : ""), name);
	if (here.fails == NULL || strcmp(here.fails, name) != 0)
		return 0;
	return pga_fail(why, name[0] == 'p' ? "mend it" : NULL, "%s", here.why);
}

bool __wrap_pga_binary_read(const char *path, struct pga_binary *binary);
bool __wrap_pga_binary_read(const char *path, struct pga_binary *binary)
{
	assert_string_equal(path, "/l/libpq\033");
	memset(binary, 0, sizeof *binary);
	binary->calls_tls = here.calls_tls;
	return !here.unread;
}

int __wrap_pga_linked_libpq_version(void);
int __wrap_pga_linked_libpq_version(void)
{
	return here.version;
}

const char *__wrap_pga_linked_libpq_path(void);
const char *__wrap_pga_linked_libpq_path(void)
{
	return "/l/libpq\033";
}

int __wrap_pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
				      struct pga_error *why);
int __wrap_pga_keep_what_is_read_once(const char *variable, bool descriptors_alone,
				      struct pga_error *why)
{
	assert_string_equal(variable, "PGSERVICEFILE");
	assert_false(descriptors_alone);
	return look("keep", why);
}

int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why);
int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why)
{
	*loaded = policy;
	return look("policy", why);
}

int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why);
int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why)
{
	(void)whose;
	memset(pins, 0, sizeof *pins);
	return look("pins", why);
}

int __wrap_pga_anchored_look(struct pga_roots *roots, const struct pga_effective *effective,
			     const struct pga_policy *by, const struct pga_pins *pins,
			     struct pga_text *text, struct pga_error *why);
int __wrap_pga_anchored_look(struct pga_roots *roots, const struct pga_effective *effective,
			     const struct pga_policy *by, const struct pga_pins *pins,
			     struct pga_text *text, struct pga_error *why)
{
	(void)roots;
	(void)effective;
	(void)by;
	(void)pins;
	pga_text_add(text, here.anchored);
	return look("anchored", why);
}

int __wrap_pga_warn_of_unpinned(const char *path, const struct pga_policy *by,
				const struct pga_pins *pins, struct pga_error *why);
int __wrap_pga_warn_of_unpinned(const char *path, const struct pga_policy *by,
				const struct pga_pins *pins, struct pga_error *why)
{
	(void)by;
	(void)pins;
	assert_true(strcmp(path, "") == 0 || strcmp(path, "/r") == 0);
	return look("unpinned", why);
}

int __wrap_pga_roots_look(struct pga_roots *roots, const struct pga_effective *effective,
			  const char **but, struct pga_error *why);
int __wrap_pga_roots_look(struct pga_roots *roots, const struct pga_effective *effective,
			  const char **but, struct pga_error *why)
{
	(void)roots;
	(void)effective;
	*but = here.but;
	return look("roots", why);
}

int __wrap_pga_crls_look(const struct pga_effective *effective, struct pga_text *text,
			 struct pga_error *why);
int __wrap_pga_crls_look(const struct pga_effective *effective, struct pga_text *text,
			 struct pga_error *why)
{
	(void)effective;
	pga_text_add(text, here.crls);
	return look("crls", why);
}

static int begin(void **state)
{
	memset(&here, 0, sizeof here);
	here.anchored = here.crls = "";
	here.why = "it failed";
	here.calls_tls = true;
	here.version = 150001;
	return make_home(state);
}

static int run(const char *words)
{
	happened[0] = '\0';
	return command_prints(pga_cmd_explain.run, words);
}

/* A blank in a connection string is "_" here. */
#define GOOD "host=h_user=u_sslmode=verify-full_gssencmode=disable"
#define ALL  "keep policy pins anchored unpinned roots crls"

/* ---- what is said ---- */

#define LIBPQ "\n\nlibpq 15.1, /l/libpq\\x1B: "
#define LOOKS "the gate looks at a TLS session before its first SSL_write\n"
#define HIDES \
	"has no shared OpenSSL: the gate cannot look at a session, and refuses what needs TLS\n"

static void assert_ends(const char *end)
{
	const char *found = strstr(printed.output, end);

	if (found == NULL || strcmp(found, end) != 0)
		fail_msg("%s: does not end with %s", printed.output, end);
}

static void which_libpq(void **state)
{
	static const struct {
		bool unread, calls_tls;
		const char *said;
		const char *json;
	} cases[] = {{false, true, LIBPQ LOOKS, "SSL_write"},
		     {true, true, LIBPQ LOOKS, "SSL_write"},
		     {true, false, LIBPQ LOOKS, "SSL_write"},
		     {false, false, LIBPQ HIDES, "hidden"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[200];

		here.unread = cases[i].unread;
		here.calls_tls = cases[i].calls_tls;
		assert_int_equal(run("explain " GOOD), PGA_EXIT_DONE);
		assert_ends(cases[i].said);
		assert_int_equal(run("explain -j " GOOD), PGA_EXIT_DONE);
		(void)snprintf(expected, sizeof expected,
			       "{\n  \"libpq\": {\n    \"version\": \"15.1\",\n    \"path\": "
			       "\"/l/libpq\\u001B\",\n    \"sessions\": \"%s\"\n  },\n  "
			       "\"verdict\": \"allowed\",\n",
			       cases[i].json);
		assert_memory_equal(printed.output, expected, strlen(expected));
	}
}

static void the_last_of_its_kind(void **state)
{
	(void)state;
	here.version = 159999;
	(void)run("explain " GOOD);
	assert_non_null(strstr(printed.output, "\n\nlibpq 15.9999, /l/libpq"));
}

static void the_verdict(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *happened;
		const char *said;
	} cases[] = {
	    {"explain " GOOD, PGA_EXIT_DONE, ALL, "allowed\n\nhost "},
	    {"explain " GOOD "_sslrootcert=/r", PGA_EXIT_DONE, ALL, "allowed\n\nhost "},
	    {"explain host=h_sslmode=prefer", PGA_EXIT_WEAK, "keep policy pins", "refused"},
	    {"explain host=/run_user=u", PGA_EXIT_DONE, "keep policy pins",
	     "allowed; a Unix-domain socket"},
	    {"explain", PGA_EXIT_DONE, "keep policy pins", "allowed; a Unix-domain socket"},
	    {"explain ''", PGA_EXIT_DONE, "keep policy pins", "allowed; a Unix-domain socket"},
	    {"explain postgresql://h/d", PGA_EXIT_WEAK, "keep policy pins", "refused"},
	    {"explain postgres://h/d", PGA_EXIT_WEAK, "keep policy pins", "refused"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(cases[i].words), cases[i].status);
		assert_string_equal(happened, cases[i].happened);
		if (strncmp(printed.output, cases[i].said, strlen(cases[i].said)) != 0)
			fail_msg("%s: %s", cases[i].words, printed.output);
		assert_string_equal(printed.errors, "");
		assert_null(strstr(printed.output, "next:"));
	}
}

static void what_is_warned_of(void **state)
{
	(void)state;
	here.anchored = "nothing pinned";
	here.crls = "no CRL";
	assert_int_equal(run("explain " GOOD), PGA_EXIT_DONE);
	assert_string_equal(printed.errors,
			    "pganchor: warning: nothing pinned\npganchor: warning: no CRL\n");
	here.fails = "anchored";
	assert_int_equal(run("explain " GOOD), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: it failed\n");
}

#define WITHOUT_ROOT                                                \
	"allowed, but libpq will not connect: no root\nnext:\n    " \
	"pganchor bootstrap --ca-url URL --fingerprint HEX\n\nhost "

/* libpq would not connect, for want of a root. */
static void without_a_root(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		here.but = which == 0 ? "no root" : NULL;
		here.fails = which == 1 ? "roots" : NULL;
		here.why = "no root";
		assert_int_equal(run("explain " GOOD), PGA_EXIT_DONE);
		assert_string_equal(happened, ALL);
		assert_memory_equal(printed.output, WITHOUT_ROOT, strlen(WITHOUT_ROOT));
		assert_int_equal(run("explain " GOOD "_sslrootcert=/r"), PGA_EXIT_DONE);
		assert_non_null(strstr(printed.output, "connect: no root\n"));
		assert_null(strstr(printed.output, "next:"));
		assert_int_equal(run("explain " GOOD " --json"), PGA_EXIT_DONE);
		assert_non_null(strstr(printed.output,
				       "  \"notes\": [\n    \"libpq will not connect: no root\""));
		assert_string_equal(printed.errors, "");
	}
}

static void as_json(void **state)
{
	(void)state;
	assert_int_equal(
	    run("explain -j "
		"host=h_user=u_password=x_sslmode=require_gssencmode=disable_options=''"),
	    PGA_EXIT_WEAK);
	assert_non_null(
	    strstr(printed.output,
		   "  \"verdict\": \"refused\",\n  \"reasons\": [\n    \"sslmode=require "
		   "(conninfo) is weaker "
		   "than verify-full\"\n  ],\n  \"changes\": [\n    \"conninfo: write "
		   "sslmode=verify-full, or "
		   "use a service of \\\"pganchor service list\\\"\"\n  ],\n  \"notes\": ["));
	assert_non_null(strstr(
	    printed.output, "    {\n      \"keyword\": \"host\",\n      \"value\": \"h\",\n      "
			    "\"origin\": \"conninfo\"\n    }"));
	assert_non_null(
	    strstr(printed.output,
		   "      \"keyword\": \"password\",\n      \"value\": \"********\",\n      "
		   "\"origin\": \"conninfo\"\n"));
	assert_null(strstr(printed.output, "\"keyword\": \"options\""));
	assert_null(strstr(printed.output, "\"keyword\": \"service\""));
	assert_non_null(strstr(printed.output, "    }\n  ],\n  \"warnings\": ["));
	/* A part of the password may be in the host: that is noted. */
	assert_int_equal(run("explain -j postgresql://u:x@y@h/d"), PGA_EXIT_WEAK);
	assert_non_null(strstr(printed.output, "  \"notes\": [\n    \""));
	assert_null(strstr(printed.output, "y@h"));
}

/* ---- what fails ---- */

static void the_look_that_fails(void **state)
{
	static const struct {
		const char *look;
		const char *happened;
		bool mended;
	} cases[] = {
	    {"keep", "keep", false},
	    {"policy", "keep policy", true},
	    {"pins", "keep policy pins", true},
	    {"anchored", "keep policy pins anchored", false},
	    {"unpinned", "keep policy pins anchored unpinned", false},
	    {"crls", ALL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		here.fails = cases[i].look;
		assert_int_equal(run("explain " GOOD), PGA_EXIT_FAILED);
		assert_string_equal(happened, cases[i].happened);
		assert_string_equal(printed.output, "");
		assert_string_equal(printed.errors, cases[i].mended
							? "pganchor: it failed\n    mend it\n"
							: "pganchor: it failed\n");
	}
}

#define LIST "    \"pganchor service list\" shows the services that libpq finds, and their files\n"

static void what_libpq_refuses(void **state)
{
	static const struct {
		const char *words;
		const char *variables[4];
		const char *said;
		const char *hint;
	} cases[] = {
	    {"explain host=h_port=abc", {NULL}, "\"abc\"", "\n"},
	    {"explain host=h",
	     {"PGPORT", "abc"},
	     "\"abc\"",
	     "\n    it is the value of PGPORT, in the environment\n"},
	    {"explain host=h_port=abc", {"PGPORT", "abc"}, "\"abc\"", "\n"},
	    /* Another has the value, and is not what is refused. */
	    {"explain host=h",
	     {"PGUSER", "bogus", "PGSSLMODE", "bogus"},
	     "sslmode value: \"bogus\"",
	     "\n    it is the value of PGSSLMODE, in the environment\n"},
	    {"explain host=h",
	     {"PGSSLMODE", "bog", "PGUSER", "u"},
	     "sslmode value: \"bog\"",
	     "\n    it is the value of PGSSLMODE, in the environment\n"},
	    {"explain host=h_sslmode=bog", {"PGSSLMODE", "bogus"}, "sslmode value: \"bog\"", "\n"},
	    {"explain service=none", {NULL}, "definition of service \"none\" not found", "\n" LIST},
	    {"explain host=http://u:x@h",
	     {NULL},
	     "pganchor: the host is a URL, not the name of a host",
	     "\n    write the host's name alone, and port, dbname and user as settings\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *hint;

		for (size_t j = 0; j < 4 && cases[i].variables[j] != NULL; j += 2)
			assert_int_equal(
			    setenv(cases[i].variables[j], cases[i].variables[j + 1], 1), 0);
		assert_int_equal(run(cases[i].words), PGA_EXIT_FAILED);
		for (size_t j = 0; j < 4 && cases[i].variables[j] != NULL; j += 2)
			assert_int_equal(unsetenv(cases[i].variables[j]), 0);
		assert_string_equal(printed.output, "");
		if (strstr(printed.errors, cases[i].said) == NULL)
			fail_msg("%s: %s", cases[i].words, printed.errors);
		hint = strchr(printed.errors, '\n');
		assert_string_equal(hint, cases[i].hint);
	}
}

/* What there is to do already is not said otherwise. */
static void what_is_advised_already(void **state)
{
	(void)state;
	here.fails = "policy";
	here.why = "user \"u\" is bad";
	assert_int_equal(setenv("PGUSER", "u", 1), 0);
	put(".pg_service.conf", "[s]\nhost=h\n");
	assert_int_equal(run("explain service=s"), PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: user \"u\" is bad\n    mend it\n");
	here.fails = "crls";
	assert_int_equal(run("explain host=h_sslmode=verify-full_gssencmode=disable"),
			 PGA_EXIT_FAILED);
	assert_string_equal(
	    printed.errors,
	    "pganchor: user \"u\" is bad\n    it is the value of PGUSER, in the environment\n");
	/* It is of the setting that is spoken of, and its value is. */
	here.why = "user \"x\" is bad";
	assert_int_equal(run("explain host=h_sslmode=verify-full_gssencmode=disable"),
			 PGA_EXIT_FAILED);
	assert_string_equal(printed.errors, "pganchor: user \"x\" is bad\n");
	here.why = "user or dbname \"d\" is bad";
	assert_int_equal(setenv("PGDATABASE", "d", 1), 0);
	assert_int_equal(run("explain host=h_sslmode=verify-full_gssencmode=disable"),
			 PGA_EXIT_FAILED);
	assert_string_equal(strchr(printed.errors, '\n'),
			    "\n    it is the value of PGDATABASE, in the environment\n");
	assert_int_equal(unsetenv("PGDATABASE"), 0);
	assert_int_equal(unsetenv("PGUSER"), 0);
}

/* ---- words that are no connection string ---- */

#define WORD(host)                                                           \
	"    nothing was judged; did you mean \"pganchor explain host=" host \
	"\" (a server), \"pganchor explain service=" host                    \
	"\" (a service), \"pganchor explain dbname=" host "\" (a database)\n"
#define A_URL                                                                             \
	"    libpq takes postgresql://USER@HOST:PORT/DBNAME, or words: pganchor explain " \
	"'host=HOST dbname=NAME'\n"
#define SEE "    see pganchor explain --help\n"

static void what_is_no_connection_string(void **state)
{
	static const struct {
		const char *words;
		const char *said;
	} cases[] = {
	    {"explain db", "explain: libpq takes db for the name of a database, on whatever server "
			   "it finds then\n" WORD("db")},
	    {"explain -- -p", "explain: libpq takes -p for the name of a database, on whatever "
			      "server it finds then\n" WORD("-p")},
	    {"explain mysql://u:x@h",
	     "explain: mysql://...: a URL, and none that libpq knows\n" A_URL},
	    {"explain My://", "explain: My://...: a URL, and none that libpq knows\n" A_URL},
	    {"explain x1y://h", "explain: ://...: a URL, and none that libpq knows\n" A_URL},
	    {"explain jdbc:my://h",
	     "explain: jdbc:my://...: a URL, and none that libpq knows\n" A_URL},
	    {"explain ://h", "explain: ://...: a URL, and none that libpq knows\n" A_URL},
	    {"explain a=b c=d",
	     "explain: one connection string, in quotes where it has blanks\n" SEE},
	    {"explain -h db",
	     "explain: -h is --help; the host is a word of the connection string: 'host=db'\n" SEE},
	    {"explain -p 5432",
	     "explain: -p: it is a word of the connection string: 'port=...'\n" SEE},
	    {"explain -p5432",
	     "explain: -p: it is a word of the connection string: 'port=...'\n" SEE},
	    {"explain host=h -U u",
	     "explain: -U: it is a word of the connection string: 'user=...'\n" SEE},
	    {"explain -d d",
	     "explain: -d: it is a word of the connection string: 'dbname=...'\n" SEE},
	    {"explain --host=h",
	     "explain: --host: it is a word of the connection string: 'host=...'\n" SEE},
	    {"explain --port 1",
	     "explain: --port: it is a word of the connection string: 'port=...'\n" SEE},
	    {"explain --username u",
	     "explain: --username: it is a word of the connection string: 'user=...'\n" SEE},
	    {"explain --dbname d",
	     "explain: --dbname: it is a word of the connection string: 'dbname=...'\n" SEE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (run(cases[i].words) != PGA_EXIT_USAGE ||
		    strcmp(printed.errors + strlen("pganchor: "), cases[i].said) != 0)
			fail_msg("%s: %s", cases[i].words, printed.errors);
		assert_string_equal(happened, "");
		assert_string_equal(printed.output, "");
	}
	assert_int_equal(run("explain --help"), PGA_EXIT_DONE);
	assert_int_equal(run("explain --jsn"), PGA_EXIT_USAGE);
	assert_string_equal(happened, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(which_libpq, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_last_of_its_kind, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_verdict, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_warned_of, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(without_a_root, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(as_json, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(the_look_that_fails, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_libpq_refuses, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_advised_already, begin, remove_scratch),
	    cmocka_unit_test_setup_teardown(what_is_no_connection_string, begin, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
