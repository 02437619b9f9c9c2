/* base/acting.h: whose files root makes in another user's directory, and in a user namespace. */
#include "cmocka_start.h"
#include "directory.h"

#include "base/acting.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define USER  1234
#define GROUP 2345

static void assert_makes(uid_t user, gid_t group)
{
	struct stat status;

	put("made", "");
	assert_int_equal(stat("made", &status), 0);
	assert_int_equal(status.st_uid, user);
	assert_int_equal(status.st_gid, group);
	assert_int_equal(unlink("made"), 0);
}

static void root_acts_as_the_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(".", 0777), 0);
	assert_int_equal(pga_acting_user(USER), USER);
	assert_int_equal(pga_acting_user(0), 0);
	assert_int_equal(pga_act_as(USER, GROUP), 0);
	assert_makes(USER, GROUP);
	errno = EXDEV;
	pga_act_as_self();
	assert_int_equal(errno, EXDEV);
	assert_makes(0, getegid());
	/* In a directory of its own it stays itself, group and all. */
	assert_int_equal(pga_act_as(0, GROUP), 0);
	assert_makes(0, getegid());
}

static void anybody_else_is_himself(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(setuid(USER) == 0 && pga_acting_user(0) == USER &&
			      pga_acting_user(USER + 1) == USER &&
			      pga_act_as(USER + 1, GROUP) == 0 && (uid_t)setfsuid((uid_t)-1) == USER
			  ? 0
			  : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Takes one of root's rights away, for good. */
static bool lose(int right)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	data[0].effective &= ~(1U << right);
	return syscall(SYS_capset, &header, data) == 0;
}

/* Root that may become no other user, or be in no other group: nothing is done by halves. */
static void root_without_rights(void **state)
{
	static const int rights[] = {CAP_SETUID, CAP_SETGID};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
		int status = -1;
		const pid_t child = fork();

		if (child == 0) {
			if (!lose(rights[i]))
				_exit(2);
			errno = 0;
			_exit(pga_act_as(USER, GROUP) == -1 && errno == EPERM &&
				      (uid_t)setfsuid((uid_t)-1) == 0 &&
				      (gid_t)setfsgid((gid_t)-1) == getegid()
				  ? 0
				  : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static bool write_file(const char *path, const char *bytes)
{
	const int file = open(path, O_WRONLY | O_CLOEXEC);
	const bool good = file >= 0 && write(file, bytes, strlen(bytes)) == (ssize_t)strlen(bytes);

	if (file >= 0)
		(void)close(file);
	return good;
}

/* Whether it is as is said of this id, in the namespace of the child. */
static bool is_mapped_so(void)
{
	static const struct {
		uid_t user;
		bool unmapped;
	} cases[] = {{0, false},  {9, false},  {10, true}, {19, true},
		     {20, false}, {24, false}, {25, true}, {65534, true}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pga_user_is_unmapped(cases[i].user) != cases[i].unmapped ||
		    pga_acting_user(cases[i].user) != (cases[i].unmapped ? 0 : cases[i].user))
			return false;
	/* What is nobody's here is not acted as; what is somebody's is. */
	return pga_act_as(10, 10) == 0 && setfsuid((uid_t)-1) == 0 && pga_act_as(20, 20) == 0 &&
	       setfsuid((uid_t)-1) == 20;
}

/* User 9 is there, and its group is not. */
static bool has_no_such_group(void)
{
	errno = 0;
	return pga_act_as(9, 15) == -1 && errno == EPERM && setfsuid((uid_t)-1) == 0 &&
	       setfsgid((gid_t)-1) == 0;
}

static void a_user_namespace(void **state)
{
	int ready[2];
	int go[2];
	char path[64];
	char byte;
	int status = -1;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_false(pga_user_is_unmapped(0));
	assert_false(pga_user_is_unmapped(USER));
	assert_int_equal(pipe(ready) | pipe(go), 0);
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWUSER) != 0)
			_exit(2);
		if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1 || setgid(0) != 0 ||
		    setuid(0) != 0)
			_exit(1);
		if (!is_mapped_so())
			_exit(3);
		pga_act_as_self();
		_exit(has_no_such_group() ? 0 : 4);
	}
	assert_int_equal(close(ready[1]), 0);
	if (read(ready[0], &byte, 1) == 1) {
		(void)snprintf(path, sizeof path, "/proc/%ld/uid_map", (long)child);
		assert_true(write_file(path, "0 0 10\n20 20 5\n"));
		(void)snprintf(path, sizeof path, "/proc/%ld/gid_map", (long)child);
		assert_true(write_file(path, "0 0 10\n20 20 5\n"));
		assert_int_equal(write(go[1], "x", 1), 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(close(ready[0]) | close(go[0]) | close(go[1]), 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip(); /* a machine that lets nobody make one */
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_DIRECTORY(root_acts_as_the_owner),
	    IN_A_DIRECTORY(anybody_else_is_himself),
	    IN_A_DIRECTORY(root_without_rights),
	    IN_A_DIRECTORY(a_user_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
