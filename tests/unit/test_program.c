/* preload/program.h: which file a name starts, and whether it has more power than its caller. */
#include "cmocka_start.h"
#include "moved_root.h"
#include "played_program.h"

#include "preload/program.h"

#include <sys/statvfs.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(which_file),
	    IN_A_DIRECTORY(long_names),
	    IN_A_DIRECTORY(scripts),
	    IN_A_DIRECTORY(scripts_of_scripts),
	    IN_A_DIRECTORY(more_power_than_its_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
