/* gate/chroot.c: what is in force is read before a process with a libpq changes its root directory.
 * The objects, libc's own function and the rules are the test's; each test is a process that begins
 * anew. */
#include "in_a_child.h"

#include "gate/libpq.h"
#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/rules.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What the linker leads here (--wrap). */
void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object);
void *__wrap_gate_object_find(const struct gate_object *object, const char *name);
const struct gate_loader *__wrap_gate_loader(void);
const struct gate_rules *__wrap_gate_rules_acquire(void);
void __wrap_gate_rules_release(const struct gate_rules *rules);

/* What an object is: ' ' has no libpq, '!' cannot be read and seems to have one, 'p' is a libpq. */
static const char *objects = "";
static bool no_chroot;
static int visited, asked, acquired, released, changed;
static struct gate_rules rules;

void __wrap_gate_each_object(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	for (size_t i = 0; objects[i] != '\0'; i++) {
		struct dl_phdr_info info = {.dlpi_addr = i};

		visited++;
		if (visit(&info, sizeof info, context) != 0)
			return;
	}
}

bool __wrap_gate_object_of(const struct dl_phdr_info *info, struct gate_object *object)
{
	memset(object, 0, sizeof *object);
	object->base = info->dlpi_addr;
	return objects[info->dlpi_addr] != '!';
}

void *__wrap_gate_object_find(const struct gate_object *object, const char *name)
{
	CHECK(strcmp(name, GATE_LIBPQ_MARK) == 0);
	return objects[object->base] != ' ' ? &rules : NULL;
}

static int libcs_own(const char *path)
{
	/* All has been read by then, and errno is as it was. */
	CHECK(strcmp(path, "/srv") == 0 && acquired == released && errno == EDOM);
	changed++;
	errno = EPERM;
	return -7;
}

static void *symbol(void *object, const char *name)
{
	int (*const function)(const char *) = libcs_own;
	void *address = NULL;

	CHECK(object == RTLD_NEXT && strcmp(name, "chroot") == 0);
	asked++;
	if (!no_chroot)
		memcpy(&address, &function, sizeof address);
	return address;
}

static const struct gate_loader loader = {.sym = symbol};

const struct gate_loader *__wrap_gate_loader(void)
{
	return &loader;
}

const struct gate_rules *__wrap_gate_rules_acquire(void)
{
	acquired++;
	errno = EIO;
	return &rules;
}

void __wrap_gate_rules_release(const struct gate_rules *of)
{
	CHECK(of == &rules);
	released++;
}

static void around(void (*scenario)(void))
{
	scenario();
}

/* unistd.h promises of chroot() that it changes nothing in here. */
static int (*volatile const change_root)(const char *) = chroot;

static int go(void)
{
	errno = EDOM;
	return change_root("/srv");
}

static void with_a_libpq_the_rules_are_read_before(void)
{
	objects = "  p ";
	for (int turn = 1; turn <= 2; turn++) {
		visited = 0;
		CHECK(go() == -7 && errno == EPERM && changed == turn);
		CHECK(acquired == turn && released == turn && visited == 3);
	}
	/* libc's own is looked for once. */
	CHECK(asked == 1);
}

static void without_a_libpq_nothing_is_read(void)
{
	static const char *const processes[] = {"", " ", "  ", " ! ", "!!"};

	for (size_t i = 0; i < sizeof processes / sizeof processes[0]; i++) {
		objects = processes[i];
		visited = 0;
		CHECK(go() == -7 && acquired == 0 && visited == (int)strlen(objects));
	}
	CHECK(changed == 5);
	objects = "!p";
	CHECK(go() == -7 && acquired == 1);
}

static void without_libcs_nothing_is_done(void)
{
	objects = "p";
	no_chroot = true;
	CHECK(go() == -1 && errno == ENOSYS && acquired == 0 && visited == 0);
	no_chroot = false;
	CHECK(go() == -7 && acquired == 1 && asked == 2);
}

#define EACH(DO)                                   \
	DO(with_a_libpq_the_rules_are_read_before) \
	DO(without_a_libpq_nothing_is_read)        \
	DO(without_libcs_nothing_is_done)
EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
