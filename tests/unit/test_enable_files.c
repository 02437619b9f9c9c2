/* preload/enable.h, preload/shells.h: which files the gate is switched on in. */
#include "cmocka_start.h"
#include "directory.h"
#include "enabled_home.h"

#include "preload/module.h"
#include "preload/shells.h"
#include "preload/enable.h"

#include <sys/stat.h>

/* The path behind the directory. */
static const char *behind(const char *path)
{
	assert_memory_equal(path, scratch, strlen(scratch));
	return path + strlen(scratch);
}

static void where_the_files_are(void **state)
{
	struct pga_activation file;
	struct pga_error error;

	(void)state;
	assert_string_equal(pga_way_name(PGA_WAY_SHELL), "shell");
	for (size_t i = 0; i < COUNT(ways); i++) {
		assert_string_equal(pga_way_name(ways[i].way), ways[i].name);
		find(&file, i);
		assert_string_equal(behind(file.path), ways[i].path);
		assert_int_equal(file.way, ways[i].way);
		assert_int_equal(file.form, ways[i].form);
		assert_int_equal(file.state, PGA_OFF);
		assert_false(file.linked);
		pga_activation_end(&file);
	}
	assert_int_equal(pga_activation_find(&file, PGA_WAY_PRELOAD, NULL, NULL, &error), 0);
	assert_string_equal(file.path, "/etc/ld.so.preload");
	pga_activation_end(&file);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/x", 1), 0);
	assert_int_equal(pga_activation_find(&file, PGA_WAY_SESSION, scratch, NULL, &error), 0);
	assert_string_equal(file.path, "/x/environment.d/50-pganchor.conf");
	pga_activation_end(&file);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "x", 1), 0);
	find(&file, 0);
	assert_string_equal(behind(file.path), ways[0].path);
	pga_activation_end(&file);
	assert_int_equal(pga_activation_find(&file, PGA_WAY_UNIT, scratch, "a/b", &error), -1);
	assert_string_equal(error.message, "a/b: not the name of a service");
	pga_activation_end(&file);
}

static void names_of_services(void **state)
{
	static const struct {
		const char *unit;
		const char *name; /* NULL: none */
	} cases[] = {
	    {"a", "a.service"},
	    {"a.service", "a.service"},
	    {"a@.service", "a@.service"},
	    {"a@b", "a@b.service"},
	    {"a:b-c_d.e\\x2d", "a:b-c_d.e\\x2d.service"},
	    {"service", "service.service"},
	    {"AZaz09", "AZaz09.service"},
	    {"", NULL},
	    {".a", NULL},
	    {"@a", NULL},
	    {"a b", NULL},
	    {"a/b", NULL},
	    {"a\n", NULL},
	    {"a.automount", NULL},
	    {"a.device", NULL},
	    {"a.mount", NULL},
	    {"a.path", NULL},
	    {"a.scope", NULL},
	    {"a.slice", NULL},
	    {"a.socket", NULL},
	    {"a.swap", NULL},
	    {"a.target", NULL},
	    {"a.timer", NULL},
	    {"a.timers", "a.timers.service"},
	};
	char longest[202];
	struct pga_error error;
	char *name;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		name = pga_unit_name(cases[i].unit, &error);
		if ((name == NULL) != (cases[i].name == NULL))
			fail_msg("%s", cases[i].unit);
		if (name != NULL)
			assert_string_equal(name, cases[i].name);
		else
			assert_memory_equal(error.message, cases[i].unit, strlen(cases[i].unit));
		free(name);
	}
	assert_null(pga_unit_name(NULL, &error));
	assert_string_equal(error.message, ": not the name of a service");
	assert_null(pga_unit_name("a.timer", &error));
	assert_string_equal(error.message,
			    "a.timer: not a service: it starts no program with an environment");
	memset(longest, 'a', 201);
	longest[201] = '\0';
	assert_null(pga_unit_name(longest, &error));
	longest[200] = '\0';
	name = pga_unit_name(longest, &error);
	assert_int_equal(strlen(name), 208);
	free(name);
}

static void drop_ins_of_services(void **state)
{
	static const char *const made[] = {"b.service.d",    "a.service.d",  "c.service.d",
					   "none.service.d", "d.socket.d",   ".service.d",
					   "x.service.dx",   "e@1.service.d"};
	static const char *const listed[] = {"a.service", "b.service", "e@1.service"};
	struct pga_error error;
	char **names;
	size_t count;

	(void)state;
	assert_int_equal(pga_activation_units(PGA_WAY_UNIT, scratch, &names, &count, &error), 0);
	assert_int_equal(count, 0);
	assert_null(names);
	assert_int_equal(
	    mkdir("etc", 0755) | mkdir("etc/systemd", 0755) | mkdir("etc/systemd/system", 0755), 0);
	for (size_t i = 0; i < COUNT(made); i++) {
		char path[200];

		(void)snprintf(path, sizeof path, "etc/systemd/system/%s", made[i]);
		assert_int_equal(mkdir(path, 0755), 0);
		(void)snprintf(path, sizeof path, "etc/systemd/system/%s/pganchor.conf", made[i]);
		/* Where a link leads nowhere, nothing is. */
		if (strcmp(made[i], "c.service.d") == 0)
			assert_int_equal(symlink("none", path), 0);
		else if (strcmp(made[i], "none.service.d") != 0)
			put(path, "");
	}
	put("etc/systemd/system/file.service.d", "");
	assert_int_equal(pga_activation_units(PGA_WAY_UNIT, scratch, &names, &count, &error), 0);
	assert_int_equal(count, COUNT(listed));
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(names[i], listed[i]);
		free(names[i]);
	}
	free(names);
}

static void files_of_a_shell(void **state)
{
	static const struct {
		const char *shell;
		const char *there; /* one that is there already */
		const char *names[4];
	} cases[] = {
	    {"/bin/bash", NULL, {"/.bashrc", "/.profile"}},
	    {"bash", ".profile", {"/.bashrc", "/.profile"}},
	    {"/bin/bash", ".bash_profile", {"/.bashrc", "/.bash_profile"}},
	    {"/bin/bash", ".bash_login", {"/.bashrc", "/.bash_login"}},
	    {"/bin/sh", NULL, {"/.profile"}},
	    {"/bin/dash", NULL, {"/.profile"}},
	    {"/bin/ksh", NULL, {"/.profile"}},
	    {"mksh", ".bash_profile", {"/.profile"}},
	    {"/bin/zsh", NULL, {"/.zshenv"}},
	    {"/usr/bin/fish", NULL, {"/.config/fish/conf.d/pganchor.fish"}},
	    {"/bin/csh", NULL, {NULL}},
	    {"", NULL, {NULL}},
	    {"/bin/bash/", NULL, {NULL}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pga_shell_files files;
		struct pga_error error;
		size_t count = 0;

		assert_int_equal(setenv("SHELL", cases[i].shell, 1), 0);
		if (cases[i].there != NULL)
			put(cases[i].there, "");
		while (cases[i].names[count] != NULL)
			count++;
		assert_int_equal(pga_shell_files(&files, &error), count > 0 ? 0 : -1);
		assert_int_equal(files.count, count);
		for (size_t j = 0; j < count; j++) {
			assert_string_equal(behind(files.list[j].path), cases[i].names[j]);
			assert_int_equal(files.list[j].form, strstr(cases[i].shell, "fish") != NULL
								 ? PGA_FORM_FISH
								 : PGA_FORM_SHELL);
		}
		pga_shell_files_free(&files);
		assert_int_equal(files.count, 0);
		if (cases[i].there != NULL)
			assert_int_equal(unlink(cases[i].there), 0);
	}
}

static void files_of_every_shell(void **state)
{
	static const char *const names[] = {"/.bashrc",     "/.bash_profile",
					    "/.bash_login", "/.profile",
					    "/z/.zshenv",   "/c/fish/conf.d/pganchor.fish"};
	struct pga_shell_files files;
	struct pga_error error;
	char path[100];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/z", scratch);
	assert_int_equal(setenv("ZDOTDIR", path, 1), 0);
	(void)snprintf(path, sizeof path, "%s/c", scratch);
	assert_int_equal(setenv("XDG_CONFIG_HOME", path, 1), 0);
	assert_int_equal(pga_shell_files_of_all(&files, &error), 0);
	assert_int_equal(files.count, COUNT(names));
	for (size_t i = 0; i < COUNT(names); i++)
		assert_string_equal(behind(files.list[i].path), names[i]);
	pga_shell_files_free(&files);
	assert_int_equal(setenv("ZDOTDIR", "z", 1), 0);
	assert_int_equal(pga_shell_files_of_all(&files, &error), 0);
	assert_string_equal(behind(files.list[4].path), "/.zshenv");
	pga_shell_files_free(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_HOME(where_the_files_are),  IN_A_HOME(names_of_services),
	    IN_A_HOME(drop_ins_of_services), IN_A_HOME(files_of_a_shell),
	    IN_A_HOME(files_of_every_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
