/* policy/linked.h: libpq's own functions, in a program where others of these names stand before
 * them: the test's, which nobody may call. */
#include "cmocka_start.h"

#include "policy/linked.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <libelf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- what stands before libpq ---- */

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values,
			     int expand_dbname)
{
	(void)keywords;
	(void)values;
	(void)expand_dbname;
	abort();
}

char *PQerrorMessage(const PGconn *conn)
{
	(void)conn;
	abort();
}

/* ---- what the linker leads here (--wrap) ---- */

enum wrong { RIGHT, UNKNOWN, ELSEWHERE, OTHER_NAME };

static struct {
	void *libpq;           /* a handle of it */
	const void *seen_with; /* a function that seems to be of libpq */
	const char *at;        /* which of libpq's functions is ... */
	enum wrong wrong;
	const char *hidden; /* the one name that the file does not seem to have; NULL: none */
	const char *alone;  /* the one that it seems to have; NULL: more */
	bool twice;         /* libpq is looked at twice, with what is hidden the other way round */
	bool no_elf;
	int looked, found, opened;
} play;

static void *libpqs(const char *name)
{
	void *address = dlsym(play.libpq, name);

	assert_non_null(address);
	return address;
}

int __real_dladdr(const void *address, Dl_info *info);
int __wrap_dladdr(const void *address, Dl_info *info);
int __real_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
int __wrap_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
char *__real_elf_strptr(Elf *elf, size_t section, size_t offset);
char *__wrap_elf_strptr(Elf *elf, size_t section, size_t offset);
Elf *__real_elf_begin(int file, Elf_Cmd command, Elf *of);
Elf *__wrap_elf_begin(int file, Elf_Cmd command, Elf *of);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_dladdr(const void *address, Dl_info *info)
{
	int found = __real_dladdr(address, info);
	static char elsewhere;

	if (address != NULL && address == play.seen_with)
		found = __real_dladdr(libpqs("PQconninfoParse"), info);
	if (play.at == NULL || address != libpqs(play.at))
		return found;
	if (play.wrong == UNKNOWN)
		return 0;
	if (play.wrong == ELSEWHERE)
		info->dli_saddr = &elsewhere;
	if (play.wrong == OTHER_NAME)
		info->dli_sname = "PQother";
	return found;
}

static int is_libpq(struct dl_phdr_info *object, size_t size, void *context)
{
	Dl_info info;

	(void)size;
	if (__real_dladdr(libpqs("PQconninfoParse"), &info) == 0 ||
	    (uintptr_t)info.dli_fbase != object->dlpi_addr)
		return 0;
	*(struct dl_phdr_info *)context = *object;
	return 1;
}

int __wrap_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	struct dl_phdr_info libpq;

	play.looked++;
	if (!play.twice)
		return play.found = __real_dl_iterate_phdr(visit, context);
	assert_int_equal(__real_dl_iterate_phdr(is_libpq, &libpq), 1);
	play.found = visit(&libpq, sizeof libpq, context);
	play.alone = play.hidden;
	play.hidden = NULL;
	return play.found = play.found != 0 ? play.found : visit(&libpq, sizeof libpq, context);
}

char *__wrap_elf_strptr(Elf *elf, size_t section, size_t offset)
{
	char *name = __real_elf_strptr(elf, section, offset);

	if (name == NULL || (play.hidden != NULL && strcmp(name, play.hidden) == 0) ||
	    (play.alone != NULL && strcmp(name, play.alone) != 0))
		return NULL;
	return name;
}

Elf *__wrap_elf_begin(int file, Elf_Cmd command, Elf *of)
{
	return play.no_elf ? NULL : __real_elf_begin(file, command, of);
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_int_equal(flags, O_RDONLY | O_CLOEXEC);
	play.opened++;
	return __real_open(path, flags);
}

/* ---- the tests ---- */

static const char *const names[] = {"PQconnectStartParams", "PQerrorMessage", "PQconninfo",
				    "PQconninfoParse", "PQconninfoFree"};

static int open_libpq(void **state)
{
	(void)state;
	play.libpq = dlopen("libpq.so.5", RTLD_NOW | RTLD_NOLOAD);
	return play.libpq != NULL ? 0 : -1;
}

static int begin(void **state)
{
	void *libpq = play.libpq;

	(void)state;
	memset(&play, 0, sizeof play);
	play.libpq = libpq;
	return 0;
}

static int close_libpq(void **state)
{
	(void)state;
	return dlclose(play.libpq);
}

static size_t descriptors_open(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

/* What is found: libpq's own, or what the program is linked with. */
static void finds(bool libpqs_own, int looked)
{
	const size_t descriptors = descriptors_open();
	PGconn *(*linked_start)(const char *const *, const char *const *, int) =
	    PQconnectStartParams;
	char *(*linked_message)(const PGconn *) = PQerrorMessage;
	struct pga_own_libpq own;
	void *functions[2];
	void *linked[2];

	memset(&own, 'x', sizeof own);
	pga_own_libpq(&own);
	memcpy(&functions[0], &own.PQconnectStartParams, sizeof functions[0]);
	memcpy(&functions[1], &own.PQerrorMessage, sizeof functions[1]);
	memcpy(&linked[0], &linked_start, sizeof linked[0]);
	memcpy(&linked[1], &linked_message, sizeof linked[1]);
	for (int i = 0; i < 2; i++) {
		assert_ptr_not_equal(linked[i], libpqs(names[i]));
		assert_ptr_equal(functions[i], libpqs_own ? libpqs(names[i]) : linked[i]);
	}
	assert_int_equal(play.looked, looked);
	assert_int_equal(play.found, libpqs_own);
	assert_int_equal(play.opened > 0, looked > 0);
	assert_int_equal(descriptors_open(), descriptors);
}

static void libpqs_own_are_found(void **state)
{
	(void)state;
	finds(true, 1);
}

/* Both have to be of libpq's object. */
static void where_one_of_them_is_libpqs(void **state)
{
	PGconn *(*start)(const char *const *, const char *const *, int) = PQconnectStartParams;
	char *(*message)(const PGconn *) = PQerrorMessage;
	void *functions[2];

	(void)state;
	memcpy(&functions[0], &start, sizeof functions[0]);
	memcpy(&functions[1], &message, sizeof functions[1]);
	for (int i = 0; i < 2; i++) {
		(void)begin(NULL);
		play.seen_with = functions[i];
		finds(true, 1);
	}
}

static void what_is_loaded_is_another_file(void **state)
{
	static const enum wrong wrongs[] = {UNKNOWN, ELSEWHERE, OTHER_NAME};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		for (size_t k = 0; k < sizeof wrongs / sizeof wrongs[0]; k++) {
			(void)begin(NULL);
			play.at = names[i];
			play.wrong = wrongs[k];
			finds(false, 1);
		}
	}
}

static void a_file_without_one_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)begin(NULL);
		play.hidden = names[i];
		finds(false, 1);
		/* Two objects that have them all together are none that has. */
		(void)begin(NULL);
		play.hidden = names[i];
		play.twice = true;
		finds(false, 1);
	}
}

static void no_file_can_be_read(void **state)
{
	(void)state;
	play.no_elf = true;
	finds(false, 1);
}

/* And they are what is asked. */
static void questions_go_to_libpq_itself(void **state)
{
	static const char *const keywords[] = {"target_session_attrs", NULL};
	static const char *const values[] = {"never", NULL};

	(void)state;
	for (int i = 0; i < 2; i++) {
		PGconn *conn = pga_linked_libpq.PQconnectStartParams(keywords, values, 0);

		assert_non_null(conn);
		assert_int_equal(pga_linked_libpq.PQstatus(conn), CONNECTION_BAD);
		assert_non_null(strstr(pga_linked_libpq.PQerrorMessage(conn), "\"never\""));
		pga_linked_libpq.PQfinish(conn);
		/* Looked for once. */
		assert_int_equal(play.looked, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(libpqs_own_are_found, begin),
	    cmocka_unit_test_setup(where_one_of_them_is_libpqs, begin),
	    cmocka_unit_test_setup(what_is_loaded_is_another_file, begin),
	    cmocka_unit_test_setup(a_file_without_one_of_them, begin),
	    cmocka_unit_test_setup(no_file_can_be_read, begin),
	    cmocka_unit_test_setup(questions_go_to_libpq_itself, begin),
	};

	return cmocka_run_group_tests(tests, open_libpq, close_libpq);
}
