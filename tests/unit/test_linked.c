/* policy/linked.h: libpq's own functions, where something stands before it; the environment while
 * it is hidden; and the settings that somebody has looked at. */
#include "cmocka_start.h"
#include "failing.h"

#include "policy/linked.h"
#include "policy/options.h"

#include <dlfcn.h>
#include <libelf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the linker leads here (--wrap). */
int __real_dladdr(const void *address, Dl_info *info);
int __wrap_dladdr(const void *address, Dl_info *info);
int __real_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
int __wrap_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
char *__real_elf_strptr(Elf *elf, size_t section, size_t offset);
char *__wrap_elf_strptr(Elf *elf, size_t section, size_t offset);
static struct {
	const char *stands_before; /* the function that seems to be another object's */
	bool nameless, no_file;    /* what dladdr() cannot tell */
	int looked;                /* at the objects */
	bool some_nameless;        /* symbols of the file */
} play;

static const void *address_of(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

int __wrap_dladdr(const void *address, Dl_info *info)
{
	const int found = play.nameless ? 0 : __real_dladdr(address, info);

	if (found != 0 && play.no_file)
		info->dli_fname = NULL;
	if (found != 0 && play.stands_before != NULL && address == address_of(play.stands_before))
		info->dli_fbase = (void *)&play;
	return found;
}

int __wrap_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	play.looked++;
	return __real_dl_iterate_phdr(visit, context);
}

char *__wrap_elf_strptr(Elf *elf, size_t section, size_t offset)
{
	char *name = __real_elf_strptr(elf, section, offset);

	return play.some_nameless && name != NULL && strncmp(name, "PQ", 2) != 0 ? NULL : name;
}

static int begin(void **state)
{
	(void)state;
	memset(&play, 0, sizeof play);
	return 0;
}

/* ---- own_libpq.c ---- */

static void finds(int looked)
{
	struct pga_own_libpq own;
	const void *start;
	const void *message;

	memset(&own, 0, sizeof own);
	play.looked = 0;
	pga_own_libpq(&own);
	memcpy(&start, &own.PQconnectStartParams, sizeof start);
	memcpy(&message, &own.PQerrorMessage, sizeof message);
	assert_ptr_equal(start, address_of("PQconnectStartParams"));
	assert_ptr_equal(message, address_of("PQerrorMessage"));
	assert_int_equal(play.looked, looked);
}

static void libpqs_own_functions_are_found(void **state)
{
	static const char *const names[] = {"PQconnectStartParams", "PQerrorMessage"};

	(void)state;
	finds(0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		play.stands_before = names[i];
		finds(1);
	}
	play.some_nameless = true;
	finds(1);
}

/* ---- linked.c ---- */

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
	    cmocka_unit_test_setup(libpqs_own_functions_are_found, begin),
	    cmocka_unit_test_setup(its_file_is_told, begin),
	    cmocka_unit_test_setup(what_is_hidden_comes_back, begin),
	    cmocka_unit_test_setup(what_was_reviewed, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
