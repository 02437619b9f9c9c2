/* gate/got.c: the dynamic linker's own functions, what is bound as a program starts, and in other
 * namespaces. Each test is a process that begins anew. */
#include "in_a_child.h"
#include "bound_objects.h"

#include "gate/got.h"
#include "played_loader.h"

#include <dlfcn.h>
#include <errno.h>

/* ---- the dynamic linker's functions ---- */
static char other_dlsym;

static void *stand_in(const char *name)
{
	return strcmp(name, "dlsym") == 0 ? &other_dlsym : NULL;
}

static void the_linkers_functions_are_bound_where_something_is_deep(void)
{
	pq->functions[0] = NULL;
	entry(user, 0, "dlsym", libc->bytes + 9);
	gate_rebind_new();
	CHECK(user->entries[0].value == libc->bytes + 9);
	gate_rebind_deep(stand_in);
	entry(late, 0, "dlsym", late->bytes + 9);
	entry(late, 1, "dlopen", late->bytes + 9);
	entry(late, 2, "dlsym", &found_anew);
	entry(late, 3, "dlsym", user->bytes);
	entry(late, 4, "dlsym", libc->bytes + 7);
	entry(late, 5, "printf", libc->bytes + 7);
	/* Who calls none of them is left alone, whatever else it calls. */
	entry(&objects[6], 0, "PQconnectdb", libc->bytes + 7);
	entry(&objects[7], 0, "printf", libc->bytes + 7);
	loaded = 8;
	adds = 8;
	default_found = gate->bytes + 5;
	gate_rebind_new();
	/* One that has not been used yet, and would come to the gate otherwise. */
	CHECK(late->entries[0].value == &other_dlsym);
	CHECK(late->entries[1].value == late->bytes + 9);
	CHECK(late->entries[2].value == &found_anew);
	/* What stands before the gate stays there; libc's own is past the gate. */
	CHECK(late->entries[3].value == user->bytes);
	CHECK(late->entries[4].value == &other_dlsym);
	CHECK(opened == 1 && closed == 1);
}

static void what_stands_before_the_gate_stays(void)
{
	void *const nowhere[] = {NULL, &found_anew, libc->bytes + 3};

	gate_rebind_deep(stand_in);
	for (size_t i = 0; i < 3; i++) {
		entry(user, 0, "dlsym", user->bytes + 9);
		default_found = nowhere[i];
		subs++;
		gate_rebind_new();
		CHECK(user->entries[0].value == user->bytes + 9);
	}
}

/* ---- as the program starts ---- */

static void a_libpq_before_the_gate_is_bound_at_once(void)
{
	entry(user, 0, "PQconnectdb", pq->bytes + 9);
	gate_rebind_at_start();
	own_object = gate;
	gate_rebind_at_start();
	CHECK(user->entries[0].value == pq->bytes + 9 && seen == 0);
	pq->functions[0] = NULL;
	program->functions[0] = GATE_LIBPQ_MARK;
	program->unreadable = true;
	gate_rebind_at_start();
	CHECK(seen == 0);
	program->unreadable = false;
	gate_rebind_at_start();
	CHECK(seen > 0);
}

/* ---- another namespace ---- */

static void another_namespace_is_bound(void)
{
	space_of_all = 1;
	entry(user, 0, "dlsym", libc->bytes + 9);
	entry(user, 1, "PQconnectdb", pq->bytes + 9);
	entry(user, 2, "PQreset", gate->bytes + 9);
	entry(user, 3, "dlsym", pq->bytes + 9);
	meant_by_callers = second.base;
	gate_rebind_space(&user->map, stand_in);
	CHECK(user->entries[0].value == &other_dlsym && user->entries[3].value == &other_dlsym);
	CHECK(user->entries[1].value == WRAPPER(0, "PQconnectdb"));
	CHECK(user->entries[2].value == gate->bytes + 9);
	/* All but the program: the libpq, its user and libc. */
	CHECK(opened == 3 && closed == 3);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 3 && seen == 1);
	/* What has come or gone has all looked at again. */
	adds++;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 6);
	subs++;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 9);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 9);
	/* Another namespace is another matter. */
	space_of_all = 15;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 12);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 12);
	space_of_all = 1;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 12);
}

static void what_is_no_other_namespace_is_left_alone(void)
{
	entry(user, 0, "dlsym", libc->bytes + 9);
	gate_rebind_space(&user->map, stand_in);
	space_of_all = 1;
	has_no_space = true;
	gate_rebind_space(&user->map, stand_in);
	CHECK(user->entries[0].value == libc->bytes + 9 && seen == 0 && opened == 0);
	/* One more than glibc has is looked at each time. */
	has_no_space = false;
	for (int i = 0; i < 2; i++) {
		space_of_all = i == 0 ? 16 : -2;
		gate_rebind_space(&user->map, stand_in);
		gate_rebind_space(&user->map, stand_in);
		CHECK(opened == 6 * (i + 1));
	}
	/* Objects without a name are nobody's; for want of memory, it is done again. */
	space_of_all = 2;
	libc->map.l_name = NULL;
	pq->map.l_name = names[0];
	user->map.l_name = letter;
	has_no_memory = true;
	opened = 0;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 0);
	has_no_memory = false;
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 1);
	gate_rebind_space(&user->map, stand_in);
	CHECK(opened == 1);
}

#define EACH(DO)                                                    \
	DO(the_linkers_functions_are_bound_where_something_is_deep) \
	DO(what_stands_before_the_gate_stays)                       \
	DO(a_libpq_before_the_gate_is_bound_at_once)                \
	DO(another_namespace_is_bound)                              \
	DO(what_is_no_other_namespace_is_left_alone)

EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
