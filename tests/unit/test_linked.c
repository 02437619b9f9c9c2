/* policy/linked.h: which libpq it is, the environment while it is hidden, and where libpq looks for
 * the user's files; and the settings that somebody has looked at. */
#include "cmocka_start.h"
#include "failing.h"

#include "policy/effective.h"
#include "policy/linked.h"
#include "policy/options.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the linker leads here (--wrap). */
int __real_dladdr(const void *address, Dl_info *info);
int __wrap_dladdr(const void *address, Dl_info *info);
PQconninfoOption *__real_PQconndefaults(void);
PQconninfoOption *__wrap_PQconndefaults(void);
int __real_pga_effective_ask(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			     struct pga_effective *effective, struct pga_error *error);
int __wrap_pga_effective_ask(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			     struct pga_effective *effective, struct pga_error *error);
static struct {
	bool nameless, no_file; /* what dladdr() cannot tell */
	bool no_defaults;
	const char *passfile; /* what libpq says of it; NULL: what it does say */
	bool knows_none;
	bool refuses;
} play;

int __wrap_dladdr(const void *address, Dl_info *info)
{
	const int found = play.nameless ? 0 : __real_dladdr(address, info);

	if (found != 0 && play.no_file)
		info->dli_fname = NULL;
	return found;
}

PQconninfoOption *__wrap_PQconndefaults(void)
{
	return play.no_defaults ? NULL : __real_PQconndefaults();
}

int __wrap_pga_effective_ask(const struct pga_libpq *libpq, const struct pga_parameters *parameters,
			     struct pga_effective *effective, struct pga_error *error)
{
	static char keyword[] = "passfile";
	static char other[] = "other";
	const int result = __real_pga_effective_ask(libpq, parameters, effective, error);

	assert_ptr_equal(libpq, &pga_linked_libpq);
	assert_null(getenv("PGHOST"));
	if (result == 0 && play.refuses) {
		pga_effective_free(libpq, effective);
		return pga_fail(error, NULL, "libpq does not want to");
	}
	for (PQconninfoOption *option = effective->options; result == 0 && option->keyword != NULL;
	     option++) {
		if (strcmp(option->keyword, keyword) != 0)
			continue;
		if (play.knows_none)
			option->keyword = other;
		if (play.passfile != NULL) {
			free(option->val);
			option->val = strdup(play.passfile);
		}
	}
	return result;
}

static int begin(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	return 0;
}

static void its_file_is_told(void **state)
{
	(void)state;
	assert_non_null(strstr(pga_linked_libpq_path(), "/libpq"));
	play.no_file = true;
	assert_string_equal(pga_linked_libpq_path(), "libpq.so.5");
	play.no_file = false;
	play.nameless = true;
	assert_string_equal(pga_linked_libpq_path(), "libpq.so.5");
	assert_int_equal(pga_linked_libpq_version(), PQlibVersion());
}

static void put_environment(void)
{
	assert_int_equal(setenv("PGHOST", "h", 1) | setenv("PGSSLMODE", "prefer", 1), 0);
	assert_int_equal(setenv("PGREQUIRESSL", "1", 1), 0);
	assert_int_equal(setenv("PGSERVICEFILE", "/etc/services", 1), 0);
}

static void assert_environment(void)
{
	assert_string_equal(getenv("PGHOST"), "h");
	assert_string_equal(getenv("PGSSLMODE"), "prefer");
	assert_string_equal(getenv("PGREQUIRESSL"), "1");
	assert_string_equal(getenv("PGSERVICEFILE"), "/etc/services");
}

static int hide(struct pga_error *error)
{
	struct pga_hidden_environment hidden;

	if (pga_hide_environment(&hidden) != 0) {
		assert_environment();
		return pga_fail_memory(error);
	}
	assert_null(getenv("PGHOST"));
	assert_null(getenv("PGSSLMODE"));
	assert_null(getenv("PGREQUIRESSL"));
	assert_string_equal(getenv("PGSERVICEFILE"), "/etc/services");
	assert_int_equal(hidden.count, 3);
	pga_restore_environment(&hidden);
	assert_int_equal(hidden.count, 0);
	assert_null(hidden.names);
	assert_environment();
	return 0;
}

static void what_is_hidden_comes_back(void **state)
{
	(void)state;
	put_environment();
	without_each(hide, false);
}

/* Nothing is hidden then. */
static void libpq_knows_no_defaults(void **state)
{
	struct pga_hidden_environment hidden;

	(void)state;
	put_environment();
	play.no_defaults = true;
	memset(&hidden, 'x', sizeof hidden);
	assert_int_equal(pga_hide_environment(&hidden), -1);
	assert_int_equal(hidden.count, 0);
	assert_null(hidden.names);
	assert_null(hidden.values);
	assert_environment();
}

/* What is unset and what is empty comes back as it was. */
static void only_what_is_set_is_hidden(void **state)
{
	struct pga_hidden_environment hidden;

	(void)state;
	put_environment();
	assert_int_equal(unsetenv("PGHOST") | setenv("PGUSER", "", 1), 0);
	assert_int_equal(pga_hide_environment(&hidden), 0);
	assert_int_equal(hidden.count, 3);
	assert_null(getenv("PGUSER"));
	pga_restore_environment(&hidden);
	assert_null(getenv("PGHOST"));
	assert_string_equal(getenv("PGUSER"), "");
	assert_string_equal(getenv("PGREQUIRESSL"), "1");
	assert_int_equal(unsetenv("PGUSER"), 0);
}

/* ---- the home directory ---- */

static const struct {
	const char *passfile;
	const char *home; /* NULL: none */
} homes[] = {
    {"/home/u/.pgpass", "/home/u"},
    {"/h/x", "/h"},
    {"a/b", "a"},
    {"//.pgpass", "/"},
    {"/.pgpass", NULL},
    {".pgpass", NULL},
    {"", NULL},
};

static void assert_no_home(const char *message, const char *hint)
{
	struct pga_error error = {.message = ""};

	assert_null(pga_libpq_home(&error));
	assert_string_equal(error.message, message);
	assert_string_equal(error.hint, hint);
	assert_environment();
}

static void where_libpq_is_at_home(void **state)
{
	static const char none[] = "libpq finds no home directory for this user";
	struct pga_error error;
	char *home;

	(void)state;
	put_environment();
	assert_int_equal(setenv("HOME", "/where/I/live", 1), 0);
	assert_int_equal(setenv("PGPASSFILE", "/elsewhere/file", 1), 0);
	home = pga_libpq_home(&error);
	assert_string_equal(home, "/where/I/live");
	assert_string_equal(getenv("PGPASSFILE"), "/elsewhere/file");
	free(home);
	for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
		play.passfile = homes[i].passfile;
		if (homes[i].home == NULL) {
			assert_no_home(none, "set HOME");
			continue;
		}
		home = pga_libpq_home(&error);
		assert_string_equal(home, homes[i].home);
		free(home);
		assert_environment();
	}
	play.passfile = NULL;
	play.knows_none = true;
	assert_no_home(none, "set HOME");
	play.refuses = true;
	assert_no_home("libpq does not want to", "");
	play.no_defaults = true;
	assert_no_home("out of memory", "");
}

static int find_home(struct pga_error *error)
{
	char *home = pga_libpq_home(error);

	assert_environment();
	free(home);
	return home != NULL ? 0 : -1;
}

static void a_home_without_memory(void **state)
{
	(void)state;
	put_environment();
	without_each(find_home, true);
}

static void what_was_reviewed(void **state)
{
	static const char *const known[] = {"host", "sslmode", "sslkeylogfile",
					    "fallback_application_name", "scram_channel_binding"};
	static const char *const others[] = {"", "hos", "hosts", "brand_new", "Host", "tty "};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_true(pga_option_is_reviewed(known[i]));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(pga_option_is_reviewed(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(its_file_is_told, begin),
	    cmocka_unit_test_setup(what_is_hidden_comes_back, begin),
	    cmocka_unit_test_setup(libpq_knows_no_defaults, begin),
	    cmocka_unit_test_setup(only_what_is_set_is_hidden, begin),
	    cmocka_unit_test_setup(where_libpq_is_at_home, begin),
	    cmocka_unit_test_setup(a_home_without_memory, begin),
	    cmocka_unit_test_setup(what_was_reviewed, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
