/* The entries of a service file: what is found in it, what libpq and the policy make of each, what
 * a wish becomes, and what is written; and all of that without memory. */
#include "certificates.h"
#include "failing.h"
#include "folder.h"

#include "policy/linked.h"
#include "service/compose.h"
#include "service/roots.h"
#include "service/standing.h"
#include "service/surroundings.h"
#include "service/write.h"

#include <sys/stat.h>

static struct pga_certificate root;
static struct pga_error error;
/* As no file says anything: enforce, pinned, TLS 1.2. */
static struct pga_policy policy;

static int make_root_once(void **state)
{
	struct pga_hidden_environment hidden;

	(void)state;
	root = make_root("Root");
	if (pga_hide_environment(&hidden) != 0)
		return -1;
	policy = (struct pga_policy){.mode = PGA_MODE_ENFORCE,
				     .trust = PGA_TRUST_PINNED,
				     .unix_socket = PGA_ALLOW,
				     .min_tls = PGA_TLS_1_2};
	return 0;
}

static int free_root(void **state)
{
	(void)state;
	pga_certificate_free(&root);
	return 0;
}

/* A home whose root.crt has the root; the machine's services are in sys. */
static int make_home(void **state)
{
	if (make_folder(state) != 0 || setenv("HOME", folder, 1) != 0 ||
	    unsetenv("XDG_CONFIG_HOME") != 0 || unsetenv("PGSERVICEFILE") != 0 ||
	    setenv("PGSYSCONFDIR", folder, 1) != 0 || mkdir(".postgresql", 0700) != 0)
		return -1;
	put(".postgresql/root.crt", root.pem);
	return 0;
}

#define STRONG "sslmode=verify-full\ngssencmode=disable\n"

static const char entries[] = "# top\n"
			      "\n"
			      "[b]\nhost=h\n" STRONG "\n"
			      "[a\nhost=h\n"
			      "[c]\n \tldap://x/y\n"
			      "[b]\nhost=h2\n"
			      "[a]\nhost=h\n"
			      "[c]\nldap=x\n"
			      "[b]\n";

static void entries_of_a_file(void **state)
{
	static const struct {
		const char *name;
		size_t line;
		size_t shadowed;
		bool ldap;
	} wanted[] = {
	    {"b", 3, 0, false},  {NULL, 8, 0, false}, {"c", 10, 0, true},  {"b", 12, 3, false},
	    {"a", 14, 0, false}, {"c", 16, 10, true}, {"b", 18, 3, false},
	};
	struct pga_service_file file;
	size_t start = strlen("# top\n\n");

	(void)state;
	put("pg_service.conf", entries);
	assert_int_equal(pga_service_file_read(&file, PGA_SERVICE_SYSTEM, &error), 0);
	assert_true(file.found);
	assert_int_equal(file.place, PGA_SERVICE_SYSTEM);
	assert_int_equal(file.count, 7);
	assert_int_equal(file.named, 6);
	for (size_t i = 0; i < file.count; i++) {
		const struct pga_entry *entry = &file.entries[i];

		if (wanted[i].name == NULL)
			assert_null(entry->name);
		else
			assert_string_equal(entry->name, wanted[i].name);
		assert_int_equal(entry->line, wanted[i].line);
		assert_int_equal(entry->shadowed, wanted[i].shadowed);
		assert_int_equal(entry->ldap, wanted[i].ldap);
		assert_int_equal(entry->start, start);
		start = entry->end;
	}
	assert_int_equal(start, strlen(entries));
	assert_ptr_equal(pga_service_file_find(&file, "a"), &file.entries[4]);
	assert_ptr_equal(pga_service_file_find(&file, "b"), &file.entries[0]);
	assert_ptr_equal(pga_service_file_find(&file, "c"), &file.entries[2]);
	assert_null(pga_service_file_find(&file, ""));
	assert_null(pga_service_file_find(&file, "aa"));
	assert_null(pga_service_file_find(&file, "d"));
	pga_service_file_free(&file);
	assert_int_equal(file.count, 0);
}

/* More than are made room for at first. */
static void many_entries(void **state)
{
	struct pga_service_file file;
	struct pga_text text = PGA_TEXT_EMPTY;
	char name[8];

	(void)state;
	for (int i = 99; i >= 0; i--)
		pga_text_addf(&text, "[s%02d]\nhost=h\n", i);
	put("pg_service.conf", pga_text_string(&text));
	assert_int_equal(pga_service_file_read(&file, PGA_SERVICE_SYSTEM, &error), 0);
	assert_int_equal(file.count, 100);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "s%02d", i);
		assert_ptr_equal(pga_service_file_find(&file, name), &file.entries[99 - i]);
	}
	pga_service_file_free(&file);
	pga_text_free(&text);
}

static void assert_path(enum pga_service_place place, const char *wanted)
{
	char *path = pga_service_path(place, &error);

	assert_non_null(path);
	assert_string_equal(path, wanted);
	free(path);
}

static void where_the_files_are(void **state)
{
	char wanted[128];
	struct pga_service_file file;

	(void)state;
	(void)snprintf(wanted, sizeof wanted, "%s/.pg_service.conf", folder);
	assert_path(PGA_SERVICE_USER, wanted);
	(void)snprintf(wanted, sizeof wanted, "%s/pg_service.conf", folder);
	assert_path(PGA_SERVICE_SYSTEM, wanted);
	assert_int_equal(unsetenv("PGSYSCONFDIR"), 0);
	assert_path(PGA_SERVICE_SYSTEM, PG_SYSCONFDIR "/pg_service.conf");
	assert_int_equal(setenv("PGSERVICEFILE", "x/y", 1), 0);
	assert_path(PGA_SERVICE_USER, "x/y");
	assert_int_equal(setenv("PGSERVICEFILE", "", 1), 0);
	assert_null(pga_service_path(PGA_SERVICE_USER, &error));
	assert_string_equal(error.message, "PGSERVICEFILE: set, but empty");
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
	assert_int_equal(pga_service_file_read(&file, PGA_SERVICE_USER, &error), 0);
	assert_false(file.found);
	assert_int_equal(file.count, 0);
	assert_null(pga_service_file_find(&file, "x"));
	pga_service_file_free(&file);
	assert_string_equal(pga_service_place_name(PGA_SERVICE_USER), "user");
	assert_string_equal(pga_service_place_name(PGA_SERVICE_SYSTEM), "system");
}

static void no_text(void **state)
{
	(void)state;
	assert_int_equal(pga_service_text_check("f", NULL, 0, &error), 0);
	assert_int_equal(pga_service_text_check("f", "a\nb", 3, &error), 0);
	assert_int_equal(pga_service_text_check("f", "a\nb\n\0\n\0", 7, &error), -1);
	assert_string_equal(
	    error.message,
	    "f, line 3: holds a NUL byte, behind which libpq and others read different lines");
	assert_int_equal(pga_service_text_check("f", "\0", 1, &error), -1);
	assert_memory_equal(error.message, "f, line 1:", 10);
}

/* Judges every entry of the file: its name, how it stands and why. */
static int judge(struct pga_text *told, struct pga_error *said)
{
	struct pga_service_file file;
	struct pga_judging judging;
	int result = -1;

	if (pga_service_file_read(&file, PGA_SERVICE_SYSTEM, said) != 0)
		return -1;
	result = pga_judging_begin(&judging, &file, &policy, said);
	for (size_t i = 0; result == 0 && i < file.count; i++) {
		struct pga_standing standing;

		result = pga_standing_of_entry(&judging, &file.entries[i], &standing, said);
		if (result != 0)
			break;
		if (told != NULL)
			pga_text_addf(told, "%s: %s: %s%s%s\n",
				      file.entries[i].name != NULL ? file.entries[i].name : "",
				      pga_stands_word(standing.stands),
				      pga_text_string(&standing.why),
				      standing.needs_tls ? "; TLS" : "",
				      standing.no_roots ? "; no roots" : "");
		pga_standing_free(&standing);
	}
	pga_judging_end(&judging);
	pga_service_file_free(&file);
	return result;
}

static void assert_told(const char *wanted)
{
	struct pga_text told = PGA_TEXT_EMPTY;

	if (judge(&told, &error) != 0)
		fail_msg("%s", error.message);
	assert_string_equal(pga_text_string(&told), wanted);
	pga_text_free(&told);
}

static const char judged[] =
    "[good]\nhost=h\n" STRONG "[late]\nhost=h h\n" STRONG "[local]\nhost=/run\n"
    "[relative]\nhost=h\nsslrootcert=ca.crt\n" STRONG
    "[again]\nhost=h\nsslrootcert=/nowhere\n" STRONG
    "[good]\nhost=x\n[open\n[ask]\nldap://h\n[port]\nhost=h\nport=x\n" STRONG
    "[address]\nhost=h\nhostaddr=h\n" STRONG "[many]\nhost=a,b\nhostaddr=127.0.0.1,x\n" STRONG;

static const char judged_told[] =
    "good: allowed: ; TLS\n"
    "late: broken: host \"h h\": holds a blank; TLS\n"
    "local: allowed: \n"
    "relative: weak: sslrootcert=ca.crt is another file in every directory: whoever can "
    "put one there is "
    "trusted; TLS\n"
    "again: broken: root certificate file /nowhere does not exist; TLS; no roots\n"
    "good: shadowed: by line 1: libpq takes the first entry of a name\n"
    ": broken: the header has no closing bracket: libpq never finds it\n"
    "ask: unknown: ldap lookup: what an LDAP server will answer cannot be judged here\n"
    "port: broken: invalid integer value \"x\" for connection option \"port\"\n"
    "address: broken: could not parse network address \"h\": Name or service not known\n"
    "many: broken: could not parse network address \"x\": Name or service not known\n";

static void how_entries_stand(void **state)
{
	(void)state;
	put("pg_service.conf", judged);
	assert_told(judged_told);
}

static void lines_that_libpq_refuses(void **state)
{
	char wanted[512];
	char text[2048];
	char line[1100];

	(void)state;
	put("pg_service.conf", "# c\n[a]\nhost=h\n" STRONG "[b]\nhost=h\nbogus=1\n");
	(void)snprintf(wanted, sizeof wanted,
		       "a: allowed: ; TLS\nb: broken: syntax error in service file "
		       "\"%s/pg_service.conf\", line 8\n",
		       folder);
	assert_told(wanted);
	/* Where one line ends libpq's reading, the file is read as it is. */
	memset(line, '#', 1023);
	line[1023] = '\0';
	(void)snprintf(text, sizeof text, "[a]\nhost=h\n" STRONG "[b]\nbogus=1\n%s\n[c]\nhost=h\n",
		       line);
	put("pg_service.conf", text);
	(void)snprintf(wanted, sizeof wanted,
		       "a: allowed: ; TLS\nb: broken: syntax error in service file "
		       "\"%s/pg_service.conf\", line 6\n"
		       "c: broken: line 7 too long in service file \"%s/pg_service.conf\"\n",
		       folder, folder);
	assert_told(wanted);
}

static int judge_all(struct pga_error *said)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	int result = judge(&told, said);

	/* What could not be found out is not called something else. */
	if (result == 0 && (told.failed || strstr(pga_text_string(&told), "out of memory") != NULL))
		result = pga_fail_memory(said);
	else if (result == 0)
		assert_string_equal(pga_text_string(&told), judged_told);
	pga_text_free(&told);
	return result;
}

static void judging_without_memory(void **state)
{
	(void)state;
	put("pg_service.conf", judged);
	without_each(judge_all, true);
}

/* What surrounds an entry stays as it was. */
static void the_environment_stays(void **state)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_standing standing;

	(void)state;
	put("pg_service.conf", judged);
	assert_int_equal(setenv("PGSERVICEFILE", "mine", 1), 0);
	assert_int_equal(setenv("PGSERVICE", "good", 1), 0);
	assert_int_equal(judge(NULL, &error), 0);
	assert_string_equal(getenv("PGSERVICEFILE"), "mine");
	assert_string_equal(getenv("PGSYSCONFDIR"), folder);
	assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
	assert_int_equal(judge(NULL, &error), 0);
	assert_null(getenv("PGSERVICEFILE"));
	assert_int_equal(pga_settings_add(&settings, "host", "h", &error), 0);
	assert_int_equal(pga_standing_here(&settings, &policy, &standing, &error), 0);
	assert_string_equal(getenv("PGSERVICE"), "good");
	assert_int_equal(standing.stands, PGA_STANDS_WEAK);
	pga_standing_free(&standing);
	assert_int_equal(unsetenv("PGSERVICE"), 0);
	assert_int_equal(pga_standing_here(&settings, &policy, &standing, &error), 0);
	assert_null(getenv("PGSERVICE"));
	pga_standing_free(&standing);
	pga_settings_free(&settings);
}

static const char *const surroundings[][2] = {
    {"PGSSLCRL", "/nowhere/a b"},
    {"PGPORT", "5433"},
    {"PGUSER", "u"},
    {"PGDATABASE", "d"},
    {"PGPASSWORD", "secret"},
    {"PGAPPNAME", "x"},
    {"PGOPTIONS", ""},
    {"PGCONNECT_TIMEOUT", "3"},
    {"PGCLIENTENCODING", "UTF8"},
    {"PGPASSFILE", "/p"},
    {"PGHOST", "other"},
    {"PGGSSENCMODE", ""},
};

static int tell(struct pga_text *told, const char *mode, struct pga_error *said)
{
	struct pga_settings settings = {.items = NULL};
	struct pga_standing standing;
	int result = -1;

	if (pga_settings_add(&settings, "host", "h", said) == 0 &&
	    pga_settings_add(&settings, "sslmode", mode, said) == 0 &&
	    pga_settings_add(&settings, "gssencmode", "disable", said) == 0 &&
	    pga_standing_here(&settings, &policy, &standing, said) == 0) {
		pga_surroundings_tell(&standing, told);
		result = standing.why.failed || told->failed ? pga_fail_memory(said) : 0;
		pga_standing_free(&standing);
	}
	pga_settings_free(&settings);
	return result;
}

#define COUNTS(keyword)                                                                  \
	" counts in this shell, since the entry does not say " keyword "; give " keyword \
	"=VALUE to have "                                                                \
	"the same everywhere"

static const char surroundings_told[] = "environment PGPORT: port=5433" COUNTS(
    "port") "\nenvironment PGSSLCRL: sslcrl=/nowhere/a b" COUNTS("sslcrl");

static int tell_once(struct pga_error *said)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	const int result = tell(&told, "verify-full", said);

	if (result == 0)
		assert_string_equal(pga_text_string(&told), surroundings_told);
	pga_text_free(&told);
	return result;
}

/* What the environment adds to an entry is said, but for what is about the user. */
static void what_surrounds_an_entry(void **state)
{
	struct pga_text told = PGA_TEXT_EMPTY;
	char wanted[1024];

	(void)state;
	for (size_t i = 0; i < sizeof surroundings / sizeof surroundings[0]; i++)
		assert_int_equal(setenv(surroundings[i][0], surroundings[i][1], 1), 0);
	without_each(tell_once, true);
	assert_int_equal(tell(&told, "prefer", &error), 0);
	(void)snprintf(
	    wanted, sizeof wanted,
	    "%s\nwith the environment of this shell the entry is weak: ", surroundings_told);
	assert_memory_equal(pga_text_string(&told), wanted, strlen(wanted));
	pga_text_free(&told);
	for (size_t i = 0; i < sizeof surroundings / sizeof surroundings[0]; i++)
		assert_int_equal(unsetenv(surroundings[i][0]), 0);
	assert_int_equal(tell(&told, "verify-full", &error), 0);
	assert_string_equal(pga_text_string(&told), "");
	assert_int_equal(tell(&told, "prefer", &error), 0);
	assert_memory_equal(pga_text_string(&told), wanted + strlen(surroundings_told) + 1,
			    strlen(wanted) - strlen(surroundings_told) - 1);
	pga_text_free(&told);
}

/* Composes the entry of these settings (keyword, value, …) and writes it. */
static int add(const char *const *words, const char *anchor, const struct pga_pins *pins,
	       struct pga_text *told, struct pga_changed *changed, struct pga_error *said)
{
	struct pga_wish wish = {.anchor = anchor, .place = PGA_SERVICE_USER};
	const struct pga_change change = {.name = "s", .place = PGA_SERVICE_USER, .replace = true};
	struct pga_composition composition;
	int result = 0;

	memset(changed, 0, sizeof *changed);
	for (size_t i = 0; result == 0 && words[i] != NULL; i += 2)
		result = pga_settings_add(&wish.settings, words[i], words[i + 1], said);
	if (result == 0 && (result = pga_compose(&wish, &policy, pins, &composition, said)) == 0) {
		if (told != NULL) {
			for (size_t i = 0; i < composition.settings.count; i++)
				pga_text_addf(told, "%s=%s\n",
					      composition.settings.items[i].keyword,
					      composition.settings.items[i].value);
			pga_text_addf(told, "%s: %s\n%s",
				      pga_stands_word(composition.standing.stands),
				      pga_text_string(&composition.standing.why),
				      pga_text_string(&composition.warnings));
		}
		if (composition.standing.stands == PGA_STANDS_ALLOWED)
			result = pga_service_write(&change, &composition.settings, &policy, changed,
						   said);
		pga_composition_free(&composition);
	}
	pga_settings_free(&wish.settings);
	return result;
}

static void assert_composed(const char *const *words, const char *wanted)
{
	static const struct pga_pins none = {.count = 0};
	struct pga_text told = PGA_TEXT_EMPTY;
	struct pga_changed changed;

	if (add(words, NULL, &none, &told, &changed, &error) != 0)
		fail_msg("%s", error.message);
	assert_string_equal(pga_text_string(&told), wanted);
	pga_changed_free(&changed);
	pga_text_free(&told);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define UNPINNED                                                                          \
	"no anchor is pinned for h: libpq will trust what ~/.postgresql/root.crt holds; " \
	"\"pganchor bootstrap\" "                                                         \
	"pins one"

static void what_a_wish_becomes(void **state)
{
	(void)state;
	assert_composed(
	    WORDS("application_name", "x", "port", "1", "user", "u", "dbname", "d", "host", "h"),
	    "host=h\nport=1\ndbname=d\nuser=u\nsslmode=verify-full\ngssencmode="
	    "disable\napplication_name=x\n"
	    "allowed: \n" UNPINNED);
	assert_composed(WORDS("host", "/run"),
			"host=/run\nsslmode=verify-full\ngssencmode=disable\nallowed: \n");
	assert_composed(
	    WORDS("host", "h", "password", "x"),
	    "host=h\nsslmode=verify-full\ngssencmode=disable\npassword=x\nallowed: \n" UNPINNED
	    "\nthe password stands in the file as clear text; ~/.pgpass (mode 0600) is its place");
	assert_composed(
	    WORDS("host", "h", "gssencmode", "prefer"),
	    "host=h\nsslmode=verify-full\ngssencmode=prefer\n"
	    "weak: gssencmode=prefer may take GSSAPI encryption instead of TLS\n" UNPINNED);
	assert_composed(
	    WORDS("host", "h", "ssl_min_protocol_version", "TLSv1"),
	    "host=h\nsslmode=verify-full\ngssencmode=disable\nssl_min_protocol_version=TLSv1\n"
	    "weak: ssl_min_protocol_version=TLSv1 is lower than TLSv1.2\n" UNPINNED);
	assert_composed(
	    WORDS("host", "h", "gssencmode", "prefer", "ssl_min_protocol_version", "TLSv1"),
	    "host=h\nsslmode=verify-full\ngssencmode=prefer\nssl_min_protocol_version=TLSv1\n"
	    "weak: gssencmode=prefer may take GSSAPI encryption instead of TLS\n"
	    "ssl_min_protocol_version=TLSv1 is lower than TLSv1.2\n" UNPINNED);
	assert_composed(
	    WORDS("host", "h", "sslrootcert", "/nowhere"),
	    "host=h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=/nowhere\nallowed: \n"
	    "sslrootcert=/nowhere: no connection will succeed until that is put right: root "
	    "certificate file "
	    "/nowhere does not exist");
	policy.min_tls = PGA_TLS_1_3;
	assert_composed(WORDS("host", "h"),
			"host=h\nsslmode=verify-full\ngssencmode=disable\n"
			"ssl_min_protocol_version=TLSv1.3\nallowed: \n" UNPINNED);
	policy.min_tls = PGA_TLS_1_2;
}

static struct pga_pins pins_of(const char *scope)
{
	struct pga_pins pins;
	char text[256];

	(void)snprintf(text, sizeof text, "[n]\nscope = %s\nhosts = h *.h\npin = %s\n", scope,
		       root.pin);
	assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
	return pins;
}

static void put_own_file(const char *content)
{
	if (access(".config", F_OK) != 0) {
		assert_int_equal(mkdir(".config", 0700), 0);
		assert_int_equal(mkdir(".config/pganchor", 0700), 0);
		assert_int_equal(mkdir(".config/pganchor/anchors", 0700), 0);
	}
	put(".config/pganchor/anchors/n.crt", content);
}

static void the_anchor_s_file(void **state)
{
	struct pga_pins scoped = pins_of("scoped");
	struct pga_pins open = pins_of("root.crt");
	struct pga_text told = PGA_TEXT_EMPTY;
	struct pga_changed changed;
	char wanted[512];

	(void)state;
	put_own_file(root.pem);
	assert_int_equal(add(WORDS("host", "h"), NULL, &scoped, &told, &changed, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "host=h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=%s/.config/"
		       "pganchor/anchors/n.crt\n"
		       "allowed: \n",
		       folder);
	assert_string_equal(pga_text_string(&told), wanted);
	assert_true(changed.created);
	assert_false(changed.replaced || changed.unchanged || changed.readable_by_others);
	assert_int_equal(changed.line, 1);
	assert_int_equal(changed.sections, 0);
	pga_changed_free(&changed);
	pga_text_free(&told);
	/* Named, though it is in root.crt. */
	assert_int_equal(add(WORDS("host", "x.h"), "n", &open, NULL, &changed, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "[s]\nhost=x.h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=%s/"
		       ".config/pganchor/anchors/n.crt\n",
		       folder);
	assert_holds(".pg_service.conf", wanted);
	assert_true(changed.replaced);
	assert_false(changed.created || changed.unchanged);
	pga_changed_free(&changed);
	assert_int_equal(add(WORDS("host", "x.h"), "n", &open, NULL, &changed, &error), 0);
	assert_true(changed.replaced && changed.unchanged);
	pga_changed_free(&changed);
	/* And root.crt itself. */
	assert_int_equal(add(WORDS("host", "h"), NULL, &open, &told, &changed, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "host=h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=%s/"
		       ".postgresql/root.crt\nallowed: \n",
		       folder);
	assert_string_equal(pga_text_string(&told), wanted);
	pga_changed_free(&changed);
	/* No other certificate may be beside it. */
	(void)snprintf(wanted, sizeof wanted,
		       "anchor n: %s/.config/pganchor/anchors/n.crt: holds no certificate that",
		       folder);
	put_own_file("");
	assert_int_equal(add(WORDS("host", "h"), NULL, &scoped, NULL, &changed, &error), -1);
	assert_memory_equal(error.message, wanted, strlen(wanted));
	assert_int_equal(
	    add(WORDS("host", "h", "sslrootcert", "/x"), "n", &open, NULL, &changed, &error), -1);
	assert_string_equal(error.message,
			    "--anchor and sslrootcert: both say which root to trust");
	pga_text_free(&told);
	pga_pins_free(&scoped);
	pga_pins_free(&open);
}

static const struct pga_pins *pins_used;

static int add_once(struct pga_error *said)
{
	struct pga_changed changed;
	struct pga_text told = PGA_TEXT_EMPTY;
	const int result = add(WORDS("host", "h,i", "password", "x", "port", "1"), NULL, pins_used,
			       &told, &changed, said);

	left = 0;
	if (result == 0)
		assert_true(changed.created);
	pga_changed_free(&changed);
	pga_text_free(&told);
	assert_int_equal(access(".pg_service.conf", F_OK), result);
	(void)unlink(".pg_service.conf");
	return result;
}

static void adding_without_memory(void **state)
{
	struct pga_pins scoped = pins_of("scoped");
	struct pga_pins open = pins_of("root.crt");

	(void)state;
	put_own_file(root.pem);
	pins_used = &scoped;
	without_each(add_once, true);
	pins_used = &open;
	without_each(add_once, true);
	policy.min_tls = PGA_TLS_1_3;
	without_each(add_once, true);
	policy.min_tls = PGA_TLS_1_2;
	pga_pins_free(&scoped);
	pga_pins_free(&open);
}

static int delete_once(struct pga_error *said)
{
	const struct pga_change change = {.name = "good", .place = PGA_SERVICE_SYSTEM};
	struct pga_changed changed;
	int result;

	put("pg_service.conf", "[a]\nhost=h\n[good]\nhost=h\n");
	result = pga_service_delete(&change, &changed, said);
	left = 0;
	assert_holds("pg_service.conf",
		     result == 0 ? "[a]\nhost=h\n" : "[a]\nhost=h\n[good]\nhost=h\n");
	if (result == 0) {
		assert_string_equal(pga_text_string(&changed.removed), "[good]\nhost=h\n");
		assert_int_equal(changed.line, 3);
		assert_int_equal(changed.sections, 1);
		assert_true(changed.readable_by_others);
	}
	pga_changed_free(&changed);
	return result;
}

static void deleting_without_memory(void **state)
{
	(void)state;
	without_each(delete_once, true);
}

static void what_cannot_be_written(void **state)
{
	const struct pga_change change = {.name = "a", .place = PGA_SERVICE_SYSTEM};
	struct pga_settings settings = {.items = NULL};
	struct pga_changed changed;
	char wanted[256];

	(void)state;
	put("pg_service.conf", "\n[b]\nhost=h\n[a]\nhost=h\n");
	assert_int_equal(pga_settings_add(&settings, "host", "/run", &error), 0);
	assert_int_equal(pga_service_write(&change, &settings, &policy, &changed, &error), -1);
	(void)snprintf(wanted, sizeof wanted,
		       "service a: stands already in %s/pg_service.conf, line 4", folder);
	assert_string_equal(error.message, wanted);
	/* What would be weak is not written. */
	pga_settings_free(&settings);
	assert_int_equal(pga_settings_add(&settings, "host", "h", &error), 0);
	assert_int_equal(
	    pga_service_write(&(struct pga_change){.name = "c", .place = PGA_SERVICE_SYSTEM},
			      &settings, &policy, &changed, &error),
	    -1);
	assert_memory_equal(error.message, "the new entry would be weak: ", 29);
	assert_int_equal(
	    pga_service_delete(&(struct pga_change){.name = "c", .place = PGA_SERVICE_SYSTEM},
			       &changed, &error),
	    -1);
	(void)snprintf(wanted, sizeof wanted,
		       "service c: there is none of this name in %s/pg_service.conf", folder);
	assert_string_equal(error.message, wanted);
	assert_holds("pg_service.conf", "\n[b]\nhost=h\n[a]\nhost=h\n");
	pga_settings_free(&settings);
}

static void what_a_file_of_roots_holds(void **state)
{
	struct pga_certificate other = make_root("Other");
	char text[8192];

	(void)state;
	put("f", root.pem);
	assert_int_equal(pga_roots_hold("f", root.pin, true, &error), 0);
	assert_int_equal(pga_roots_hold("f", other.pin, false, &error), -1);
	assert_string_equal(error.message, "f: does not hold the certificate that is pinned");
	for (size_t i = 0; i < PGA_PIN_LENGTH; i++) {
		char pin[PGA_PIN_LENGTH + 1];

		memcpy(pin, root.pin, sizeof pin);
		pin[i] = pin[i] == '0' ? '1' : '0';
		assert_int_equal(pga_roots_hold("f", pin, false, &error), -1);
	}
	for (int first = 0; first < 2; first++) {
		(void)snprintf(text, sizeof text, "%s%s", first ? root.pem : other.pem,
			       first ? other.pem : root.pem);
		put("f", text);
		assert_int_equal(pga_roots_hold("f", root.pin, false, &error), 0);
		assert_int_equal(pga_roots_hold("f", root.pin, true, &error), -1);
		assert_string_equal(error.message, "f: holds another certificate, too");
	}
	put("f", "");
	assert_int_equal(pga_roots_hold("f", root.pin, true, &error), -1);
	assert_string_equal(
	    error.message,
	    "f: holds no certificate that OpenSSL can read (no certificate or crl found)");
	put("f", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
	assert_int_equal(pga_roots_hold("f", root.pin, true, &error), -1);
	assert_string_equal(error.message,
			    "f: holds no certificate that OpenSSL can read (PEM lib)");
	assert_int_equal(pga_roots_hold("f/x", root.pin, true, &error), -1);
	assert_string_equal(error.message, "root certificate file f/x does not exist");
	pga_certificate_free(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_folder)
	const struct CMUnitTest tests[] = {
	    TEST(entries_of_a_file),          TEST(many_entries),
	    TEST(where_the_files_are),        TEST(no_text),
	    TEST(how_entries_stand),          TEST(lines_that_libpq_refuses),
	    TEST(judging_without_memory),     TEST(the_environment_stays),
	    TEST(what_surrounds_an_entry),    TEST(what_a_wish_becomes),
	    TEST(the_anchor_s_file),          TEST(adding_without_memory),
	    TEST(deleting_without_memory),    TEST(what_cannot_be_written),
	    TEST(what_a_file_of_roots_holds),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
