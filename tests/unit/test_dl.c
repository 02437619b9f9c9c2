/* gate/dl.c: the dynamic linker's own functions, and walks through what it has loaded, among
 * objects that the test lays out. Each test is a process that begins anew. */
#include "in_a_child.h"

#include "gate/lock.h"
#include "played_loader.h"

#include <gnu/lib-names.h>
#include <stdio.h>
#include <stdlib.h>

static struct played_object *const program = &objects[0];
static struct played_object *const gate = &objects[1];
static struct played_object *const before = &objects[2];
static struct played_object *const libc = &objects[3];
static struct played_object *const behind = &objects[4];

/* What the linker leads here (--wrap). */
void __wrap_gate_walk_begin(void);
void __wrap_gate_walk_end(void);
int __wrap_dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context);
int __wrap_dlclose(void *handle);

#ifdef HAVE__DL_FIND_OBJECT
int __wrap__dl_find_object(void *address, struct dl_find_object *found);

int __wrap__dl_find_object(void *address, struct dl_find_object *found)
{
	const void *base;
	const struct link_map *map = __wrap_gate_object_at(address, &base);

	if (map == NULL)
		return -1;
	found->dlfo_map_start = (void *)(uintptr_t)base;
	found->dlfo_link_map = (struct link_map *)(uintptr_t)map;
	return 0;
}
#else
int __wrap_dladdr1(const void *address, Dl_info *info, void **extra, int flags);

int __wrap_dladdr1(const void *address, Dl_info *info, void **extra, int flags)
{
	const void *base;
	const struct link_map *map = __wrap_gate_object_at(address, &base);

	CHECK(flags == RTLD_DL_LINKMAP);
	if (map == NULL)
		return 0;
	info->dli_fbase = (void *)(uintptr_t)base;
	memcpy(extra, &map, sizeof map);
	return 1;
}
#endif

static char log_of[256];
static char context_of_visit;

static void note(const char *what)
{
	(void)strncat(log_of, what, sizeof log_of - strlen(log_of) - 1);
}

void __wrap_gate_walk_begin(void)
{
	note("begin ");
}

void __wrap_gate_walk_end(void)
{
	note("end ");
}

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
	CHECK(info == NULL && size == 0 && context == &context_of_visit);
	note("visit ");
	return 0;
}

int __wrap_dl_iterate_phdr(int (*visits)(struct dl_phdr_info *, size_t, void *), void *context)
{
	return visits(NULL, 0, context);
}

int __wrap_dlclose(void *handle)
{
	CHECK(handle == &libc->map);
	note("close ");
	return 0;
}

static void around(void (*scenario)(void))
{
	lay_out_objects();
	own_object = gate;
	scenario();
}

static void *address_of(const void *function)
{
	void *address;

	memcpy(&address, function, sizeof address);
	return address;
}

static const char *const names[] = {"dlopen", "dlmopen", "dlsym", "dlvsym"};

static void define_all(struct played_object *object)
{
	for (size_t i = 0; i < 4; i++)
		object->functions[i] = names[i];
}

/* The object that each of the four is taken from. */
static void check_taken(const struct played_object *open, const struct played_object *mopen,
			const struct played_object *sym, const struct played_object *vsym)
{
	const struct gate_loader *loader = gate_loader();

	CHECK(object_at(address_of(&loader->open)) == open);
	CHECK(object_at(address_of(&loader->mopen)) == mopen);
	CHECK(object_at(address_of(&loader->sym)) == sym);
	CHECK(object_at(address_of(&loader->vsym)) == vsym);
}

/* Those behind the gate, not the gate's own, nor those in front of it; and they stay. */
static void the_next_ones_are_taken(void)
{
	define_all(program);
	define_all(gate);
	define_all(libc);
	define_all(behind);
	check_taken(libc, libc, libc, libc);
	define_all(before);
	check_taken(libc, libc, libc, libc);
	CHECK((char *)address_of(&gate_loader()->open) == libc->bytes);
	CHECK((char *)address_of(&gate_loader()->vsym) == libc->bytes + 3);
}

/* Where the gate is in no object, as in a program that is linked statically. */
static void a_gate_in_no_object_has_none(void)
{
	own_object = NULL;
	define_all(libc);
	check_taken(NULL, NULL, NULL, NULL);
}

/* Each that stands before libc's. */
static void what_stands_before_libc_is_taken(void)
{
	before->functions[0] = "dlsym";
	before->functions[1] = "dlvsym";
	define_all(libc);
	check_taken(libc, libc, before, before);
}

static void each_of_them_is_needed(void)
{
	static struct played_object *from[4];

	/* All but one are there first: the last is looked for further on. */
	for (size_t missing = 0; missing < 4; missing++) {
		const pid_t child = fork();
		int status;

		CHECK(child >= 0);
		if (child == 0) {
			for (size_t i = 0, at = 0; i < 4; i++)
				if (i != missing)
					before->functions[at++] = names[i];
			define_all(libc);
			for (size_t i = 0; i < 4; i++)
				from[i] = i == missing ? libc : before;
			check_taken(from[0], from[1], from[2], from[3]);
			_exit(0);
		}
		CHECK(waitpid(child, &status, 0) == child && status == 0);
	}
}

static void what_cannot_be_read_is_passed_over(void)
{
	define_all(before);
	before->unreadable = true;
	define_all(libc);
	check_taken(libc, libc, libc, libc);
}

/* A gate that was opened by dlopen(): then the first ones of all. */
static void a_gate_behind_libc_takes_the_first_ones(void)
{
	own_object = behind;
	define_all(gate);
	define_all(libc);
	define_all(behind);
	check_taken(gate, gate, gate, gate);
}

static void what_is_in_front_makes_up_for_what_is_not_behind(void)
{
	own_object = before;
	program->functions[0] = "dlopen";
	gate->functions[0] = "dlopen";
	gate->functions[1] = "dlsym";
	libc->functions[0] = "dlmopen";
	define_all(before);
	check_taken(program, libc, gate, NULL);
}

static void where_there_are_none_there_are_none(void)
{
	own_object = NULL;
	define_all(libc);
	check_taken(NULL, NULL, NULL, NULL);
	CHECK(gate_own_base() == NULL);
	own_object = gate;
	CHECK(gate_own_base() == gate->bytes);
	own_object = before;
	CHECK(gate_own_base() == gate->bytes);
}

static void a_walk_is_announced(void)
{
	gate_each_object(visit, &context_of_visit);
	CHECK(strcmp(log_of, "begin visit end ") == 0);
}

/* ---- another namespace ---- */

static bool is_empty;

static void *open_in(Lmid_t space, const char *file, int mode)
{
	CHECK(space == 3 && strcmp(file, LIBC_SO) == 0 && mode == (RTLD_LAZY | RTLD_NOLOAD));
	note("open ");
	return is_empty ? NULL : &libc->map;
}

static void *search(const void *key, const void *base, size_t count, size_t size,
		    int (*compare)(const void *, const void *))
{
	CHECK(count == 1 && size == 1);
	note("search ");
	(void)compare(key, base);
	return NULL;
}

static int walk(const void *visits, const void *context)
{
	int (*function)(struct dl_phdr_info *, size_t, void *);

	memcpy(&function, &visits, sizeof function);
	return function(NULL, 0, (void *)(uintptr_t)context);
}

static void *(*const mopen_of)(Lmid_t, const char *, int) = open_in;
static void *(*const search_of)(const void *, const void *, size_t, size_t,
				int (*)(const void *, const void *)) = search;
static int (*const walk_of)(const void *, const void *) = walk;

/* By the libc of that namespace. */
static void another_namespace_is_walked(void)
{
	define_all(before);
	before->addresses[1] = address_of(&mopen_of);
	libc->functions[0] = "bsearch";
	libc->functions[1] = "dl_iterate_phdr";
	libc->addresses[0] = address_of(&search_of);
	libc->addresses[1] = address_of(&walk_of);
	gate_each_object_in(3, visit, &context_of_visit);
	CHECK(strcmp(log_of, "open begin search visit end close ") == 0);
	/* One that has no libc, or of which nothing is known, or that lacks one of the two. */
	log_of[0] = '\0';
	is_empty = true;
	gate_each_object_in(3, visit, &context_of_visit);
	CHECK(strcmp(log_of, "open ") == 0);
	is_empty = false;
	libc->unreadable = true;
	log_of[0] = '\0';
	gate_each_object_in(3, visit, &context_of_visit);
	CHECK(strcmp(log_of, "open close ") == 0);
	libc->unreadable = false;
	for (size_t i = 0; i < 2; i++) {
		const char *name = libc->functions[i];

		libc->functions[i] = "other";
		log_of[0] = '\0';
		gate_each_object_in(3, visit, &context_of_visit);
		CHECK(strcmp(log_of, "open close ") == 0);
		libc->functions[i] = name;
	}
}

#define EACH(DO)                                             \
	DO(the_next_ones_are_taken)                          \
	DO(a_gate_in_no_object_has_none)                     \
	DO(what_stands_before_libc_is_taken)                 \
	DO(each_of_them_is_needed)                           \
	DO(what_cannot_be_read_is_passed_over)               \
	DO(a_gate_behind_libc_takes_the_first_ones)          \
	DO(what_is_in_front_makes_up_for_what_is_not_behind) \
	DO(where_there_are_none_there_are_none)              \
	DO(a_walk_is_announced)                              \
	DO(another_namespace_is_walked)
EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
