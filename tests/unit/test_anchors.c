/* anchor/anchors.h: what an installation makes of the three files, and of what is there already. */
#include "certificates.h"
#include "failing.h"
#include "directory.h"

#include "anchor/anchors.h"
#include "anchor/anchors_conf.h"
#include "anchor/known_roots.h"
#include "anchor/root_crt.h"
#include "anchor/unpinned.h"

#include <sys/stat.h>

#define CONF     ".config/pganchor/anchors.conf"
#define CRT      ".config/pganchor/anchors/n.crt"
#define ROOT_CRT ".postgresql/root.crt"
#define SOURCE   "https://ca"

static struct pga_certificate one;
static struct pga_certificate two;

static int make_roots(void **state)
{
	(void)state;
	one = make_root("One");
	two = make_root("Two");
	return unsetenv("XDG_CONFIG_HOME");
}

static int free_roots(void **state)
{
	(void)state;
	pga_certificate_free(&one);
	pga_certificate_free(&two);
	return 0;
}

static int make_home(void **state)
{
	return make_scratch(state) == 0 ? setenv("HOME", scratch, 1) : -1;
}

/* What the next installation is to do, and has done. */
static struct pga_anchor wish;
static struct pga_anchoring done;
static struct pga_error error;

static void wish_for(const struct pga_certificate *root)
{
	wish = (struct pga_anchor){.proof = {.root = root}, .fallback_name = "n", .source = SOURCE};
}

static int install(bool dry_run)
{
	pga_anchoring_free(&done);
	memset(&error, 0, sizeof error);
	return pga_anchor_install(&wish, dry_run, &done, &error);
}

static void assert_installed(enum pga_change conf, enum pga_change crt, enum pga_change root_crt)
{
	if (install(false) != 0)
		fail_msg("%s", error.message);
	assert_int_equal(done.conf.change, conf);
	assert_int_equal(done.crt.change, crt);
	assert_int_equal(done.root_crt.change, root_crt);
}

/* With the files as they were. */
static void assert_refused(const char *message, const char *hint)
{
	assert_int_equal(install(false), -1);
	assert_string_equal(error.message, message);
	assert_string_equal(error.hint, hint);
	assert_null(done.name);
	assert_null(done.conf.path);
}

/* Its parts, one after the other. */
static void assert_root_crt(const char *a, const char *b, const char *c, const char *d)
{
	char text[8192];

	(void)snprintf(text, sizeof text, "%s%s%s%s", a, b, c, d);
	assert_holds(ROOT_CRT, text);
}

static void assert_conf(const char *name, const char *hosts, const char *scope,
			const struct pga_certificate *root)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	char wanted[1024];
	const char *at;

	assert_int_equal(pga_file_read(CONF, &content, NULL, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "\n[%s]\nsource = " SOURCE "\n%s%s%sscope = %s\npinned = 20", name,
		       hosts != NULL ? "hosts = " : "", hosts != NULL ? hosts : "",
		       hosts != NULL ? "\n" : "", scope);
	at = strstr(pga_text_string(&content), wanted);
	assert_non_null(at);
	at += strlen(wanted);
	assert_memory_equal(at + strspn(at, "-:T0123456789"), "Z\nsubject = ", 12);
	(void)snprintf(wanted, sizeof wanted, "subject = %s\nnot-after = %s\npin = %s\n",
		       root->subject, root->not_after, root->pin);
	at = strstr(at, wanted);
	assert_non_null(at);
	assert_string_equal(at, wanted);
	pga_text_free(&content);
}

static void the_first(void **state)
{
	(void)state;
	wish_for(&one);
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	assert_string_equal(done.name, "n");
	assert_string_equal(done.source, SOURCE);
	assert_string_equal(done.hosts, "*");
	assert_false(done.scoped || done.kept_scoped || done.known || done.old_stays);
	assert_null(done.replaced);
	assert_null(done.crl_fault);
	assert_string_equal(done.conf.path + strlen(scratch), "/" CONF);
	assert_string_equal(done.crt.path + strlen(scratch), "/" CRT);
	assert_string_equal(done.root_crt.path + strlen(scratch), "/" ROOT_CRT);
	assert_conf("n", NULL, "root.crt", &one);
	assert_holds(CRT, one.pem);
	assert_root_crt("# pganchor anchor n\n", one.pem, "", "");
	/* Again: nothing. */
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_true(done.known);
	assert_string_equal(done.name, "n");
	assert_null(done.replaced);
	wish.hosts = "*";
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	/* Whatever else is called its source. */
	wish.source = "https://other";
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_string_equal(done.source, SOURCE);
}

static void nothing_is_written_in_a_rehearsal(void **state)
{
	(void)state;
	wish_for(&one);
	assert_int_equal(install(true), 0);
	assert_int_equal(done.conf.change, PGA_CREATED);
	assert_int_equal(done.crt.change, PGA_CREATED);
	assert_int_equal(done.root_crt.change, PGA_CREATED);
	assert_int_equal(access(".config", F_OK), -1);
	assert_int_equal(access(".postgresql", F_OK), -1);
}

static void under_a_name_of_the_users(void **state)
{
	(void)state;
	wish_for(&one);
	wish.name = "mine";
	wish.hosts = "a b";
	wish.scoped = true;
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_UNCHANGED);
	assert_null(done.root_crt.path);
	assert_conf("mine", "a b", "scoped", &one);
	assert_holds(".config/pganchor/anchors/mine.crt", one.pem);
	assert_int_equal(access(".postgresql", F_OK), -1);
	/* The pin's own name counts, whatever the address is called. */
	wish_for(&one);
	wish.scoped = true;
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_string_equal(done.name, "mine");
	assert_string_equal(done.hosts, "a b");
	wish.name = "other";
	assert_refused("anchor other: this root is pinned already, as mine",
		       "leave --name out, or use that one");
	wish.replace = true;
	assert_refused("anchor other: this root is pinned already, as mine",
		       "leave --name out, or use that one");
	wish.name = ".x";
	assert_refused("--name: .x: not 1 to 64 of the letters A-Z a-z 0-9 . _ - with neither . "
		       "nor - in front",
		       "such as --name company");
}

static void what_is_known_is_kept(void **state)
{
	(void)state;
	wish_for(&one);
	wish.hosts = "a";
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	wish.hosts = "b";
	assert_refused("anchor n: pinned already, for the hosts a", "--replace changes that");
	wish.hosts = NULL;
	wish.scoped = true;
	assert_refused("anchor n: pinned already, and installed in root.crt",
		       "--scoped --replace takes it out of there");
	assert_root_crt("# pganchor anchor n\n", one.pem, "", "");
	wish.scoped = false;
	wish.hosts = "b";
	wish.replace = true;
	assert_installed(PGA_CHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_string_equal(done.hosts, "b");
	assert_conf("n", "b", "root.crt", &one);
	wish.hosts = NULL;
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_string_equal(done.hosts, "b");
}

static void another_root(void **state)
{
	char message[256];

	(void)state;
	wish_for(&one);
	wish.hosts = "a";
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	wish_for(&two);
	(void)snprintf(message, sizeof message,
		       "anchor n: the name is taken by another root, %s, from " SOURCE, one.pin);
	assert_refused(message,
		       "choose another --name, or --replace it, if that CA has a new root");
	wish.replace = true;
	assert_installed(PGA_CHANGED, PGA_CHANGED, PGA_CHANGED);
	assert_string_equal(done.replaced, one.pin);
	assert_string_equal(done.hosts, "a");
	assert_false(done.old_stays || done.known);
	assert_holds(CRT, two.pem);
	assert_root_crt("# pganchor anchor n\n", two.pem, "", "");
	/* And one that somebody else has put there too. */
	put(ROOT_CRT, "");
	assert_int_equal(unlink(ROOT_CRT), 0);
	put(ROOT_CRT, two.pem);
	wish_for(&one);
	wish.replace = true;
	assert_installed(PGA_CHANGED, PGA_CHANGED, PGA_CHANGED);
	assert_true(done.old_stays);
	assert_root_crt(two.pem, "# pganchor anchor n\n", one.pem, "");
}

static void beside_another(void **state)
{
	(void)state;
	wish_for(&one);
	wish.name = "a";
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	wish_for(&two);
	assert_installed(PGA_CHANGED, PGA_CREATED, PGA_CHANGED);
	assert_conf("n", NULL, "root.crt", &two);
	assert_false(done.old_stays);
	/* Each goes alone. */
	wish.scoped = true;
	wish.replace = true;
	assert_installed(PGA_CHANGED, PGA_UNCHANGED, PGA_CHANGED);
	assert_true(done.scoped);
	assert_false(done.kept_scoped);
	assert_root_crt("# pganchor anchor a\n", one.pem, "", "");
	/* And stays out, unless that is wanted. */
	wish.scoped = false;
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_true(done.scoped && done.kept_scoped);
	wish.replace = false;
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
	assert_true(done.scoped && done.kept_scoped);
	wish.unscoped = true;
	assert_installed(PGA_CHANGED, PGA_UNCHANGED, PGA_CHANGED);
	assert_false(done.scoped);
	assert_root_crt("# pganchor anchor a\n", one.pem, "# pganchor anchor n\n", two.pem);
}

static void the_last_one_leaves(void **state)
{
	char text[4096];

	(void)state;
	wish_for(&one);
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	(void)snprintf(text, sizeof text, "mine\n# pganchor anchor n\n%s", one.pem);
	put(ROOT_CRT, text);
	wish.scoped = true;
	wish.replace = true;
	(void)snprintf(text, sizeof text,
		       "%s/" ROOT_CRT
		       ": without this root, there would be none in it, and libpq would refuse it",
		       scratch);
	assert_refused(text, "move the file away; nothing was changed");
	(void)snprintf(text, sizeof text, "# pganchor anchor n\n%s", one.pem);
	put(ROOT_CRT, text);
	assert_installed(PGA_CHANGED, PGA_UNCHANGED, PGA_REMOVED);
	assert_int_equal(access(ROOT_CRT, F_OK), -1);
}

static void what_was_lost_comes_back(void **state)
{
	(void)state;
	wish_for(&one);
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	put(CRT, two.pem);
	assert_installed(PGA_UNCHANGED, PGA_CHANGED, PGA_UNCHANGED);
	put(CRT, "nothing");
	assert_installed(PGA_UNCHANGED, PGA_CHANGED, PGA_UNCHANGED);
	assert_holds(CRT, one.pem);
	assert_int_equal(unlink(CRT), 0);
	assert_installed(PGA_UNCHANGED, PGA_CREATED, PGA_UNCHANGED);
	put(ROOT_CRT, two.pem);
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_CHANGED);
	assert_root_crt(two.pem, "# pganchor anchor n\n", one.pem, "");
	assert_int_equal(unlink(ROOT_CRT), 0);
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_CREATED);
	assert_int_equal(unlink(CONF), 0);
	assert_installed(PGA_CREATED, PGA_UNCHANGED, PGA_UNCHANGED);
}

static void a_file_that_is_no_anchors(void **state)
{
	char message[256];

	(void)state;
	assert_int_equal(mkdir(".config", 0700), 0);
	assert_int_equal(mkdir(".config/pganchor", 0700), 0);
	assert_int_equal(mkdir(".config/pganchor/anchors", 0700), 0);
	put(CRT, two.pem);
	wish_for(&one);
	(void)snprintf(message, sizeof message,
		       "%s/" CRT ": there is such a file, and it is no anchor's", scratch);
	assert_refused(message, "move it away, choose another --name, or --replace it");
	assert_holds(CRT, two.pem);
	wish.replace = true;
	assert_installed(PGA_CREATED, PGA_CHANGED, PGA_CREATED);
	assert_holds(CRT, one.pem);
}

static void the_right_file_is_right(void **state)
{
	(void)state;
	assert_int_equal(mkdir(".config", 0700), 0);
	assert_int_equal(mkdir(".config/pganchor", 0700), 0);
	assert_int_equal(mkdir(".config/pganchor/anchors", 0700), 0);
	put(CRT, one.pem);
	wish_for(&one);
	assert_installed(PGA_CREATED, PGA_UNCHANGED, PGA_CREATED);
}

/* A pin that differs in one digit, wherever it is, is another one's. */
static void a_file_whose_pin_differs_in_one_digit(void **state)
{
	(void)state;
	for (size_t i = 0; i < PGA_PIN_LENGTH; i += 9) {
		struct pga_certificate forged = one;

		forged.pin[i] = forged.pin[i] == '0' ? '1' : '0';
		wish_for(&forged);
		wish.name = "n";
		wish.scoped = true;
		wish.replace = true;
		assert_int_equal(install(false), 0);
		/* Its file never holds the pinned certificate, and is written each time. */
		assert_installed(PGA_UNCHANGED, PGA_CHANGED, PGA_UNCHANGED);
	}
}

/* What anchors.conf would be in the place of what is composed; NULL: that. */
static const char *composed;

void __real_pga_anchors_conf_set(const struct pga_text *before, const char *name,
				 const struct pga_anchor_setting *settings, size_t count,
				 struct pga_text *after);
void __wrap_pga_anchors_conf_set(const struct pga_text *before, const char *name,
				 const struct pga_anchor_setting *settings, size_t count,
				 struct pga_text *after);
void __wrap_pga_anchors_conf_set(const struct pga_text *before, const char *name,
				 const struct pga_anchor_setting *settings, size_t count,
				 struct pga_text *after)
{
	if (composed == NULL) {
		__real_pga_anchors_conf_set(before, name, settings, count, after);
		return;
	}
	pga_text_add_bytes(after, composed, strcspn(composed, "%"));
	pga_text_addf(after, "%s\n", one.pin);
}

/* Whatever an edit would make of the file, it is read back as the gate will. */
static void what_does_not_read_back(void **state)
{
	static const struct {
		const char *composed;
		const char *says;
		const char *hint;
	} cases[] = {
	    {"[n]\nhosts = a\nscope = root.crt\npin = %", NULL, NULL},
	    {"[m]\nhosts = a\nscope = root.crt\npin = %",
	     ": the new section does not read back as it should",
	     "nothing was changed; look at the file"},
	    {"[n]\nhosts = b\nscope = root.crt\npin = %",
	     ": the new section does not read back as it should",
	     "nothing was changed; look at the file"},
	    {"[n]\nhosts = a\nscope = scoped\npin = %",
	     ": the new section does not read back as it should",
	     "nothing was changed; look at the file"},
	    {"[n]\nhosts = a\nscope = root.crt\npin = "
	     "00000000000000000000000000000000000000000000000000000000000000ab\n# %",
	     ": the new section does not read back as it should",
	     "nothing was changed; look at the file"},
	    {"nonsense %", ", line 1: neither ", NULL},
	};
	char place[256];

	(void)state;
	(void)snprintf(place, sizeof place, "%s/" CONF, scratch);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		composed = cases[i].composed;
		wish_for(&one);
		wish.hosts = "a";
		if (install(true) != (cases[i].says != NULL ? -1 : 0))
			fail_msg("%s", composed);
		if (cases[i].says == NULL)
			continue;
		assert_memory_equal(error.message, place, strlen(place));
		assert_memory_equal(error.message + strlen(place), cases[i].says,
				    strlen(cases[i].says));
		if (cases[i].hint != NULL)
			assert_string_equal(error.hint, cases[i].hint);
		assert_int_equal(access(CONF, F_OK), -1);
	}
	composed = NULL;
}

/* What else is in the way of root.crt is said as it is. */
static void no_file_where_root_crt_is_to_be(void **state)
{
	(void)state;
	assert_int_equal(mkdir(".postgresql", 0700) | mkdir(ROOT_CRT, 0700), 0);
	wish_for(&one);
	assert_int_equal(install(false), -1);
	assert_non_null(strstr(error.message, "/" ROOT_CRT ": "));
	assert_null(strstr(error.hint, "--scoped"));
}

static void a_link_out_of_the_home(void **state)
{
	char elsewhere[] = "/tmp/pganchor-root-XXXXXX";
	const int file = mkstemp(elsewhere);

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(close(file), 0);
	assert_int_equal(mkdir(".postgresql", 0700), 0);
	assert_int_equal(symlink(elsewhere, ROOT_CRT), 0);
	wish_for(&one);
	if (install(false) != 0) {
		assert_string_equal(error.hint,
				    "--scoped needs no root.crt; or replace the link by a copy of "
				    "the file. Nothing was changed");
		assert_null(done.name);
	} else {
		assert_string_equal(error.hint, "");
	}
	assert_int_equal(unlink(elsewhere), 0);
}

/* The CA's own TLS still comes from the root that would go. */
static void a_ca_that_has_not_moved(void **state)
{
	(void)state;
	wish_for(&one);
	assert_installed(PGA_CREATED, PGA_CREATED, PGA_CREATED);
	wish_for(&two);
	wish.proof.chain_root = &one;
	wish.replace = true;
	assert_refused(
	    "anchor n: the CA's own TLS still comes from the root that would be replaced",
	    "give the new root a --name of its own, and leave --replace out until the CA and its "
	    "servers have moved to it");
	wish.name = "new";
	wish.replace = false;
	assert_installed(PGA_CHANGED, PGA_CREATED, PGA_CHANGED);
	/* With another root of the chain, the one goes. */
	wish_for(&one);
	wish.proof.chain_root = &two;
	wish.name = "n";
	wish.replace = true;
	assert_installed(PGA_UNCHANGED, PGA_UNCHANGED, PGA_UNCHANGED);
}

static int install_twice(struct pga_error *said)
{
	int result;

	pga_anchoring_free(&done);
	wish_for(&one);
	wish.hosts = "a";
	result = pga_anchor_install(&wish, false, &done, said);
	if (result == 0) {
		pga_anchoring_free(&done);
		wish_for(&two);
		wish.replace = true;
		result = pga_anchor_install(&wish, false, &done, said);
	}
	if (result == 0) {
		left = 0;
		assert_holds(CRT, two.pem);
		assert_root_crt("# pganchor anchor n\n", two.pem, "", "");
		assert_conf("n", "a", "root.crt", &two);
	}
	pga_anchoring_free(&done);
	left = 0;
	if (result != 0 && access(ROOT_CRT, F_OK) == 0)
		assert_root_crt("# pganchor anchor n\n", one.pem, "", "");
	assert_int_equal(access(ROOT_CRT, F_OK), access(CONF, F_OK));
	assert_int_equal(access(ROOT_CRT, F_OK), access(CRT, F_OK));
	(void)unlink(CONF);
	(void)unlink(CRT);
	(void)unlink(ROOT_CRT);
	return result;
}

static void without_memory(void **state)
{
	(void)state;
	without_each(install_twice, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_scratch)
	const struct CMUnitTest tests[] = {
	    TEST(the_first),
	    TEST(nothing_is_written_in_a_rehearsal),
	    TEST(under_a_name_of_the_users),
	    TEST(what_is_known_is_kept),
	    TEST(another_root),
	    TEST(beside_another),
	    TEST(the_last_one_leaves),
	    TEST(what_was_lost_comes_back),
	    TEST(a_file_that_is_no_anchors),
	    TEST(the_right_file_is_right),
	    TEST(a_file_whose_pin_differs_in_one_digit),
	    TEST(what_does_not_read_back),
	    TEST(no_file_where_root_crt_is_to_be),
	    TEST(a_link_out_of_the_home),
	    TEST(a_ca_that_has_not_moved),
	    TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
