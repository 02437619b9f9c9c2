/* preload/known.h, preload/module.h: what is taken for the gate, and what for other libraries that
 * are preloaded. */
#include "cmocka_start.h"

#include "preload/known.h"
#include "preload/block.h"
#include "preload/module.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define M PGA_MODULE

static void entries_one_by_one(void **state)
{
	static const struct {
		const char *preload;
		const char *entries[4];
	} cases[] = {{"", {NULL}},
		     {" :\t\n", {NULL}},
		     {"a", {"a"}},
		     {"a:b c\td\n", {"a", "b", "c", "d"}},
		     {"::/a.so::/b.so::", {"/a.so", "/b.so"}}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *at = cases[i].preload;
		size_t length = 0;

		for (size_t j = 0; j < 4 && cases[i].entries[j] != NULL; j++) {
			at = pga_module_next_entry(at, &length);
			assert_non_null(at);
			assert_int_equal(length, strlen(cases[i].entries[j]));
			assert_memory_equal(at, cases[i].entries[j], length);
			at += length;
		}
		assert_null(pga_module_next_entry(at, &length));
	}
}

/* The path with $LIB in the place of one directory that begins with "lib", or of that and the next.
 */
static void names_of_the_module(void **state)
{
	const char *lib = strstr(M, "/lib");
	struct pga_text text = PGA_TEXT_EMPTY;

	(void)state;
	assert_true(pga_module_is_named(M, strlen(M)));
	assert_false(pga_module_is_named(M, strlen(M) - 1));
	assert_false(pga_module_is_named(M "x", strlen(M) + 1));
	assert_false(pga_module_is_named("", 0));
	assert_true(pga_module_is_in("/a.so:" M));
	assert_true(pga_module_is_in(M " /a.so"));
	assert_false(pga_module_is_in("/a.so:" M "x"));
	assert_false(pga_module_is_in(""));
	for (; lib != NULL; lib = strstr(lib + 1, "/lib")) {
		const char *rest = strchr(lib + 1, '/');

		for (int directories = 1; directories < 4 && rest != NULL; directories++) {
			pga_text_add_bytes(&text, M, (size_t)(lib - M));
			pga_text_addf(&text, "/$LIB%s", rest);
			assert_int_equal(pga_module_is_named(text.bytes, text.length),
					 directories < 3);
			assert_int_equal(pga_module_is_in(text.bytes), directories < 3);
			pga_text_free(&text);
			rest = strchr(rest + 1, '/');
		}
	}
}

static void names_of_libraries(void **state)
{
	static const struct {
		const char *path;
		bool libpq;
		bool gate;
	} cases[] = {
	    {"/usr/lib/libpq.so.5", true, false},
	    {"libpq.so", true, false},
	    {"/a/libpq-0a1b2c.so.5.15", true, false},
	    {"/a/libpq.5.dylib", false, false},
	    {"/a/libpqwalreceiver.so", false, false},
	    {"/a/libpq-oauth-18.so", false, false},
	    {"/a/libpq-oauth.so", false, false},
	    {"/a/libpq", false, false},
	    {"/libpq.so/a", false, false},
	    {"/a/xlibpq.so", false, false},
	    {"/a/pganchor-gate.so", false, true},
	    {"libpganchor.so.0", false, true},
	    {"/a/pganchor-gates.so", false, false},
	    {"/a/pganchor-gate", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_is_libpq(cases[i].path) != cases[i].libpq ||
		    pga_is_gate(cases[i].path) != cases[i].gate)
			fail_msg("%s", cases[i].path);
}

static void what_speaks_without_libpq(void **state)
{
	static const char *const speakers[] = {"odyssey",   "pg_doorman", "pgagroal",
					       "pgbouncer", "pgcat",      "pgdog",
					       "pgloader",  "pgpool",     "proxysql"};

	(void)state;
	for (size_t i = 0; i < sizeof speakers / sizeof speakers[0]; i++) {
		char path[64];

		assert_string_equal(pga_find_speaker(speakers[i])->name, speakers[i]);
		(void)snprintf(path, sizeof path, "/usr/sbin/%s", speakers[i]);
		assert_string_equal(pga_find_speaker(path)->name, speakers[i]);
		(void)snprintf(path, sizeof path, "/usr/sbin/%sx", speakers[i]);
		assert_null(pga_find_speaker(path));
		(void)snprintf(path, sizeof path, "%s/psql", speakers[i]);
		assert_null(pga_find_speaker(path));
	}
	assert_non_null(strstr(pga_find_speaker("pgbouncer")->advice, "server_tls_sslmode"));
	assert_string_equal(pga_find_driver("/a/asyncpg/protocol/protocol.cpython-311.so"),
			    "asyncpg");
	assert_string_equal(pga_find_driver("/app/Npgsql.dll"), "Npgsql");
	assert_null(pga_find_driver("/a/asyncpg/other.so"));
}

static void what_comes_first(void **state)
{
	static const struct {
		const char *preload;
		bool libpq;
	} cases[] = {{"", false},
		     {"libpq.so.5", true},
		     {"/a.so:libpq.so.5", true},
		     {"libpq.so.5:" M, true},
		     {M ":libpq.so.5", false},
		     {"/a.so " M " libpq.so.5", false},
		     {"/a.so /b.so", false}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_puts_libpq_first(cases[i].preload) != cases[i].libpq)
			fail_msg("%s", cases[i].preload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(entries_one_by_one), cmocka_unit_test(names_of_the_module),
	    cmocka_unit_test(names_of_libraries), cmocka_unit_test(what_speaks_without_libpq),
	    cmocka_unit_test(what_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
