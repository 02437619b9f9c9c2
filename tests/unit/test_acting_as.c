/* base/acting.h, with a kernel that the test plays: which ids are there, and what is allowed. */
#include "cmocka_start.h"

#include "base/acting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct {
	const char *map; /* NULL: it cannot be read */
	uid_t user;
	gid_t group;
	uid_t acting_user;
	gid_t acting_group;
	bool keeps_user; /* setfsuid() does nothing */
	bool keeps_group;
	unsigned calls;
} kernel;

FILE *__wrap_fopen(const char *path, const char *mode);
uid_t __wrap_geteuid(void);
gid_t __wrap_getegid(void);
int __wrap_setfsuid(uid_t user);
int __wrap_setfsgid(gid_t group);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	assert_string_equal(path, "/proc/self/uid_map");
	assert_string_equal(mode, "re");
	return kernel.map != NULL ? fmemopen((void *)(uintptr_t)kernel.map, strlen(kernel.map), "r")
				  : NULL;
}

uid_t __wrap_geteuid(void)
{
	return kernel.user;
}

gid_t __wrap_getegid(void)
{
	return kernel.group;
}

/* Returns the one before, and tells nothing of whether it has worked; the last id is none. */
int __wrap_setfsuid(uid_t user)
{
	const uid_t before = kernel.acting_user;

	kernel.calls++;
	errno = EINVAL;
	if (user != (uid_t)-1 && (!kernel.keeps_user || user == kernel.user))
		kernel.acting_user = user;
	return (int)before;
}

int __wrap_setfsgid(gid_t group)
{
	const gid_t before = kernel.acting_group;

	kernel.calls++;
	errno = EINVAL;
	if (group != (gid_t)-1 && (!kernel.keeps_group || group == kernel.group))
		kernel.acting_group = group;
	return (int)before;
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof kernel);
	kernel.map = "         0          0 4294967295\n";
	return 0;
}

static void ids_of_a_namespace(void **state)
{
	static const struct {
		const char *map;
		uid_t user;
		bool unmapped;
	} cases[] = {
	    {NULL, 0, false},
	    {NULL, 7, false},
	    {"0 0 4294967295\n", 0, false},
	    {"0 0 4294967295\n", 65534, false},
	    {"0 1000 1\n", 0, false},
	    {"0 1000 1\n", 1, true},
	    {"0 1000 1\n", 1000, true},
	    {"10 5 3\n", 9, true},
	    {"10 5 3\n", 10, false},
	    {"10 5 3\n", 12, false},
	    {"10 5 3\n", 13, true},
	    {"10 5 3\n", 5, true},
	    {"0 1000 1\n1 100000 65536\n70000 7 1\n", 65536, false},
	    {"0 1000 1\n1 100000 65536\n70000 7 1\n", 65537, true},
	    {"0 1000 1\n1 100000 65536\n70000 7 1\n", 70000, false},
	    {"0 1009 3\n", 2, false},
	    {"0 1009 3\n", 3, true},
	    {"0 1009 3\n", 5, true},
	    {"\n", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		kernel.map = cases[i].map;
		if (pga_user_is_unmapped(cases[i].user) != cases[i].unmapped)
			fail_msg("case %zu", i);
		/* Whoever is not there cannot be acted as, nor can anybody by anybody but root. */
		kernel.user = 0;
		assert_int_equal(pga_acting_user(cases[i].user),
				 cases[i].unmapped ? 0 : cases[i].user);
		kernel.user = 7;
		assert_int_equal(pga_acting_user(cases[i].user), 7);
		kernel.user = 0;
	}
}

static void as_somebody_and_as_oneself(void **state)
{
	(void)state;
	assert_int_equal(pga_act_as(5, 6), 0);
	assert_int_equal(kernel.acting_user, 5);
	assert_int_equal(kernel.acting_group, 6);
	errno = EIO;
	pga_act_as_self();
	assert_int_equal(errno, EIO);
	assert_int_equal(kernel.acting_user, 0);
	assert_int_equal(kernel.acting_group, 0);
	/* Whose own file it is stays who he is. */
	kernel.calls = 0;
	assert_int_equal(pga_act_as(0, 6), 0);
	kernel.user = kernel.acting_user = 8;
	kernel.group = kernel.acting_group = 9;
	assert_int_equal(pga_act_as(5, 6), 0);
	assert_int_equal(pga_act_as(8, 9), 0);
	assert_int_equal(kernel.calls, 0);
	pga_act_as_self();
	assert_int_equal(kernel.acting_user, 8);
	assert_int_equal(kernel.acting_group, 9);
}

/* Half of it is nothing. */
static void what_is_not_allowed(void **state)
{
	(void)state;
	for (int i = 1; i < 4; i++) {
		kernel.keeps_user = (i & 1) != 0;
		kernel.keeps_group = (i & 2) != 0;
		errno = 0;
		assert_int_equal(pga_act_as(5, 6), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(kernel.acting_user, 0);
		assert_int_equal(kernel.acting_group, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(ids_of_a_namespace, begin),
	    cmocka_unit_test_setup(as_somebody_and_as_oneself, begin),
	    cmocka_unit_test_setup(what_is_not_allowed, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
