/* What is known of a program and of the machine that it runs on, as a test plays it: its file, what
 * its ld.so answers, who the user is. */
#ifndef PGA_TESTS_PLAYED_PROGRAM_H
#define PGA_TESTS_PLAYED_PROGRAM_H

#include "failing.h"
#include "moved_root.h"

#include "preload/binary.h"
#include "preload/module.h"
#include "preload/program.h"
#include "base/subprocess.h"

#include <sys/statvfs.h>
#include <sys/xattr.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

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

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, finish)

#endif
