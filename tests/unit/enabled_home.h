/* A home, and the files in it that the gate can be switched on in. */
#ifndef PGA_TESTS_ENABLED_HOME_H
#define PGA_TESTS_ENABLED_HOME_H

#include "directory.h"

#include "preload/module.h"
#include "preload/shells.h"
#include "preload/enable.h"

#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int make_home(void **state)
{
	return make_scratch(state) != 0 || setenv("HOME", scratch, 1) != 0 ||
		       unsetenv("ZDOTDIR") != 0 || unsetenv("XDG_CONFIG_HOME") != 0
		   ? -1
		   : 0;
}

static const struct {
	enum pga_way way;
	const char *name;
	const char *unit;
	const char *path;
	enum pga_form form;
	mode_t mode;
} ways[] = {
    {PGA_WAY_SESSION, "session", NULL, "/.config/environment.d/50-pganchor.conf",
     PGA_FORM_ENVIRONMENT, 0700},
    {PGA_WAY_ENVIRONMENT, "system session", NULL, "/etc/environment.d/50-pganchor.conf",
     PGA_FORM_ENVIRONMENT, 0755},
    {PGA_WAY_PROFILE, "system shell", NULL, "/etc/profile.d/pganchor.sh", PGA_FORM_SHELL, 0755},
    {PGA_WAY_PRELOAD, "ld.so.preload", NULL, "/etc/ld.so.preload", PGA_FORM_PRELOAD, 0755},
    {PGA_WAY_UNIT, "unit", "app", "/etc/systemd/system/app.service.d/pganchor.conf", PGA_FORM_UNIT,
     0755},
    {PGA_WAY_UNIT, "unit", "a@b.service", "/etc/systemd/system/a@b.service.d/pganchor.conf",
     PGA_FORM_UNIT, 0755},
    {PGA_WAY_USER_UNIT, "user unit", "app.service",
     "/.config/systemd/user/app.service.d/pganchor.conf", PGA_FORM_UNIT, 0700},
};

static void find(struct pga_activation *file, size_t number)
{
	struct pga_error error;

	assert_int_equal(
	    pga_activation_find(file, ways[number].way, scratch, ways[number].unit, &error), 0);
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_scratch)

#endif
