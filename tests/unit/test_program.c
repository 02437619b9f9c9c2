/* preload/program.h: which program a name starts, and whether the gate can stand before its
 * connections. */
#include "cmocka_start.h"
#include "failing.h"
#include "moved_root.h"

#include "preload/binary.h"
#include "preload/module.h"
#include "preload/program.h"
#include "base/subprocess.h"

#include <sys/statvfs.h>
#include <sys/xattr.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what is played ---- */

static struct pga_binary binary; /* what its file says, without interpreter */
static const char *interpreter;  /* NULL: it has none */
static bool unreadable;
static char looked_at[PATH_MAX]; /* "" none was */
static const char *own_interpreter;
static const char *entry_32; /* NULL: there is no such module */

bool pga_binary_read(const char *path, struct pga_binary *read)
{
	(void)snprintf(looked_at, sizeof looked_at, "%s", path);
	*read = binary;
	read->interpreter = interpreter != NULL ? __real_strdup(interpreter) : NULL;
	return !unreadable;
}

void pga_binary_free(struct pga_binary *read)
{
	free(read->interpreter);
	read->interpreter = NULL;
}

const char *pga_own_interpreter(void)
{
	return own_interpreter;
}

char *pga_module_entry_32(void)
{
	return entry_32 != NULL ? strdup(entry_32) : NULL;
}

const char *pga_module_next_entry(const char *preload, size_t *length)
{
	(void)preload;
	(void)length;
	return NULL;
}

/* What a program's ld.so says with the module, and without. */
struct answer {
	int result;
	int status;
	const char *errors;
};
static struct answer with;
static struct answer without;
static char asked[300];

int pga_subprocess_run(const char *const *argv, const char *preload, struct pga_subprocess *child,
		       struct pga_error *error)
{
	const struct answer *answer = preload[0] != '\0' ? &with : &without;

	(void)error;
	(void)strcat(asked, preload);
	for (; *argv != NULL; argv++) {
		(void)strcat(asked, " ");
		(void)strcat(asked, *argv);
	}
	(void)strcat(asked, "\n");
	memset(child, 0, sizeof *child);
	child->status = answer->status;
	pga_text_add(&child->errors, answer->errors);
	return answer->result;
}

void pga_subprocess_free(struct pga_subprocess *child)
{
	pga_text_free(&child->errors);
}

static uid_t user;
static gid_t group;
static bool has_capability;
static bool no_setuid;
static bool no_statvfs;

uid_t __wrap_getuid(void);
gid_t __wrap_getgid(void);
ssize_t __wrap_getxattr(const char *path, const char *name, void *value, size_t size);
int __wrap_statvfs(const char *path, struct statvfs *system);

uid_t __wrap_getuid(void)
{
	return user;
}

gid_t __wrap_getgid(void)
{
	return group;
}

ssize_t __wrap_getxattr(const char *path, const char *name, void *value, size_t size)
{
	(void)path;
	assert_string_equal(name, "security.capability");
	assert_null(value);
	assert_int_equal(size, 0);
	if (has_capability)
		return 1;
	errno = ENODATA;
	return -1;
}

int __wrap_statvfs(const char *path, struct statvfs *system)
{
	(void)path;
	memset(system, 0, sizeof *system);
	system->f_flag = ST_NODEV | (no_setuid ? ST_NOSUID : 0);
	return no_statvfs ? -1 : 0;
}

/* A program of whose file nothing is known that would hinder the gate. */
static int begin(void **state)
{
	memset(&binary, 0, sizeof binary);
	interpreter = own_interpreter = "/";
	unreadable = false;
	looked_at[0] = asked[0] = '\0';
	entry_32 = NULL;
	with = without = (struct answer){0, 0, ""};
	user = group = 1000;
	has_capability = no_setuid = no_statvfs = false;
	(void)unsetenv("ASAN_OPTIONS");
	(void)setenv("PATH", "/nowhere", 1);
	return make_scratch(state);
}

static int finish(void **state)
{
	deny(NULL, NULL, 0);
	played_look = NULL;
	return setenv("PATH", "/usr/bin:/bin", 1) != 0 ? -1 : remove_scratch(state);
}

static void put_program(const char *path, const char *content)
{
	put(path, content);
	assert_int_equal(chmod(path, 0755), 0);
}

static struct pga_error error;

static enum pga_cover look(const char *name)
{
	const int before = next_descriptor();
	enum pga_cover cover;

	looked_at[0] = asked[0] = '\0';
	memset(&error, 0, sizeof error);
	cover = pga_program_look(name, &error);
	assert_int_equal(next_descriptor(), before);
	return cover;
}

/* ---- which file it is ---- */

static void which_file(void **state)
{
	static const struct {
		const char *path; /* NULL: not set */
		const char *name;
		const char *file; /* "": none */
	} cases[] = {
	    {"a:b", "./p", "./p"},
	    {"a:b", "a/p", "a/p"},
	    {"a:b", "./none", ""},
	    {"a:b", "./a", ""},
	    {"a:b", "./plain", ""},
	    {"a:b", "p", "a/p"},
	    {"b:a", "p", "b/p"},
	    {"b:a", "only-a", "a/only-a"},
	    {"none:b:a", "only-a", "a/only-a"},
	    {"none:b", "only-a", ""},
	    {"", "p", "p"},
	    {":a", "only-a", "a/only-a"},
	    {"a:", "here", "here"},
	    {"a::b", "here", "here"},
	    {".", "here", "./here"},
	    {"a", "plain", ""},
	    {NULL, "sh", "/usr/bin/sh"},
	    {NULL, "p", ""},
	};

	(void)state;
	assert_int_equal(mkdir("a", 0755) | mkdir("b", 0755), 0);
	put_program("p", "");
	put_program("here", "");
	put_program("a/p", "");
	put_program("b/p", "");
	put_program("a/only-a", "");
	put("plain", "");
	put("a/plain", "");
	assert_int_equal(chmod("plain", 0644) | chmod("a/plain", 0644), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    cases[i].path != NULL ? setenv("PATH", cases[i].path, 1) : unsetenv("PATH"), 0);
		assert_int_equal(look(cases[i].name), PGA_COVERED);
		if (strcmp(looked_at, cases[i].file) != 0)
			fail_msg("%s in %s: %s", cases[i].name, cases[i].path, looked_at);
	}
	assert_int_equal(opened_with, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* What is too long for a path is no other path. */
static void long_names(void **state)
{
	char name[PATH_MAX + 1];
	char directories[PATH_MAX + 1];

	(void)state;
	put_program("p", "");
	memset(name, '/', sizeof name);
	name[0] = '.';
	(void)strcpy(name + PATH_MAX - 2, "p");
	assert_int_equal(look(name), PGA_COVERED);
	assert_string_equal(looked_at, name);
	(void)strcpy(name + PATH_MAX - 2, "px");
	assert_int_equal(look(name), PGA_COVERED);
	assert_string_equal(looked_at, "");
	memset(directories, '/', sizeof directories);
	directories[0] = '.';
	directories[PATH_MAX - 3] = '\0';
	assert_int_equal(setenv("PATH", directories, 1), 0);
	assert_int_equal(look("p"), PGA_COVERED);
	assert_int_equal(strlen(looked_at), PATH_MAX - 1);
	put_program("px", "");
	assert_int_equal(look("px"), PGA_COVERED);
	assert_string_equal(looked_at, "");
}

static void scripts(void **state)
{
	static const struct {
		const char *script;
		const char *file;
	} cases[] = {
	    {"#!./p\n", "./p"},
	    {"#!./p", "./p"},
	    {"#! \t ./p -x\nmore\n", "./p"},
	    {"#!./p\t-x", "./p"},
	    {"#!p\n", "p"},
	    {"#!x", "x"},
	    {"", "./script"},
	    {"#", "./script"},
	    {"#!", "./script"},
	    {"#!  \n./p", "./script"},
	    {"#p", "./script"},
	    {"#x./p", "./script"},
	    {"x!./p", "./script"},
	    {"!#./p", "./script"},
	    /* env(1) looks its argument up. */
	    {"#!/usr/bin/env q\n", "a/q"},
	    {"#!/usr/bin/env \t q -x", "a/q"},
	    {"#!/usr/bin/env -S A=b -i q", "a/q"},
	    {"#!./env ./p", "./p"},
	    {"#!env q", "env"},
	    {"#!/usr/bin/environ q", "/usr/bin/environ"},
	    {"#!./xenv q", "./xenv"},
	    {"#!./env", "./script"},
	    {"#!./env -i", "./script"},
	};

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	put_program("p", "");
	put_program("a/q", "");
	put_program("a/xq", "");
	assert_int_equal(setenv("PATH", "a", 1), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		put_program("script", cases[i].script);
		assert_int_equal(look("./script"), PGA_COVERED);
		if (strcmp(looked_at, cases[i].file) != 0)
			fail_msg("%s: %s", cases[i].script, looked_at);
	}
	/* Who may not read a script cannot start it either, and its own ld.so says so. */
	deny("open", "./script", EACCES);
	assert_int_equal(look("./script"), PGA_COVERED);
	assert_string_equal(looked_at, "./script");
	deny(NULL, NULL, 0);
}

/* As deep as the kernel goes. */
static void scripts_of_scripts(void **state)
{
	(void)state;
	put_program("0", "");
	put_program("1", "#!./0");
	put_program("2", "#!./1");
	put_program("3", "#!./2");
	put_program("4", "#!./3");
	put_program("5", "#!./4");
	assert_int_equal(look("./4"), PGA_COVERED);
	assert_string_equal(looked_at, "./0");
	assert_int_equal(look("./5"), PGA_COVERED);
	assert_string_equal(looked_at, "./1");
}

/* ---- power ---- */

static mode_t mode;

static void of_somebody(struct stat *status)
{
	status->st_mode = S_IFREG | mode;
	status->st_uid = 7;
	status->st_gid = 8;
}

static void more_power_than_its_caller(void **state)
{
	static const struct {
		mode_t mode;
		uid_t user;
		gid_t group;
		bool capability;
		bool nosuid;
		bool power;
	} cases[] = {
	    {0755, 1, 1, false, false, false},  {04755, 1, 1, false, false, true},
	    {04755, 0, 1, false, false, true},  {04755, 7, 1, false, false, false},
	    {02755, 1, 1, false, false, true},  {02755, 1, 8, false, false, false},
	    {02745, 1, 1, false, false, false}, {0775, 1, 1, false, false, false},
	    {06755, 7, 1, false, false, true},  {06755, 1, 8, false, false, true},
	    {06755, 7, 8, false, false, false}, {0755, 1, 1, true, false, true},
	    {0755, 0, 0, true, false, false},   {06755, 1, 1, true, true, false},
	};

	(void)state;
	put_program("p", "");
	for (int without_statvfs = 0; without_statvfs < 2; without_statvfs++)
		for (size_t i = 0; i < COUNT(cases); i++) {
			const bool power =
			    cases[i].power || (cases[i].nosuid && without_statvfs == 1);
			enum pga_cover cover;

			mode = cases[i].mode;
			user = cases[i].user;
			group = cases[i].group;
			has_capability = cases[i].capability;
			no_setuid = cases[i].nosuid;
			no_statvfs = without_statvfs == 1;
			played_look = of_somebody;
			cover = look("./p");
			played_look = NULL;
			if (cover != (power ? PGA_UNCOVERED : PGA_COVERED))
				fail_msg("case %zu: %d", i, (int)cover);
			assert_string_equal(looked_at, power ? "" : "./p");
			if (!power)
				continue;
			assert_string_equal(error.message,
					    "./p runs with more power than its caller's, so ld.so "
					    "loads no gate into it");
			assert_string_equal(error.hint,
					    "do not let it connect over TCP, or enable the gate by "
					    "/etc/ld.so.preload (pganchor enable --help)");
		}
}

/* ---- what its file says ---- */

#define OWN "give it sslmode=verify-full and sslrootcert by its own settings"

static void what_its_file_says(void **state)
{
	static const struct {
		const char *name;
		struct pga_binary binary;
		const char *entry_32;
		enum pga_cover cover;
		const char *message; /* behind the name */
		const char *hint;
	} cases[] = {
	    {"./p", {0}, NULL, PGA_COVERED, "", ""},
	    {"./pgbouncer",
	     {0},
	     NULL,
	     PGA_UNCOVERED,
	     " speaks PostgreSQL's protocol itself, so the gate does not see its connections",
	     "give it server_tls_sslmode = verify-full and server_tls_ca_file in pgbouncer.ini"},
	    {"./pgbouncer",
	     {.has_libpq = true, .driver = "x"},
	     NULL,
	     PGA_UNCOVERED,
	     " speaks PostgreSQL's protocol itself, so the gate does not see its connections",
	     "give it server_tls_sslmode = verify-full and server_tls_ca_file in pgbouncer.ini"},
	    {"./p",
	     {.driver = "x", .has_libpq = true},
	     NULL,
	     PGA_UNCOVERED,
	     " connects by x and no libpq, so the gate does not see it",
	     "give it PGSSLMODE=verify-full and PGSSLROOTCERT, or the same by its own settings"},
	    {"./p",
	     {.has_libpq = true, .is_static = true},
	     NULL,
	     PGA_UNCOVERED,
	     " has a libpq of its own inside, so the gate does not see it",
	     OWN},
	    {"./p",
	     {.is_static = true, .other_machine = true},
	     NULL,
	     PGA_UNCOVERED,
	     " is linked statically, so ld.so loads no gate into it",
	     OWN},
	    {"./p",
	     {.other_machine = true},
	     "/lib/32",
	     PGA_UNCOVERED,
	     " is a program for another kind of processor, so ld.so cannot load this gate into it",
	     OWN},
	    {"./p",
	     {.other_machine = true, .is_32_bit = true},
	     NULL,
	     PGA_UNCOVERED,
	     " is a program for another kind of processor, so ld.so cannot load this gate into it",
	     OWN},
	    {"./p", {.other_machine = true, .is_32_bit = true}, "/lib/32", PGA_COVERED_32, "", ""},
	    {"./p",
	     {.wants_asan = true},
	     NULL,
	     PGA_HINDERED,
	     " is built with AddressSanitizer, which ends it when anything is loaded before",
	     "start it with ASAN_OPTIONS=verify_asan_link_order=0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char message[200] = "";

		put_program(cases[i].name, "");
		binary = cases[i].binary;
		entry_32 = cases[i].entry_32;
		if (cases[i].message[0] != '\0')
			(void)snprintf(message, sizeof message, "%s%s", cases[i].name,
				       cases[i].message);
		if (look(cases[i].name) != cases[i].cover)
			fail_msg("case %zu: %s", i, error.message);
		assert_string_equal(error.message, message);
		assert_string_equal(error.hint, cases[i].hint);
		unreadable = true;
		assert_int_equal(look(cases[i].name), PGA_COVERED);
		assert_string_equal(error.message, "");
		unreadable = false;
	}
}

static void when_asan_may_be_second(void **state)
{
	static const struct {
		const char *options; /* NULL: none */
		enum pga_cover cover;
	} cases[] = {{NULL, PGA_HINDERED},
		     {"", PGA_HINDERED},
		     {"verify_asan_link_order=1", PGA_HINDERED},
		     {"verify_asan_link_order=0", PGA_COVERED},
		     {"a=b:verify_asan_link_order=0:c=d", PGA_COVERED}};

	(void)state;
	put_program("p", "");
	binary.wants_asan = true;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].options != NULL)
			assert_int_equal(setenv("ASAN_OPTIONS", cases[i].options, 1), 0);
		assert_int_equal(look("./p"), cases[i].cover);
	}
}

/* ---- another libc ---- */

#define OTHER " is for another libc, and "

static void another_libc(void **state)
{
	static const char message[] = "./p" OTHER "./ld.so cannot load this gate";
	static const struct {
		struct answer with;
		struct answer without;
		enum pga_cover cover;
		const char *complaint; /* in parentheses behind the message */
		bool twice;            /* it is asked without the module, too */
	} cases[] = {
	    {{0, 0, ""}, {0, 0, ""}, PGA_COVERED, NULL, false},
	    {{0, 1, "no\nmore"}, {0, 0, ""}, PGA_UNLOADABLE, " (no)", true},
	    {{0, 1, "x"}, {0, 0, ""}, PGA_UNLOADABLE, " (x)", true},
	    {{0, 1, ""}, {0, 0, ""}, PGA_UNLOADABLE, "", true},
	    {{0, 1, "\n"}, {0, 0, ""}, PGA_UNLOADABLE, "", true},
	    {{0, 0, "warning"}, {0, 0, ""}, PGA_UNLOADABLE, " (warning)", true},
	    {{0, 0, "w"}, {0, 0, ""}, PGA_UNLOADABLE, " (w)", true},
	    {{-1, 0, ""}, {0, 0, ""}, PGA_UNLOADABLE, "", true},
	    /* Where it does not start without it either, that is not why. */
	    {{0, 1, "no"}, {0, 1, ""}, PGA_COVERED, NULL, true},
	    {{0, 1, "no"}, {0, 0, "no"}, PGA_COVERED, NULL, true},
	    {{0, 1, "no"}, {-1, 0, ""}, PGA_COVERED, NULL, true},
	};

	(void)state;
	put_program("p", "");
	put_program("ld.so", "");
	interpreter = "./ld.so";
	for (size_t i = 0; i < COUNT(cases); i++) {
		with = cases[i].with;
		without = cases[i].without;
		if (look("./p") != cases[i].cover)
			fail_msg("case %zu: %s", i, error.message);
		assert_string_equal(asked, cases[i].twice ? PGA_MODULE
					       " ./ld.so --list ./p\n ./ld.so --list ./p\n"
							  : PGA_MODULE " ./ld.so --list ./p\n");
		if (cases[i].complaint == NULL) {
			assert_string_equal(error.message, "");
			continue;
		}
		assert_memory_equal(error.message, message, strlen(message));
		assert_string_equal(error.message + strlen(message), cases[i].complaint);
		assert_string_equal(error.hint, OWN);
	}
}

static void one_device(struct stat *status)
{
	status->st_dev = 1;
}

static void one_number(struct stat *status)
{
	static dev_t device;

	status->st_ino = 1;
	status->st_dev = ++device;
}

static void who_is_asked(void **state)
{
	(void)state;
	put_program("p", "");
	put_program("ld.so", "");
	put_program("own.so", "");
	assert_int_equal(symlink("own.so", "same.so"), 0);
	with = (struct answer){0, 1, ""};
	/* The same ld.so by another name has loaded us. */
	own_interpreter = "./own.so";
	interpreter = "./same.so";
	assert_int_equal(look("./p"), PGA_COVERED);
	assert_string_equal(asked, "");
	interpreter = "./ld.so";
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	played_look = one_device;
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	played_look = one_number;
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	played_look = NULL;
	for (int missing = 0; missing < 2; missing++) {
		deny("stat", missing == 0 ? "./ld.so" : "./own.so", ENOENT);
		assert_int_equal(look("./p"), PGA_UNLOADABLE);
	}
	deny(NULL, NULL, 0);
	/* Who was loaded by none, or is for none, is not compared. */
	own_interpreter = NULL;
	assert_int_equal(look("./p"), PGA_COVERED);
	own_interpreter = "./own.so";
	interpreter = NULL;
	assert_int_equal(look("./p"), PGA_COVERED);
	interpreter = "./ld.so";
	binary.is_static = true;
	assert_int_equal(look("./p"), PGA_UNCOVERED);
	binary.is_static = false;
	binary.other_machine = true;
	assert_int_equal(look("./p"), PGA_UNCOVERED);
	assert_string_equal(asked, "");
	/* An ld.so is asked itself, and lists a file of ours. */
	binary.other_machine = false;
	binary.is_loader = true;
	interpreter = NULL;
	without = (struct answer){0, 1, ""};
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	assert_string_equal(asked, PGA_MODULE " ./p --list " PGA_MODULE "\n");
	assert_string_equal(error.message, "./p" OTHER "./p cannot load this gate");
	binary.is_loader = false;
	without.status = 0;
	/* A 32-bit program gets the module for those. */
	interpreter = "./ld.so";
	binary.is_32_bit = true;
	entry_32 = "/usr/$LIB/gate.so";
	assert_int_equal(look("./p"), PGA_UNLOADABLE);
	assert_string_equal(asked, "/usr/$LIB/gate.so ./ld.so --list ./p\n ./ld.so --list ./p\n");
	entry_32 = NULL;
	assert_int_equal(look("./p"), PGA_COVERED_32);
	assert_string_equal(asked, "");
}

static void wherever_memory_runs_out(void **state)
{
	long number = 0;

	(void)state;
	put_program("p", "");
	put_program("ld.so", "");
	interpreter = "./ld.so";
	with = (struct answer){0, 1, "no"};
	do {
		enum pga_cover cover;

		has_failed = false;
		left = ++number;
		cover = look("./p");
		left = 0;
		assert_true(cover == PGA_UNLOADABLE || (has_failed && cover == PGA_COVERED));
	} while (has_failed);
	assert_true(number > 1);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(which_file),
	    IN_A_DIRECTORY(long_names),
	    IN_A_DIRECTORY(scripts),
	    IN_A_DIRECTORY(scripts_of_scripts),
	    IN_A_DIRECTORY(more_power_than_its_caller),
	    IN_A_DIRECTORY(what_its_file_says),
	    IN_A_DIRECTORY(when_asan_may_be_second),
	    IN_A_DIRECTORY(another_libc),
	    IN_A_DIRECTORY(who_is_asked),
	    IN_A_DIRECTORY(wherever_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
