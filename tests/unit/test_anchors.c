/* anchor/anchors.h: what an installation makes of the three files. */
#include "directory.h"
#include "installed_anchors.h"

#include <sys/stat.h>

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
		       "leave --name out, or use that one; \"pganchor anchor rename\" gives it "
		       "another");
	wish.replace = true;
	assert_refused("anchor other: this root is pinned already, as mine",
		       "leave --name out, or use that one; \"pganchor anchor rename\" gives it "
		       "another");
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

int main(void)
{
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
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
