/* anchor/anchors.h: what an installation makes of files that are there already, and what keeps it
 * from being done. */
#include "certificates.h"
#include "failing.h"
#include "directory.h"
#include "installed_anchors.h"

#include "anchor/anchors.h"
#include "anchor/anchors_conf.h"
#include "anchor/known_roots.h"
#include "anchor/root_crt.h"
#include "anchor/unpinned.h"

#include <sys/stat.h>

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
	const struct CMUnitTest tests[] = {
	    TEST(the_right_file_is_right), TEST(a_file_whose_pin_differs_in_one_digit),
	    TEST(what_does_not_read_back), TEST(no_file_where_root_crt_is_to_be),
	    TEST(a_link_out_of_the_home),  TEST(a_ca_that_has_not_moved),
	    TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
