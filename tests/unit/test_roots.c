/* service/roots.h: which file of roots it is, what is wrong with it, and what it holds. */
#include "cmocka_start.h"
#include "settings.h"
#include "service_home.h"

#include "service/roots.h"

#include <libpq-fe.h>

/* What libpq says of itself. */
static int played_version = 150018;

int PQlibVersion(void)
{
	return played_version;
}

static void assert_looked(const char *words, const char *wanted, bool has_pins)
{
	struct pga_roots roots = {.count = 0};
	struct settings settings;
	const char *why;
	const char *path;
	const char *pins;

	make_settings(&settings, words);
	/* The second look finds what the first one has left. */
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(pga_roots_look(&roots, &settings.effective, &why, &error), 0);
		if (wanted == NULL)
			assert_null(why);
		else if (why == NULL)
			fail_msg("%s: nothing is wrong", words);
		else
			assert_string_equal(why, wanted);
		assert_int_equal(pga_roots_pins(&roots, &settings.effective, &path, &pins, &error),
				 0);
		assert_int_equal(pins != NULL, has_pins);
		assert_true(roots.count <= 1);
	}
	pga_roots_free(&roots);
	assert_null(roots.files);
	assert_int_equal(roots.count, 0);
}

static void put_certificate(const char *path, const struct kind *kind)
{
	struct pga_certificate certificate = take_certificate(make_certificate(kind));

	put(path, certificate.pem);
	pga_certificate_free(&certificate);
}

#define NO_ROOT ": holds no root that is trusted for servers and in date"

static void what_is_wrong_with_a_file(void **state)
{
	(void)state;
	put("f", root.pem);
	put_certificate("expired", &(struct kind){.name = "E", .begins = -20 * DAY, .ends = -DAY});
	put_certificate("early", &(struct kind){.name = "E", .begins = DAY});
	put_certificate("middle", &(struct kind){.name = "M", .issuer = "Root"});
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_looked("", NULL, true);
	assert_looked("sslrootcert=f", NULL, true);
	assert_looked("sslrootcert=expired", "expired" NO_ROOT, false);
	assert_looked("sslrootcert=early", "early" NO_ROOT, false);
	assert_looked("sslrootcert=middle", "middle" NO_ROOT, false);
	assert_looked("sslrootcert=gone", "root certificate file gone does not exist", false);
	assert_looked("sslrootcert=f/x", "root certificate file f/x does not exist", false);
	assert_looked("sslrootcert=loop",
		      "root certificate file loop: Too many levels of symbolic links", false);
	/* What can be read once is libpq's to read. */
	assert_looked("sslrootcert=pipe", NULL, false);
	assert_looked(
	    "sslrootcert=/dev/null",
	    "/dev/null: holds no certificate that OpenSSL can read (no certificate or crl "
	    "found)",
	    false);
}

static void the_word_system(void **state)
{
	struct pga_roots roots = {.count = 0};
	char *path;

	(void)state;
	for (int version = 159999; version <= 160001; version++) {
		played_version = version;
		memset(&error, 0, sizeof error);
		path = pga_roots_path(&roots, "system", &error);
		assert_string_equal(error.message, "");
		if (version < 160000)
			assert_string_equal(path, "system");
		else
			assert_null(path);
		free(path);
		path = pga_roots_path(&roots, "/system", &error);
		assert_string_equal(path, "/system");
		free(path);
	}
	assert_looked("sslrootcert=system", NULL, false);
	played_version = 159999;
	assert_looked("sslrootcert=system", "root certificate file system does not exist", false);
	played_version = 150018;
	pga_roots_free(&roots);
}

/* Several files, each looked at once. */
static void several_files(void **state)
{
	static const char *const words[] = {"sslrootcert=f",    "sslrootcert=gone", "",
					    "sslrootcert=gone", "sslrootcert=f",    ""};
	struct pga_roots roots = {.count = 0};
	struct settings settings;
	const char *why;

	(void)state;
	put("f", root.pem);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		make_settings(&settings, words[i]);
		assert_int_equal(pga_roots_look(&roots, &settings.effective, &why, &error), 0);
		assert_int_equal(why != NULL, i == 1 || i == 3);
		assert_int_equal(roots.count, i < 3 ? i + 1 : 3);
	}
	pga_roots_free(&roots);
}

static int look_once(struct pga_error *said)
{
	struct pga_roots roots = {.count = 0};
	struct settings settings;
	const char *why;
	int result;

	make_settings(&settings, "sslrootcert=f");
	result = pga_roots_look(&roots, &settings.effective, &why, said);
	if (result == 0)
		assert_null(why);
	pga_roots_free(&roots);
	return result;
}

static int look_at_none(struct pga_error *said)
{
	struct pga_roots roots = {.count = 0};
	struct settings settings;
	const char *why;
	int result;

	make_settings(&settings, "sslrootcert=gone");
	result = pga_roots_look(&roots, &settings.effective, &why, said);
	if (result == 0)
		assert_string_equal(why, "root certificate file gone does not exist");
	pga_roots_free(&roots);
	return result;
}

static void without_memory(void **state)
{
	(void)state;
	put("f", root.pem);
	without_each(look_once, false);
	without_each(look_at_none, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_scratch)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_wrong_with_a_file),
	    TEST(the_word_system),
	    TEST(several_files),
	    TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
